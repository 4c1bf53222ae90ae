/** The state of everything, as values. Nobody but step() makes a new one. */

import type { DevicesObservation, EngineIdentity } from './facts.js';
import type { Verb } from './messages.js';
import {
  type Ailment,
  type Device,
  type Instant,
  type Inventory,
  type Lease,
  type Moment,
  type PoolSpec,
  poolIdOf,
  type ReplicaKey,
} from './model.js';
import type { Override, Reload } from './reload-state.js';
import type { Lifetime, Replica } from './replica.js';
import type { Restart } from './storm.js';

export type Pool = {
  readonly spec: PoolSpec;
  readonly replicas: readonly Replica[];
  /** Automatic restarts of the last while, oldest first. */
  readonly restarts: readonly Restart[];
  /** The model that a reload has put in the place of the file's; `spec` has it already. */
  readonly override: Override | null;
  readonly reload: Reload | null;
  /** The inventory has it no more: it goes as soon as its engines have. */
  readonly retiring: boolean;
};

export type OperationStep = {
  readonly key: ReplicaKey;
  /** What is done to it, where the operation's kind does not say it. */
  readonly what: string | null;
  readonly state: 'pending' | 'running' | 'done' | 'failed';
  /** The incarnation before the step began: a restart is done when a later one is ready. */
  readonly after: number;
  /** Its drain ended by force. */
  readonly forced: boolean;
  /** Its running requests are among those of the operation. */
  readonly counted: boolean;
  readonly detail: string | null;
};

/** An engine that has ended: its memory on these devices may not be free yet, whoever comes there next. */
export type Freed = {
  readonly key: ReplicaKey;
  /** Null: nobody has looked there for long, and a new place is to be launched. */
  readonly instance: string | null;
  readonly uuids: readonly string[];
  readonly share: boolean;
  readonly at: Instant;
};

export type Operation = {
  readonly id: string;
  readonly kind: Verb | 'reload' | 'apply' | 'shutdown';
  readonly poolId: string | null;
  readonly state: 'running' | 'succeeded' | 'failed';
  readonly outcome: string | null;
  readonly changed: boolean;
  readonly startedAt: Moment;
  readonly finishedAt: Moment | null;
  /** Cut in half by the supervisor's death. */
  readonly interrupted: boolean;
  /** When it began. */
  readonly activeLeases: number;
  readonly inflight: number | null;
  /** Leases that were lost to it. */
  readonly cut: number;
  /** `restart`: how long each replica may be drained; null: not at all. */
  readonly drainMs: number | null;
  readonly steps: readonly OperationStep[];
  readonly error: {
    readonly code: 'OPERATION_FAILED' | 'RELOAD_FAILED' | 'DRAIN_TIMEOUT' | 'MODEL_UNAVAILABLE';
    readonly message: string;
    readonly why?: string;
    readonly hint?: string;
  } | null;
  readonly correlationId: string | null;
};

/** A changed inventory that is being carried out. */
export type Apply = {
  readonly operationId: string;
  /** Pools whose engines are replaced; `end` and `steps` once that is over, `why` and by whom (`key`) where it failed. */
  readonly restarts: readonly {
    readonly poolId: string;
    readonly end: 'reloaded' | 'rolled_back' | 'rollback_failed' | 'drain_timeout' | 'failed' | null;
    readonly why?: string;
    readonly key?: ReplicaKey | null;
    readonly steps?: readonly OperationStep[];
  }[];
  /** Pools that the inventory no longer has. */
  readonly stops: readonly string[];
  /** Whether there is more to it, which cannot fail. */
  readonly others: boolean;
};

export type Shutdown = {
  readonly operationId: string;
  readonly exit: number;
  /** Engines are left to the next supervisor. */
  readonly keep: boolean;
  /** What was wanted before: a supervisor that dies on the way down leaves these to the next. */
  readonly goals: ReadonlyMap<ReplicaKey, Replica['goal']>;
};

/** A launch, as it was made. `identity` is null while only the intent is known: the process may or may not exist. */
export type RecordedEngine = {
  readonly key: ReplicaKey;
  readonly incarnation: number;
  readonly instance: string;
  readonly identity: EngineIdentity | null;
  readonly startedAt: Moment;
  readonly devices: readonly Device[];
  readonly port: number;
  readonly stop: PoolSpec['stop'];
  /** Tells one normalised inventory entry from another. */
  readonly entry: string;
};

export type State = {
  readonly inventory: Inventory;
  /** In the file's order. */
  readonly pools: ReadonlyMap<string, Pool>;
  readonly devices: DevicesObservation & {
    readonly observedAt: Instant | null;
    /** When the last answer came, be it a failure. */
    readonly seenAt: Instant;
    /** A look is out. */
    readonly lookOut: boolean;
    /** Were there, and are listed no more. */
    readonly lost: ReadonlyMap<string, Device>;
    /** By device: what the kernel's log has told of it, and nothing has cured since. */
    readonly reported: ReadonlyMap<string, Ailment & { readonly at: Instant }>;
  };
  /** Oldest first; those that are waited for no more go when the next comes. */
  readonly freed: readonly Freed[];
  readonly leases: ReadonlyMap<string, Lease>;
  /** Oldest first. */
  readonly operations: ReadonlyMap<string, Operation>;
  /** Engines of an earlier supervisor that have no place in this inventory: nothing is launched before they are gone. */
  readonly leftovers: readonly RecordedEngine[];
  /** Of places that the inventory no longer has: should they come back, no incarnation is given twice and no lifetime count is lost. */
  readonly retired: Readonly<Record<string, Lifetime>>;
  /** By device: automatic restarts of all pools that touch it, oldest first. */
  readonly deviceRestarts: ReadonlyMap<string, readonly Restart[]>;
  readonly apply: Apply | null;
  readonly shutdown: Shutdown | null;
  readonly exitOnAllFailed: boolean;
};

export const now = ({ now: at, wallMs }: { now: Instant; wallMs: number }): Moment => ({ at, wallMs });

/** Found by its number, not by a search. */
export function replicaIn(pools: State['pools'], key: ReplicaKey): Replica | undefined {
  return pools.get(poolIdOf(key))?.replicas[Number(key.slice(key.lastIndexOf('/') + 2))];
}
