/** The state before the first input, as if no supervisor had ever been here: every wanted replica queued. */

import { closedBreaker } from './breaker.js';
import type { DevicesObservation } from './facts.js';
import type { Life } from './life.js';
import { type Instant, type Inventory, type PoolSpec, replicaId, replicaKey } from './model.js';
import type { Replica } from './replica.js';
import type { State } from './state.js';

export type Beginning = {
  readonly inventory: Inventory;
  /** Pools named on the command line; empty: all that start by themselves. */
  readonly named: readonly string[];
  readonly devices: DevicesObservation;
  readonly exitOnAllFailed: boolean;
  readonly now: Instant;
};

export function initialState(beginning: Beginning): State {
  const { inventory, devices, exitOnAllFailed, now } = beginning;
  return {
    inventory,
    pools: new Map(
      inventory.pools.map((spec) => [
        spec.poolId,
        {
          spec,
          replicas: spec.masks.map((_, index) => freshReplica(spec, index, beginning)),
          restarts: [],
          override: null,
          reload: null,
          retiring: false,
        },
      ]),
    ),
    devices: {
      ...devices,
      observedAt: devices.tool === 'failing' ? null : now,
      seenAt: now,
      lookOut: false,
      lost: new Map(),
      reported: new Map(),
    },
    freed: [],
    leases: new Map(),
    operations: new Map(),
    leftovers: [],
    retired: {},
    deviceRestarts: new Map(),
    apply: null,
    shutdown: null,
    exitOnAllFailed,
  };
}

/** A replica that was never launched. */
export function freshReplica(spec: PoolSpec, index: number, { named, now }: Pick<Beginning, 'named' | 'now'>): Replica {
  const goal = (named.length === 0 ? spec.autostart : named.includes(spec.poolId)) ? 'up' : 'down';
  const mask = spec.masks[index];
  if (mask === undefined) throw new RangeError(`${spec.poolId} has no replica ${index}`);
  return {
    key: replicaKey(spec.poolId, replicaId(index)),
    id: replicaId(index),
    index,
    mask,
    goal,
    incarnation: 0,
    checks: 0,
    port: spec.port === 'auto' ? null : spec.port + index,
    portProven: false,
    avoidPorts: [],
    attempt: 0,
    obstructed: 0,
    restartCount: 0,
    crashCount: 0,
    restartsTotal: 0,
    crashesTotal: 0,
    lastCrashAt: null,
    lastExit: null,
    lastError: null,
    breakers: { general: closedBreaker, cuda: closedBreaker },
    repeated: null,
    provenAt: null,
    vram: { modelBytes: null, learntBytes: null, peak: null, before: null, listed: true },
    died: null,
    life: beforeLaunch(goal, now),
  };
}

/** Wants to launch, or does not. */
export function beforeLaunch(goal: Replica['goal'], now: Instant): Life {
  return goal === 'up' ? { state: 'preparing', phase: 'queued', cause: 'start', since: now } : { state: 'stopped', why: null };
}

/** Of a place that may have been there before: its numbers go on. */
export function newReplica(
  spec: PoolSpec,
  index: number,
  goal: Replica['goal'],
  { retired }: Pick<State, 'retired'>,
  now: Instant,
): Replica {
  const replica = freshReplica(spec, index, { named: [], now });
  return { ...replica, ...retired[replica.key], goal, life: beforeLaunch(goal, now) };
}
