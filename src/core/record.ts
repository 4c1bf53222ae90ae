/**
 * What the registry keeps of the state, so that a later supervisor can go on where this one ended. Plain data without the inventory's entry:
 * that comes from the file again, and `entry` tells whether it is still the same.
 */

import type { EngineIdentity, ExitEvidence } from './facts.js';
import { isRestart } from './launching.js';
import type { Intent, LaunchCause, Life, Resumed } from './life.js';
import type { Launch } from './messages.js';
import type { Device, Instant, Lease, Moment, PoolSpec } from './model.js';
import { awaitsRestart } from './operation.js';
import { beforeReload } from './reload.js';
import type { Override } from './reload-state.js';
import type { Replica } from './replica.js';
import type { Operation, Pool, RecordedEngine, State } from './state.js';
import type { Restart } from './storm.js';

export type RecordedLife =
  | { readonly state: 'stopped'; readonly why: string | null }
  | { readonly state: 'failed'; readonly why: string }
  | { readonly state: 'preparing'; readonly cause: LaunchCause; readonly intent: RecordedEngine | null }
  | Extract<Life, { state: 'backoff' | 'broken' }>
  | {
      readonly state: 'starting';
      readonly engine: RecordedEngine;
      readonly deadline: Instant;
      readonly lastDeadline: Instant;
      readonly startupDeadlineMs: number;
    }
  | {
      readonly state: 'serving';
      readonly engine: RecordedEngine;
      readonly resumed: Resumed;
    }
  | {
      readonly state: 'ending';
      readonly engine: RecordedEngine;
      readonly intent: Intent;
      readonly exit: ExitEvidence | null;
    };

/** Numbers and history, whatever its life is. */
export type RecordedReplica = Pick<
  Replica,
  | 'goal'
  | 'incarnation'
  | 'port'
  | 'attempt'
  | 'obstructed'
  | 'restartCount'
  | 'crashCount'
  | 'restartsTotal'
  | 'crashesTotal'
  | 'lastCrashAt'
  | 'lastExit'
  | 'lastError'
  | 'breakers'
  | 'repeated'
  | 'provenAt'
  | 'vram'
> & {
  /** Of the inventory's entry for its pool. */
  readonly entry: string;
  readonly died: RecordedEngine | null;
  readonly life: RecordedLife;
};

/** `ordered`: it may have come to a process at any time after this was written. */
export type RecordedRestart = Restart & { readonly ordered?: true };

export type RecordedState = {
  /** When it was written. */
  readonly at: Moment;
  readonly replicas: Readonly<Record<string, RecordedReplica>>;
  /** By pool. */
  readonly restarts: Readonly<Record<string, readonly RecordedRestart[]>>;
  readonly deviceRestarts: Readonly<Record<string, readonly RecordedRestart[]>>;
  /** Those that are under way. */
  readonly operations: readonly Operation[];
  readonly leases: readonly Lease[];
  /** By pool: models that stand above the file's. */
  readonly overrides: Readonly<Record<string, Override>>;
  readonly leftovers: readonly RecordedEngine[];
  readonly retired: State['retired'];
};

/** `entryOf` tells one normalised inventory entry from another. */
export function recorded(state: State, entryOf: (spec: PoolSpec) => string, at: Moment): RecordedState {
  const pools = [...state.pools.values()];
  return {
    at,
    replicas: Object.fromEntries(
      pools.flatMap((pool) => pool.replicas.map((replica) => [replica.key, recordedReplica(replica, pool, state, entryOf)])),
    ),
    restarts: Object.fromEntries(
      pools.flatMap((pool) => {
        const restarts = [...pool.restarts, ...ordered(pool, at).map(({ restart }) => restart)];
        return restarts.length > 0 ? [[pool.spec.poolId, restarts]] : [];
      }),
    ),
    deviceRestarts: deviceRestartsOf(state, at),
    operations: [...state.operations.values()].filter((operation) => operation.state === 'running'),
    leases: [...state.leases.values()],
    overrides: Object.fromEntries(pools.flatMap(({ spec, override }) => (override === null ? [] : [[spec.poolId, override]]))),
    leftovers: state.leftovers,
    retired: state.retired,
  };
}

/** Restarts that may have come to a process before this is written again: they count from now on, as their incarnations do. */
function ordered(
  { replicas }: Pool,
  at: Moment,
): readonly { readonly restart: RecordedRestart; readonly devices: readonly Device[] }[] {
  return replicas.flatMap(({ life, lastExit }) =>
    isOrderedRestart(life)
      ? [{ restart: { at, class: lastExit?.class ?? 'unknown', ordered: true }, devices: life.launch.devices }]
      : [],
  );
}

function isOrderedRestart(life: Life): life is Extract<Life, { phase: 'checking' }> {
  return life.state === 'preparing' && life.phase === 'checking' && isRestart(life.cause);
}

function deviceRestartsOf({ deviceRestarts, pools }: State, at: Moment): RecordedState['deviceRestarts'] {
  const restarts = new Map<string, readonly RecordedRestart[]>(deviceRestarts);
  for (const pool of pools.values()) {
    for (const { restart, devices } of ordered(pool, at))
      for (const { uuid } of devices) restarts.set(uuid, [...(restarts.get(uuid) ?? []), restart]);
  }
  return Object.fromEntries(restarts);
}

function recordedReplica(
  running: Replica,
  pool: Pool,
  { shutdown, operations }: State,
  entryOf: (spec: PoolSpec) => string,
): RecordedReplica {
  const { spec } = pool;
  // Should this supervisor die, the next one has the old model, and what that has come to.
  const replica = beforeReload(pool, running);
  // It may find a pool in the file again that was on its way out: nobody wanted that one down for ever.
  const returns = pool.retiring && spec.autostart;
  const comesUp = returns || awaitsRestart(operations, replica.key);
  // A supervisor that dies on its way down was not asked to keep its engines down for ever.
  const wanted = shutdown?.goals.get(replica.key) ?? replica.goal;
  const { life } = replica;
  const intent = life.state === 'preparing' && life.phase !== 'queued' ? life.launch : null;
  const more = isOrderedRestart(life) ? 1 : 0;
  return {
    goal: comesUp ? 'up' : wanted,
    incarnation: intent?.incarnation ?? replica.incarnation,
    port: replica.portProven ? replica.port : null,
    attempt: replica.attempt,
    obstructed: replica.obstructed,
    restartCount: replica.restartCount + more,
    crashCount: replica.crashCount,
    restartsTotal: replica.restartsTotal + more,
    crashesTotal: replica.crashesTotal,
    lastCrashAt: replica.lastCrashAt,
    lastExit: replica.lastExit,
    lastError: replica.lastError,
    breakers: replica.breakers,
    repeated: replica.repeated,
    provenAt: replica.provenAt,
    vram: replica.vram,
    entry: entryOf(spec),
    died: replica.died && engineOf(replica.died.launch, replica.died.identity, replica.died.startedAt, entryOf),
    life:
      comesUp && life.state === 'stopped' ? { state: 'preparing', cause: 'start', intent: null } : recordedLife(life, entryOf),
  };
}

function recordedLife(life: Life, entryOf: (spec: PoolSpec) => string): RecordedLife {
  switch (life.state) {
    case 'stopped':
    case 'failed':
    case 'backoff':
    case 'broken':
      return life;
    case 'preparing': {
      const { cause } = life;
      // A launch that is being checked may be a process before this is written again.
      if (life.phase === 'queued') return { state: 'preparing', cause, intent: null };
      const intent = engineOf(life.launch, null, { at: life.since, wallMs: 0 }, entryOf);
      const entry = life.phase === 'spawning' ? life.sought?.entry : undefined;
      return { state: 'preparing', cause, intent: { ...intent, entry: entry ?? intent.entry } };
    }
    case 'starting': {
      const engine = engineOf(life.engine.launch, life.engine.identity, life.engine.startedAt, entryOf);
      if (life.resumed !== null) return { state: 'serving', engine, resumed: life.resumed };
      const { deadline, lastDeadline, startupDeadlineMs } = life;
      return { state: 'starting', engine, deadline, lastDeadline, startupDeadlineMs };
    }
    case 'ready':
    case 'unhealthy': {
      const { readyAt, description, stableAt, calmAt, closeAt } = life;
      const engine = engineOf(life.engine.launch, life.engine.identity, life.engine.startedAt, entryOf);
      const rewards = life.state === 'ready' ? { stableAt, calmAt, closeAt } : null;
      return { state: 'serving', engine, resumed: { readyAt, description, rewards } };
    }
    case 'draining': {
      const { readyAt, description, stableAt, calmAt, closeAt, illness, deadline: drainBy } = life;
      const engine = engineOf(life.engine.launch, life.engine.identity, life.engine.startedAt, entryOf);
      const rewards = illness === null ? { stableAt, calmAt, closeAt } : null;
      return { state: 'serving', engine, resumed: { readyAt, description, rewards, drainBy } };
    }
    case 'stopping':
    case 'stuck': {
      const { intent, exit } = life;
      const engine = engineOf(life.engine.launch, life.engine.identity, life.engine.startedAt, entryOf);
      return { state: 'ending', engine, intent, exit };
    }
  }
}

function engineOf(
  { key, incarnation, instance, devices, port, spec }: Launch,
  identity: EngineIdentity | null,
  startedAt: Moment,
  entryOf: (spec: PoolSpec) => string,
): RecordedEngine {
  return { key, incarnation, instance, identity, startedAt, devices, port, stop: spec.stop, entry: entryOf(spec) };
}
