/** What a launch needs of the machine as it is known now: devices for the mask, and a port. */

import { resolveMask } from './devices.js';
import type { Means } from './launching.js';
import type { Instant, Result } from './model.js';
import type { Pool, Replica, State } from './state.js';
import { span } from './words.js';

/** A launch relies on device data up to this old. */
const freshMs = 60_000;

export function meansFor(replica: Replica, pool: Pool, state: State, now: Instant): Result<Means, string> {
  const devices = devicesFor(replica, pool, state, now);
  if (!devices.ok) return devices;
  const port = portFor(replica, pool, state);
  return port.ok ? { ok: true, value: { devices: devices.value, port: port.value } } : port;
}

function devicesFor(
  { mask }: Replica,
  { spec }: Pool,
  { devices: observed }: State,
  now: Instant,
): Result<Means['devices'], string> {
  if (mask.kind === 'cpu') return { ok: true, value: [] };
  const ageMs = observed.observedAt === null ? null : now - observed.observedAt;
  if (observed.tool === 'failing' && (ageMs === null || ageMs > freshMs)) {
    const age = ageMs === null ? 'no device data yet' : `the device data is ${span(ageMs)} old`;
    return { ok: false, error: `needs the devices of mask ${mask.written}, but ${age}: ${observed.note ?? 'the tool fails'}` };
  }
  const found = resolveMask(mask, observed.devices, spec.engine);
  if (!found.ok) return { ok: false, error: found.error.message };
  const sick = found.value.find(({ ailment }) => ailment !== null);
  return sick === undefined
    ? found
    : { ok: false, error: `GPU ${sick.index} (${sick.name}) of mask ${mask.written} is unhealthy; see nvidia-smi` };
}

/** The replica's own, once it has one; else as the inventory says; else the lowest that no replica has. */
function portFor(replica: Replica, { spec }: Pool, { inventory, pools }: State): Result<number, string> {
  if (replica.port !== null) return { ok: true, value: replica.port };
  if (spec.port !== 'auto') return { ok: true, value: spec.port + replica.index };
  const { from, to } = inventory.supervisor.ports;
  const taken = new Set(replica.avoidPorts);
  for (const { spec: other, replicas } of pools.values()) {
    for (const { port, index } of replicas) {
      if (other.port !== 'auto') taken.add(other.port + index);
      else if (port !== null) taken.add(port);
    }
  }
  for (let port = from; port <= to; port += 1) if (!taken.has(port)) return { ok: true, value: port };
  return { ok: false, error: `needs a free port, and none of supervisor.ports ${from}-${to} is free; name a wider range` };
}
