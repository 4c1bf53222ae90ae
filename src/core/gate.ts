/** When may this replica launch, and because of what not yet: the one answer of all that has a say. */

import { resolveMask } from './devices.js';
import { isLive, type Replica, type State } from './state.js';

export type Gate =
  | { readonly open: true }
  | {
      readonly open: false;
      readonly because: 'shutdown' | 'goal' | 'permanent' | 'backoff' | 'leftovers' | 'loads';
      readonly why: string;
    };

const closed = (because: Extract<Gate, { open: false }>['because'], why: string): Gate => ({ open: false, because, why });

export function gate(replica: Replica, state: State): Gate {
  const { life } = replica;
  if (state.shutdown !== null) return closed('shutdown', 'the supervisor is shutting down');
  if (replica.goal === 'down') return closed('goal', 'not wanted');
  if (life.state === 'failed') return closed('permanent', life.why);
  if (life.state === 'backoff') return closed('backoff', life.why);
  if (state.hold !== null) return closed('leftovers', state.hold);
  return loads(replica, state);
}

/** Loading is heavy on disk, memory and the device: so many at once, the others behind them. */
function loads(replica: Replica, state: State): Gate {
  const { perDevice, total } = state.inventory.supervisor.loads;
  const loading: Replica[] = [];
  for (const { replicas } of state.pools.values())
    for (const other of replicas) if (other !== replica && isLoading(other)) loading.push(other);
  if (loading.length >= total) {
    return closed(
      'loads',
      `waits to load behind ${loading.map(({ key }) => key).join(', ')} (supervisor.loads.total is ${total})`,
    );
  }
  for (const device of devicesOf(replica, state)) {
    const before = loading.filter((other) => devicesOf(other, state).includes(device));
    if (before.length >= perDevice)
      return closed('loads', `waits to load on ${device} behind ${before.map(({ key }) => key).join(', ')}`);
  }
  return { open: true };
}

/** From the preflight until ready. */
function isLoading({ life }: Replica): boolean {
  return life.state === 'starting' || (life.state === 'preparing' && life.phase !== 'queued');
}

/** "GPU 0" for each device of the replica's mask, as people name them; empty for cpu, and where the mask cannot be had just now. */
function devicesOf({ mask, life }: Replica, { devices: { devices } }: State): readonly string[] {
  const launch = isLive(life) ? life.engine.launch : life.state === 'preparing' && life.phase !== 'queued' ? life.launch : null;
  const resolved = launch === null ? resolveMask(mask, devices, 'demo') : { ok: true as const, value: launch.devices };
  return resolved.ok ? resolved.value.map(({ index }) => `GPU ${index}`) : [];
}
