/** The state of everything, as values. Nobody but step() makes a new one. */

import type { Breaker } from './breaker.js';
import type { CrashClass, EvidenceLine } from './crash.js';
import type { Alarm, Description, DevicesObservation, EngineIdentity, ExitEvidence, Launch, Verb, Work } from './messages.js';
import type { Device, Instant, Inventory, MaskRef, Moment, PoolSpec, ReplicaId, ReplicaKey } from './model.js';
import type { Streak } from './readiness.js';
import type { Restart } from './storm.js';

/** A live engine process: what was launched, and how it is known again. */
export type Engine = {
  readonly launch: Launch;
  readonly identity: EngineIdentity;
  readonly startedAt: Moment;
  /** It was launched by an earlier supervisor: nobody will see its exit code. */
  readonly adopted: boolean;
};

/** Why an engine is being ended by us. Decides what its exit means: an exit that we asked for is no crash. */
export type Intent =
  /** Somebody wants it stopped, or restarted: the goal tells which. */
  | { readonly kind: 'asked' }
  /** Not healthy by its startup deadline. */
  | { readonly kind: 'deadline'; readonly afterMs: number; readonly detail: string }
  /** Unhealthy for `restart_after`. */
  | { readonly kind: 'unhealthy'; readonly afterMs: number; readonly detail: string }
  /** Its log tells of a GPU or driver error that only a new process cures. */
  | { readonly kind: 'sick'; readonly alarm: Alarm }
  /** Left by an earlier supervisor, and not to be adopted. */
  | { readonly kind: 'replaced'; readonly why: string }
  /** The leader died unasked and left members of its group behind, who must go first. */
  | {
      readonly kind: 'crashed';
      /** Null while it is still being found out. */
      readonly exit: ExitEvidence | null;
      readonly wasReady: boolean;
      readonly endedAt: Moment;
    };

/** When to probe next; `at` is null while a probe is out. */
export type Probing = { readonly at: Instant | null; readonly startedAt: Instant };

/** What is true of an engine that serves or has served. */
export type Serving = {
  readonly engine: Engine;
  readonly readyAt: Moment;
  readonly description: Description;
  readonly probing: Probing;
  readonly streak: Streak;
  readonly lastHeartbeatWallMs: number | null;
  /** Null: not asked, or unknown. */
  readonly inflight: number | null;
  readonly pollAt: Instant | null;
  /** When to have it make a token; null: never, or one is being made. */
  readonly generateAt: Instant | null;
} & Rewards;

/** When ready time earns what; null once it has, and while the engine is unhealthy. */
export type Rewards = {
  /** Clears attempts and crash_count. */
  readonly stableAt: Instant | null;
  /** Clears restart_count. */
  readonly calmAt: Instant | null;
  /** Closes the breakers and clears their counts. */
  readonly closeAt: Instant | null;
};

/** What makes an engine unhealthy, and so what makes it well again: good probes, a token, or nothing. */
export type Sickness =
  | { readonly kind: 'probes' }
  | { readonly kind: 'silent' }
  /** A GPU error that may be harmless: one token decides. */
  | { readonly kind: 'suspect'; readonly alarm: Alarm }
  | { readonly kind: 'sticky'; readonly alarm: Alarm };

/** What was known of an engine that served under an earlier supervisor. */
export type Resumed = Pick<Serving, 'readyAt' | 'description'> & {
  /** Null: it was unhealthy, and ready time begins anew. */
  readonly rewards: Rewards | null;
};

export type LaunchCause = 'operator' | 'start' | 'crash' | 'health' | 'preflight';

/** Where a replica is in the life of an engine. A variant holds exactly what is true then. */
export type Life =
  | { readonly state: 'stopped'; readonly why: string | null }
  | { readonly state: 'preparing'; readonly cause: LaunchCause; readonly since: Instant; readonly phase: 'queued' }
  | {
      readonly state: 'preparing';
      readonly cause: LaunchCause;
      readonly since: Instant;
      readonly phase: 'checking';
      readonly launch: Launch;
      readonly deadline: Instant;
    }
  | {
      readonly state: 'preparing';
      readonly cause: LaunchCause;
      readonly since: Instant;
      readonly phase: 'spawning';
      readonly launch: Launch;
      readonly startupDeadlineMs: number;
      readonly portKnownFree: boolean;
      /** Written down by an earlier supervisor, and looked for now. `refusal`: why it is not to be adopted when it is found. */
      readonly sought: { readonly refusal: string | null } | null;
    }
  | {
      readonly state: 'starting';
      readonly engine: Engine;
      readonly deadline: Instant;
      /** Where a visibly working engine may be given more time: the last instant. Equal to `deadline` where the user named one. */
      readonly lastDeadline: Instant;
      readonly startupDeadlineMs: number;
      readonly portKnownFree: boolean;
      readonly probing: Probing;
      readonly progress: { readonly value: number; readonly at: Instant } | null;
      /** Set when it served under an earlier supervisor: one good probe and it is ready again, and it has a serving engine's patience. */
      readonly resumed: Resumed | null;
      readonly misses: number;
      /** The last probe's answer, for people. */
      readonly detail: string | null;
    }
  | ({ readonly state: 'ready' } & Serving)
  | ({
      readonly state: 'unhealthy';
      readonly since: Instant;
      readonly detail: string;
      readonly sickness: Sickness;
      readonly restartAt: Instant | null;
      /** What it had done by the last probe, and when that last grew. */
      readonly work: { readonly done: Work; readonly grewAt: Instant | null } | null;
      /** It refuses connections, or says itself that it is dead. */
      readonly dead: boolean;
    } & Serving)
  | {
      readonly state: 'stopping';
      readonly engine: Engine;
      readonly intent: Intent;
      readonly rung: 'term' | 'kill';
      /** When the next rung comes: SIGKILL, then `stuck`. */
      readonly deadline: Instant;
      /** The leader's exit, once it is seen; null while it lives. */
      readonly exit: ExitEvidence | null;
      readonly left: readonly number[];
      readonly sweepAt: Instant | null;
    }
  | {
      readonly state: 'backoff';
      readonly retry: { readonly at: Moment; readonly delayMs: number; readonly attempt: number };
      readonly cause: 'crash' | 'health' | 'preflight';
      readonly why: string;
    }
  | {
      readonly state: 'broken';
      readonly retryAt: Moment;
      readonly cause: LaunchCause;
      readonly why: string;
    }
  | { readonly state: 'failed'; readonly why: string }
  | {
      readonly state: 'stuck';
      readonly engine: Engine;
      readonly intent: Intent;
      readonly exit: ExitEvidence | null;
      readonly left: readonly number[];
      readonly sweepAt: Instant | null;
    };

export type StateName = Life['state'];

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
  /** After it ran out of VRAM: what was free on its devices before that launch. */
  readonly vramBefore: readonly { readonly uuid: string; readonly freeBytes: number }[] | null;
  /** Died last, with nobody left in its group: who had left that before has not been looked for yet. */
  readonly died: Engine | null;
  readonly life: Life;
};

/** GPU errors count in a breaker of their own. */
export type Breakers = { readonly general: Breaker; readonly cuda: Breaker };

export type In<S extends StateName> = Replica & { readonly life: Extract<Life, { state: S }> };

/** What outlives everything. */
export type Lifetime = Pick<Replica, 'incarnation' | 'restartsTotal' | 'crashesTotal'>;

export type Pool = {
  readonly spec: PoolSpec;
  readonly replicas: readonly Replica[];
  /** Automatic restarts of the last while, oldest first. */
  readonly restarts: readonly Restart[];
};

export type OperationStep = {
  readonly key: ReplicaKey;
  readonly state: 'pending' | 'running' | 'done' | 'failed';
  /** The incarnation before the step began: a restart is done when a later one is ready. */
  readonly after: number;
  readonly detail: string | null;
};

export type Operation = {
  readonly id: string;
  readonly kind: Verb | 'shutdown';
  readonly poolId: string | null;
  readonly state: 'running' | 'succeeded' | 'failed';
  readonly outcome: string | null;
  readonly changed: boolean;
  readonly startedAt: Moment;
  readonly finishedAt: Moment | null;
  /** Cut in half by the supervisor's death. */
  readonly interrupted: boolean;
  readonly inflight: number | null;
  readonly steps: readonly OperationStep[];
  readonly error: { readonly code: 'OPERATION_FAILED'; readonly message: string; readonly hint?: string } | null;
  readonly correlationId: string | null;
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
  readonly devices: DevicesObservation & { readonly observedAt: Instant | null };
  /** Oldest first. */
  readonly operations: ReadonlyMap<string, Operation>;
  /** Engines of an earlier supervisor that have no place in this inventory: nothing is launched before they are gone. */
  readonly leftovers: readonly RecordedEngine[];
  /** Of places that the inventory no longer has: should they come back, no incarnation is given twice and no lifetime count is lost. */
  readonly retired: Readonly<Record<string, Lifetime>>;
  /** By device: automatic restarts of all pools that touch it, oldest first. */
  readonly deviceRestarts: ReadonlyMap<string, readonly Restart[]>;
  readonly shutdown: Shutdown | null;
  readonly exitOnAllFailed: boolean;
};

/** True while a process of this replica may exist. */
export function isLive(life: Life): life is Extract<Life, { engine: Engine }> {
  return 'engine' in life;
}

export const now = ({ now: at, wallMs }: { now: Instant; wallMs: number }): Moment => ({ at, wallMs });
