/**
 * Before a launch: whether what is free on its devices has been seen since that last changed. A driver takes its time to give the memory of an ended
 * engine back, and one that has just loaded has taken nobody knows how much.
 */

import { resolveMask } from './devices.js';
import { isLive, isServing } from './life.js';
import type { Launch } from './messages.js';
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
  if (devices.tool !== 'working') return null;
  const changed = spec.vramBytes === null ? null : changedBeside(replica, state);
  if (changed !== null) return changed;
  if (freed === null) return null;
  const until = freed.at + releaseMs;
  if (devices.seenAt >= until) return null;
  const own = devices.devices.filter(({ uuid }) => freed.uuids.includes(uuid));
  const where = `GPU ${own.map(({ index }) => index).join(',')}`;
  if (devices.askedAt <= freed.at) {
    const what = freed.instances.length === 0 ? `it is seen what is free on ${where}` : `its memory on ${where} is given back`;
    return { until, lookAt: null, why: `waits until ${what}` };
  }
  const again = { until, lookAt: devices.seenAt + lookEveryMs };
  const listed = freed.instances.filter((each) => devices.processes?.some(({ instance }) => instance === each) === true);
  if (listed.length > 0) {
    const bytes = listed.reduce((sum, each) => sum + (heldBytes(each, devices) ?? 0), 0);
    return { ...again, why: `waits until its last engine gives back ${bytes > 0 ? `${gib(bytes)} on ` : ''}${where}` };
  }
  if (shortage(replica, spec, own, state) === null) return null;
  const by = holders(own, replica.key, state);
  return { ...again, why: `waits for memory on ${where}${by === null ? '' : `, held by ${by}`}` };
}

const lookEveryMs = 500;

/** Its engine has ended, and the devices that it was on are not free before the driver says so. */
export function withFreed(before: Replica, after: Replica, at: Instant): Replica {
  if (!isLive(before.life) || isLive(after.life)) return after;
  return freedBy(before.life.engine.launch, after, at);
}

/** The engine of this launch is no more, or nobody finds it: its memory may be on its way back. */
export function freedBy<R extends Replica>({ instance, devices }: Launch, replica: R, at: Instant): R {
  return devices.length === 0
    ? replica
    : { ...replica, freed: { instances: [instance], uuids: devices.map(({ uuid }) => uuid), at } };
}

/** Engines that had no place in this inventory are gone: whoever comes after them on their devices waits for their memory as for one of its own. */
export function withoutLeftovers(state: State, at: Instant): State {
  const after = (replica: Replica): Replica => {
    const wanted = wantedBy(replica, state);
    const gone = state.leftovers.filter(({ devices }) => devices.some(({ uuid }) => wanted.has(uuid)));
    if (gone.length === 0 || isLive(replica.life)) return replica;
    const instances = [...(replica.freed?.instances ?? []), ...gone.map(({ instance }) => instance)];
    const uuids = [...(replica.freed?.uuids ?? []), ...gone.flatMap(({ devices }) => devices.map(({ uuid }) => uuid))];
    return { ...replica, freed: { instances, uuids: [...new Set(uuids)], at } };
  };
  const pools = [...state.pools].map(([id, pool]) => [id, { ...pool, replicas: pool.replicas.map(after) }] as const);
  return { ...state, leftovers: [], pools: new Map(pools) };
}

function wantedBy({ mask }: Replica, { devices: { devices } }: State): ReadonlySet<string> {
  const resolved = resolveMask(mask, devices, 'demo');
  return new Set(resolved.ok ? resolved.value.map(({ uuid }) => uuid) : []);
}

/** Another engine on its devices has loaded, or has ended, and nobody has looked since at what is free. */
function changedBeside(replica: Replica, state: State): Unreleased | null {
  const { devices, pools } = state;
  const wanted = wantedBy(replica, state);
  for (const { replicas } of pools.values()) {
    for (const other of replicas) {
      const at = other.key === replica.key ? null : changedAt(other, wanted);
      if (at === null || at < devices.askedAt || devices.seenAt >= at + releaseMs) continue;
      return { until: at + releaseMs, lookAt: null, why: `waits until it is seen what ${other.key} has left of its devices` };
    }
  }
  return null;
}

function changedAt({ life, freed }: Replica, wanted: ReadonlySet<string>): Instant | null {
  if (isServing(life)) return life.engine.launch.devices.some(({ uuid }) => wanted.has(uuid)) ? life.readyAt.at : null;
  // Who has died unasked holds its memory still, while it is found out why and what it left behind is ended.
  if (life.state === 'stopping' && life.intent.kind === 'crashed')
    return life.engine.launch.devices.some(({ uuid }) => wanted.has(uuid)) ? life.intent.endedAt.at : null;
  return freed?.uuids.some((uuid) => wanted.has(uuid)) === true ? freed.at : null;
}
