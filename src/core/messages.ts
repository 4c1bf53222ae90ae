/**
 * What goes in and out of the core. Input: a fact in the past tense, or a request. Effect: what is to be done. What is told to the world is in events.ts.
 */

import type {
  Alarm,
  Description,
  DeviceReport,
  DevicesObservation,
  EngineIdentity,
  ExitEvidence,
  Obstacle,
  Offload,
  PerfCounters,
  ProbeResult,
  Verified,
} from './facts.js';
import type { Device, Instant, Inventory, MaskRef, ModelChoice, PoolSpec, ReplicaId, ReplicaKey } from './model.js';
import type { ModelNews, Staging } from './progress.js';

/** One launch of a replica: all that the shell needs to check, spawn and probe it. */
export type Launch = {
  readonly key: ReplicaKey;
  readonly incarnation: number;
  /** Number of the preflight that went before. */
  readonly check: number;
  /** Unique to the incarnation; POOLCTL_INSTANCE. */
  readonly instance: string;
  readonly spec: PoolSpec;
  readonly mask: MaskRef;
  /** The mask's devices in the written order; empty for cpu. */
  readonly devices: readonly Device[];
  readonly port: number;
  /** Memory of the machine that other launches in progress will take. */
  readonly hostClaimedBytes: number;
  readonly allowDownloads: boolean;
};

export type Verb = 'start' | 'stop' | 'restart' | 'reset' | 'drain';

/** What a client asks about leases. */
export type LeaseWish =
  | {
      readonly type: 'lease-requested';
      readonly poolId: string;
      /** Null: any replica of the pool. */
      readonly replicaId: ReplicaId | null;
      readonly ttlMs: number;
      readonly holder: string | null;
      readonly correlationId: string | null;
    }
  /** `ttlMs` null: for as long as before. */
  | { readonly type: 'lease-renewed'; readonly id: string; readonly ttlMs: number | null; readonly correlationId: string | null }
  | { readonly type: 'lease-released'; readonly id: string; readonly correlationId: string | null };

type OfEngine = { readonly key: ReplicaKey; readonly incarnation: number };

export type Input =
  | {
      readonly type: 'requested';
      readonly verb: Verb;
      readonly poolId: string;
      readonly replicaId: ReplicaId | null;
      /** `reset`: allow one restart and forget nothing. @default false */
      readonly once?: boolean;
      /** `drain`, `restart`: how long they may drain, from now. @default the pool's */
      readonly deadlineMs?: number | null;
      /** `drain`: one that runs may end later than it was to. @default false */
      readonly extend?: boolean;
      /** `restart`: do not drain. @default false */
      readonly now?: boolean;
      readonly correlationId: string | null;
    }
  | {
      readonly type: 'shutdown-requested';
      readonly because: string;
      /** Drain every engine first; stop them now; or kill them. */
      readonly rung: 'drain' | 'stop' | 'kill';
      /** How long they may drain, from now. @default the supervisor's */
      readonly deadlineMs?: number | null;
      /** Leave the engines to the next supervisor. @default false */
      readonly keep?: boolean;
      readonly exit: number;
      readonly correlationId: string | null;
    }
  | {
      readonly type: 'reload-requested';
      readonly poolId: string;
      /** As an engine is to be given it. The name is the last part of the reference, until the model's own file has told another. */
      readonly chosen: ModelChoice;
      /** How long each replica may drain. @default the pool's */
      readonly drainMs: number | null;
      readonly correlationId: string | null;
    }
  | { readonly type: 'apply-requested'; readonly inventory: Inventory; readonly correlationId: string | null }
  /** The answer to `verify`. */
  | ({ readonly type: 'verified'; readonly poolId: string; readonly operationId: string } & Verified)
  | LeaseWish
  | { readonly type: 'woke' }
  /** Engines without a place in this inventory are gone; `stuck` are those that would not die, and are left alone. */
  | { readonly type: 'leftovers-gone' }
  | { readonly type: 'devices-observed'; readonly observation: DevicesObservation }
  | { readonly type: 'device-reported'; readonly report: DeviceReport }
  | {
      readonly type: 'checked';
      readonly key: ReplicaKey;
      /** Number of the preflight that this answers. */
      readonly check: number;
      readonly obstacles: readonly Obstacle[];
      readonly startupDeadlineMs: number;
      readonly portKnownFree: boolean;
      /** Its slots, where its entry or its arguments tell. @default null */
      readonly slotsTotal?: number | null;
      /** What its model's tensors take, by the file's header; null where that cannot be told. */
      readonly modelBytes: number | null;
      /** False for an engine that uses a GPU as graphics do: the vendor's tool does not list it. */
      readonly listed: boolean;
      /** @default null: it is none */
      readonly modelNews?: ModelNews | null;
    }
  /** Its model is on its way to that check: being fetched, or its digest worked out. */
  | { readonly type: 'staging'; readonly key: ReplicaKey; readonly check: number; readonly staging: Staging }
  /** The same for a `verify`. */
  | { readonly type: 'verifying'; readonly poolId: string; readonly operationId: string; readonly staging: Staging }
  | ({ readonly type: 'spawned'; readonly identity: EngineIdentity } & OfEngine)
  /** The answer to `seek`, when nobody was found: the launch that was written down never came to a process, or it is gone. */
  | ({ readonly type: 'unspawned' } & OfEngine)
  /** The answer to `adopt`, when the engine lives; else it is an exit. */
  | ({ readonly type: 'adopted' } & OfEngine)
  /** Its process has ended; how and why is still being found out. Followed by `exited`, and left out where that can be told at once. */
  | ({ readonly type: 'died' } & OfEngine)
  /** `empty`: nobody of its group is left. */
  | ({ readonly type: 'exited'; readonly exit: ExitEvidence; readonly empty: boolean } & OfEngine)
  /** The answer to a sweep: which pids of the engine's tree still live. */
  | ({ readonly type: 'swept'; readonly left: readonly number[] } & OfEngine)
  | ({ readonly type: 'probed'; readonly result: ProbeResult } & OfEngine)
  /** `canTell` false: this engine never can, and is not asked again. */
  | ({
      readonly type: 'polled';
      readonly inflight: number | null;
      readonly counters: PerfCounters | null;
      readonly canTell: boolean;
    } & OfEngine)
  | ({ readonly type: 'alarmed'; readonly alarm: Alarm } & OfEngine)
  /** Its log says how much of the model is on its devices. */
  | ({ readonly type: 'offloaded'; readonly offload: Offload } & OfEngine)
  /** The answer to `generate`. `unknown`: it could not be judged. */
  | ({ readonly type: 'generated'; readonly verdict: 'ok' | 'failed' | 'unknown'; readonly detail: string } & OfEngine)
  | { readonly type: 'storage'; readonly what: string; readonly error: string | null };

export type HandoffFacts = {
  readonly url: string;
  readonly pid: number;
  readonly description: Description;
  readonly readyAtWallMs: number;
};

export type Effect =
  /** Write the registry. A barrier: later effects of the same step (but for a check) wait for it, and so does a spawn of a later one. */
  | { readonly type: 'record' }
  | { readonly type: 'check'; readonly launch: Launch }
  /** Is the model of this entry there, whole, and what it is said to be? It may be fetched; else nothing is touched. Answered by `verified`, always. */
  | {
      readonly type: 'verify';
      readonly poolId: string;
      readonly operationId: string;
      readonly spec: PoolSpec;
      readonly allowDownloads: boolean;
    }
  | { readonly type: 'spawn'; readonly launch: Launch }
  /** A launch that an earlier supervisor wrote down: look for its process. Answered by `spawned` or `unspawned`. */
  | { readonly type: 'seek'; readonly launch: Launch }
  /** An engine of an earlier supervisor: watch it from now on. Answered by `adopted`, or by `exited` when it is gone. */
  | { readonly type: 'adopt'; readonly launch: Launch; readonly identity: EngineIdentity }
  /** `prove`: whose listener answers? `describe`: ask what it is, once it is healthy. `work`: what has it done? Answered by `probed`, always. */
  | {
      readonly type: 'probe';
      readonly launch: Launch;
      readonly identity: EngineIdentity;
      readonly prove: boolean;
      readonly describe: boolean;
      readonly work: boolean;
    }
  /** Have it make one token. Answered by `generated`, always. */
  | { readonly type: 'generate'; readonly launch: Launch; readonly timeoutMs: number }
  | { readonly type: 'poll'; readonly launch: Launch }
  /** Look at the devices now. Answered by `devices-observed`, always. */
  | { readonly type: 'observe' }
  /**
   * `term`: the pool's stop signal, and SIGCONT, to the group. `kill`: SIGKILL to group and tree. `ordered`: somebody wants it to end, so nobody is
   * to find out why it did.
   */
  | {
      readonly type: 'signal';
      readonly launch: Launch;
      readonly identity: EngineIdentity;
      readonly rung: 'term' | 'kill';
      readonly ordered: boolean;
    }
  /**
   * Ask the kernel who of the engine's tree is left; answered by `swept`. `look` only looks, `kill` kills whom it finds. `strays` comes after a
   * crash, beside a successor and in no hurry: it kills only what the dead incarnation left behind.
   */
  | {
      readonly type: 'sweep';
      readonly launch: Launch;
      readonly identity: EngineIdentity;
      readonly mode: 'look' | 'kill' | 'strays';
    }
  | { readonly type: 'write-handoff'; readonly launch: Launch; readonly facts: HandoffFacts }
  | { readonly type: 'remove-handoff'; readonly key: ReplicaKey }
  /** Every engine is gone or stuck: end the supervisor with this status. */
  | { readonly type: 'end'; readonly exit: number };

/** Time and chance, as arguments. `rand` gives numbers in [0, 1); `id` a fresh unique word. */
export type Context = {
  readonly now: Instant;
  readonly wallMs: number;
  readonly rand: () => number;
  readonly id: () => string;
};
