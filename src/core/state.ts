/** The state of everything, as values. Nobody but step() makes a new one. */

import type { Breaker } from './breaker.js';
import type { CrashClass, EvidenceLine } from './crash.js';
import type { DevicesObservation, EngineIdentity } from './facts.js';
import type { Engine, Life, StateName } from './life.js';
import type { Verb } from './messages.js';
import {
  type Ailment,
  type Device,
  type Instant,
  type Inventory,
  type Lease,
  type MaskRef,
  type ModelChoice,
  type Moment,
  type PoolSpec,
  poolIdOf,
  type ReplicaId,
  type ReplicaKey,
} from './model.js';
import type { Staged } from './progress.js';
import type { Restart } from './storm.js';

/** How the last engine of a replica ended. */
export type LastExit = {
  readonly code: number | null;
  readonly signal: string | null;
  readonly class: CrashClass;
  readonly subclass: string | null;
  readonly evidence: EvidenceLine | null;
  readonly hint: string | null;
  readonly confidence: 'high' | 'low';
  /** Where only a reset of the GPU or a reboot helps. */
  readonly cure: 'reset' | 'reboot' | null;
  /** The end of its log, at most 20 lines. */
  readonly lastLines: readonly string[];
  readonly restartable: boolean;
  readonly at: Moment;
  readonly uptimeMs: number;
  readonly incarnation: number;
};

/** A pool's place for one device mask: what outlives its engines, and the life of the present one. */
export type Replica = {
  readonly key: ReplicaKey;
  readonly id: ReplicaId;
  readonly index: number;
  readonly mask: MaskRef;
  readonly goal: 'up' | 'down';
  /** Number of the last launch; 0: never launched. Never reused. */
  readonly incarnation: number;
  /** Number of the last preflight, so that the answer of an abandoned one is dropped. */
  readonly checks: number;
  /** Once given, kept. */
  readonly port: number | null;
  /** True once an engine was launched on `port`: from then on a taken port is waited for, not left. */
  readonly portProven: boolean;
  /** Ports found taken by strangers before the first launch. */
  readonly avoidPorts: readonly number[];
  /** Automatic restarts since the last stable run. */
  readonly attempt: number;
  /** Preflights in a row that met an obstacle. */
  readonly obstructed: number;
  readonly restartCount: number;
  readonly crashCount: number;
  readonly restartsTotal: number;
  readonly crashesTotal: number;
  readonly lastCrashAt: Moment | null;
  readonly lastExit: LastExit | null;
  readonly lastError: string | null;
  readonly breakers: Breakers;
  /** Failures in a row of one cause that gets a few tries. */
  readonly repeated: { readonly subclass: string; readonly count: number } | null;
  /** When an engine of the present configuration was last ready: it can work, so its failures are not the configuration's. */
  readonly provenAt: Moment | null;
  readonly vram: Vram;
  /** Died last, with nobody left in its group: who had left that before has not been looked for yet. */
  readonly died: Engine | null;
  readonly life: Life;
};

/** What is known of the memory that its engines need on their devices. */
export type Vram = {
  /** What the model's tensors take, by its file; null where that cannot be told. */
  readonly modelBytes: number | null;
  /** What an engine that ran out of it had held or asked for at most. */
  readonly learntBytes: number | null;
  /** The most that an engine was seen to hold. */
  readonly peak: { readonly instance: string; readonly bytes: number } | null;
  /** After it ran out of memory: what was free on its devices before that launch. */
  readonly before: readonly { readonly uuid: string; readonly freeBytes: number }[] | null;
  /** False for engines that use a GPU as graphics do (Vulkan), whom the tool does not list. */
  readonly listed: boolean;
};

/** GPU errors count in a breaker of their own. */
export type Breakers = { readonly general: Breaker; readonly cuda: Breaker };

export type In<S extends StateName> = Replica & { readonly life: Extract<Life, { state: S }> };

/** What outlives everything. A place that is there again soon may yet be answered what was asked for the one before. */
export type Lifetime = Pick<Replica, 'incarnation' | 'restartsTotal' | 'crashesTotal'> & { readonly checks?: number };

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

export type Override = {
  readonly chosen: ModelChoice;
  readonly since: Moment;
  /** What the file named then: another model there ends the override. */
  readonly file: Pick<PoolSpec, 'model' | 'modelDigest'>;
};

/** What a replica has come to with its model: kept while another is tried, and given back with the old one. */
export type Earned = Pick<
  Replica,
  'attempt' | 'obstructed' | 'restartCount' | 'crashCount' | 'lastError' | 'breakers' | 'repeated' | 'provenAt' | 'vram'
>;

/**
 * Forward: waiting, draining (the old engine ends), launching (the new one comes), switched. Back: emptying (the new one ends), returning (the old
 * one comes again), and then returned, or lost where it does not come.
 */
export type Stage = 'waiting' | 'draining' | 'launching' | 'switched' | 'emptying' | 'returning' | 'returned' | 'lost';

export type Place = {
  readonly key: ReplicaKey;
  readonly stage: Stage;
  /** As it was when its turn came. `life` is set where no engine ran: that is given back. */
  readonly before: {
    readonly goal: Replica['goal'];
    readonly incarnation: number;
    readonly place: Pick<Replica, 'mask' | 'port' | 'portProven'>;
    readonly earned: Earned;
    readonly life: Resting | null;
  };
  /** All crashes of its life before the new model was launched. */
  readonly crashes: number;
  /** Its turn has come. */
  readonly touched: boolean;
  /** The new entry has no mask for it: it goes. */
  readonly leaves: boolean;
  /** Until when the new engine may wait for what it needs. */
  readonly launchBy: Instant;
};

export type Resting = Extract<Life, { state: 'stopped' | 'backoff' | 'broken' | 'failed' }>;

export type FailureReason = 'model' | 'drain_timeout' | 'spawn' | 'exit' | 'deadline' | 'unhealthy' | 'cancelled';

export type Failure = { readonly reason: FailureReason; readonly key: ReplicaKey | null; readonly text: string };

export type Reload = {
  readonly operationId: string;
  /** Another model for the pool, or another entry of the inventory. */
  readonly cause: 'reload' | 'apply';
  /** The pool's entry as it is to be. */
  readonly to: PoolSpec;
  /** What stands above the file after an apply. */
  readonly override: Override | null;
  readonly strategy: 'rolling' | 'recreate';
  readonly drainMs: number;
  /** The new model is there, sound, and could fit. Nothing is touched before. */
  readonly verified: boolean;
  /** It is on its way; null: nothing is known of that. */
  readonly staged: Staged | null;
  readonly places: readonly Place[];
  /** Why it goes back; null: it goes forward. */
  readonly failure: Failure | null;
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

/** Nothing of it is there any more, and nobody who had left the group of its last engine is looked for yet: its place may go. */
export const isLeft = ({ life, died }: Replica): boolean => life.state === 'stopped' && died === null;

/** Found by its number, not by a search. */
export function replicaIn(pools: State['pools'], key: ReplicaKey): Replica | undefined {
  return pools.get(poolIdOf(key))?.replicas[Number(key.slice(key.lastIndexOf('/') + 2))];
}
