/** The state before the first input: every wanted replica queued, behind whatever an earlier supervisor left. */

import type { DevicesObservation } from './messages.js';
import { type Instant, type Inventory, type PoolSpec, replicaId, replicaKey } from './model.js';
import type { Replica, State } from './state.js';

/** What the registry kept of a replica: numbers that outlive a supervisor. */
export type Remembered = Pick<Replica, 'incarnation' | 'port' | 'restartsTotal' | 'crashesTotal'>;

export type Beginning = {
  readonly inventory: Inventory;
  /** Pools named on the command line; empty: all that start by themselves. */
  readonly named: readonly string[];
  readonly devices: DevicesObservation;
  readonly remembered: ReadonlyMap<string, Remembered>;
  readonly hold: string | null;
  readonly exitOnAllFailed: boolean;
  readonly now: Instant;
};

export function initialState({ inventory, named, devices, remembered, hold, exitOnAllFailed, now }: Beginning): State {
  const wanted = ({ poolId, autostart }: PoolSpec): boolean => (named.length === 0 ? autostart : named.includes(poolId));
  return {
    inventory,
    pools: new Map(inventory.pools.map((spec) => [spec.poolId, { spec, replicas: places(spec, wanted(spec), remembered, now) }])),
    devices: { ...devices, observedAt: devices.tool === 'failing' ? null : now },
    operations: new Map(),
    hold,
    shutdown: null,
    exitOnAllFailed,
  };
}

function places(spec: PoolSpec, up: boolean, remembered: Beginning['remembered'], now: Instant): readonly Replica[] {
  return spec.masks.map((mask, index): Replica => {
    const key = replicaKey(spec.poolId, replicaId(index));
    const before = remembered.get(key);
    const port = spec.port === 'auto' ? (before?.port ?? null) : spec.port + index;
    return {
      key,
      id: replicaId(index),
      index,
      mask,
      goal: up ? 'up' : 'down',
      incarnation: before?.incarnation ?? 0,
      checks: 0,
      port,
      portProven: before?.port != null,
      avoidPorts: [],
      attempt: 0,
      obstructed: 0,
      restartCount: 0,
      crashCount: 0,
      restartsTotal: before?.restartsTotal ?? 0,
      crashesTotal: before?.crashesTotal ?? 0,
      lastCrashAt: null,
      lastExit: null,
      lastError: null,
      life: up ? { state: 'preparing', phase: 'queued', cause: 'start', since: now } : { state: 'stopped', why: null },
    };
  });
}
