/** What a launch needs of the machine as it is known now: devices for the mask with enough memory, and a port. */

import { resolveMask } from './devices.js';
import type { Obstacle } from './facts.js';
import type { Means } from './launching.js';
import { isLaunching, isLive } from './life.js';
import type { Device, Instant, PoolSpec, Result } from './model.js';
import { ailmentOf, remedyFor } from './observe.js';
import { specFor } from './reload.js';
import type { Replica } from './replica.js';
import type { Pool, State } from './state.js';
import { advice, shortage } from './vram.js';
import { span } from './words.js';

/** A launch relies on device data up to this old. */
const freshMs = 60_000;

export function meansFor(replica: Replica, pool: Pool, state: State, now: Instant): Result<Means, Obstacle> {
  const spec = specFor(pool, replica.key);
  const devices = devicesFor(replica, spec, state, now);
  if (!devices.ok) return devices;
  const port = portFor(replica, spec, state);
  if (!port.ok) return port;
  return {
    ok: true,
    value: {
      devices: devices.value,
      port: port.value,
      short: shortage(replica, spec, devices.value, state),
      hostClaimedBytes: hostClaimsBeside(replica, state),
      advice: advice(replica, spec, devices.value, state),
    },
  };
}

function devicesFor(
  { mask }: Replica,
  spec: PoolSpec,
  { devices: observed }: State,
  now: Instant,
): Result<Means['devices'], Obstacle> {
  if (mask.kind === 'cpu') return { ok: true, value: [] };
  const ageMs = observed.observedAt === null ? null : now - observed.observedAt;
  if (observed.tool === 'failing' && (ageMs === null || ageMs > freshMs)) {
    const age = ageMs === null ? 'no device data yet' : `the device data is ${span(ageMs)} old`;
    return cannot(`needs the devices of mask ${mask.written}, but ${age}: ${observed.note ?? 'the tool fails'}`);
  }
  const gone = missingOf(replicaMask(mask), observed.lost);
  if (gone !== undefined) {
    const hint = 'look at its power, its cables and the kernel log, and reboot if it stays away';
    return cannot(`GPU ${gone.index} (${gone.name}) of mask ${mask.written} is gone: its tool lists it no more`, hint);
  }
  const found = resolveMask(mask, observed.devices, spec.engine);
  if (!found.ok) return cannot(found.error.message);
  for (const device of found.value) {
    const ailment = ailmentOf(device, observed);
    if (ailment === null) continue;
    const text = `GPU ${device.index} (${device.name}) of mask ${mask.written} ${ailment.text}`;
    return cannot(text, remedyFor(device, ailment));
  }
  return found;
}

const cannot = (text: string, hint?: string): Result<never, Obstacle> => ({
  ok: false,
  error: { what: 'device', text, ...(hint === undefined ? {} : { hint }) },
});

/** Its ids; all of them for `all`. */
const replicaMask = (mask: Replica['mask']): readonly string[] | 'all' => (mask.kind === 'list' ? mask.ids : 'all');

/** A device of the mask that was there and is not. A slice goes away when somebody cuts the GPU anew, and is no loss for `all`. */
function missingOf(ids: readonly string[] | 'all', lost: ReadonlyMap<string, Device>): Device | undefined {
  return [...lost.values()].find(({ index, uuid, mig }) =>
    ids === 'all' ? !mig : ids.some((id) => id === index || uuid.toLowerCase().startsWith(id.toLowerCase())),
  );
}

/** Memory of the machine that launches in progress will still take. */
function hostClaimsBeside({ key }: Replica, { pools }: State): number {
  let bytes = 0;
  for (const { replicas } of pools.values()) {
    for (const { key: other, life } of replicas) {
      const loading = isLaunching(life)
        ? life.launch
        : life.state === 'starting' && life.resumed === null
          ? life.engine.launch
          : null;
      if (other !== key) bytes += loading?.spec.hostMemoryBytes ?? 0;
    }
  }
  return bytes;
}

/** The replica's own, once it has one; else as the inventory says; else the lowest that no replica has. */
function portFor(replica: Replica, spec: PoolSpec, { inventory, pools }: State): Result<number, Obstacle> {
  if (replica.port !== null) return { ok: true, value: replica.port };
  if (spec.port !== 'auto') return { ok: true, value: spec.port + replica.index };
  const { from, to } = inventory.supervisor.ports;
  const taken = new Set(replica.avoidPorts);
  for (const { spec: other, replicas } of pools.values()) {
    for (const { port, index, life } of replicas) {
      if (other.port !== 'auto') taken.add(other.port + index);
      else if (port !== null) taken.add(port);
      // A replica that goes back to what it was may have had none, while the engine that it was given is still there.
      const launch = isLive(life) ? life.engine.launch : 'launch' in life ? life.launch : null;
      if (launch !== null) taken.add(launch.port);
    }
  }
  for (let port = from; port <= to; port += 1) if (!taken.has(port)) return { ok: true, value: port };
  const text = `needs a free port, and none of supervisor.ports ${from}-${to} is free; name a wider range`;
  return { ok: false, error: { what: 'port', text } };
}
