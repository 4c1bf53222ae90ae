/** Between an engine's end and the next launch on its devices: a driver takes its time to give the memory back. */

import type { Instant, PoolSpec } from './model.js';
import type { Replica, State } from './state.js';
import { heldBytes, holders, shortage } from './vram.js';
import { gib } from './words.js';

/** So long at most; then the preflight decides, and names who holds the memory. */
const releaseMs = 10_000;

/**
 * Why the replica's devices are not free of its last engine yet, as far as the tool can tell: nobody has looked since, that engine is still listed, or
 * less is free than the next one needs. `look`: when to look again; null: as soon as it can be.
 */
export type Unreleased = { readonly until: Instant; readonly why: string; readonly lookAt: Instant | null };

export function unreleased(replica: Replica, spec: PoolSpec, state: State): Unreleased | null {
  const { freed } = replica;
  const { devices } = state;
  if (freed === null || devices.tool !== 'working') return null;
  const until = freed.at + releaseMs;
  if (devices.seenAt >= until) return null;
  const own = devices.devices.filter(({ uuid }) => freed.uuids.includes(uuid));
  const where = `GPU ${own.map(({ index }) => index).join(',')}`;
  if (devices.askedAt <= freed.at) return { until, lookAt: null, why: `waits until its memory on ${where} is given back` };
  const again = { until, lookAt: devices.seenAt + lookEveryMs };
  const listed = devices.processes?.some(({ instance }) => instance === freed.instance) === true;
  if (listed) {
    const bytes = heldBytes(freed.instance, devices) ?? 0;
    return { ...again, why: `waits until its last engine gives back ${bytes > 0 ? `${gib(bytes)} on ` : ''}${where}` };
  }
  if (shortage(replica, spec, own, state) === null) return null;
  const by = holders(own, replica.key, state);
  return { ...again, why: `waits for memory on ${where}${by === null ? '' : `, held by ${by}`}` };
}

const lookEveryMs = 500;
