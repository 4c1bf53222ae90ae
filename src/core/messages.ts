/**
 * What goes in and out of the core. Input: a fact in the past tense, or a request. Effect: what is to be done. What is told to the world is in events.ts.
 */

import type { Diagnosis } from './crash.js';
import type { Device, DeviceProcess, Instant, MaskRef, ModelChoice, PoolSpec, ReplicaId, ReplicaKey } from './model.js';

/** How a process ended, as the kernel gave it; or why it never began. Nothing is defaulted. */
export type ExitEvidence = {
  readonly code: number | null;
  /** "SIGKILL"; null when it ended by itself, or when nobody could see how. */
  readonly signal: string | null;
  /** Set when the process was never made: the errno name ("ENOENT", "EAGAIN") and a sentence. */
  readonly spawnError: { readonly errno: string; readonly text: string } | null;
  /** The end of this incarnation's log, at most 20 lines. */
  readonly lastLines: readonly string[];
  /** What log, kernel and code say together; null where there was nothing to look at. */
  readonly diagnosis: Diagnosis | null;
};

/** How a process is known again: (pid, start time, boot id) and the instance in its environment. */
export type EngineIdentity = {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat, in clock ticks since boot. */
  readonly startTicks: number;
  readonly instance: string;
  /** Where this incarnation's part of the log begins, in bytes. */
  readonly logOffset: number;
};

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

/** What preflight found to be in the way. `what` decides whether it is tried again (core/preflight.ts). */
export type Obstacle = {
  readonly what: 'program' | 'cwd' | 'user' | 'model' | 'digest' | 'env' | 'cpu-build' | 'device' | 'memory' | 'port';
  /** A sentence: what was needed and what was found. */
  readonly text: string;
  readonly hint?: string;
};

/** What the engine says of itself once it is healthy. */
export type Description = {
  readonly engineVersion: string | null;
  readonly slotsTotal: number | null;
  /** The longest context in tokens. */
  readonly ctxMax: number | null;
};

/**
 * One health check. `unknown` is a probe that could not be judged (our loop lagged, the machine slept): it counts for nothing.
 * `listener` says whose socket answered; 'unproved' where no proof was asked for.
 */
export type ProbeResult = {
  readonly verdict: 'ok' | 'loading' | 'failed' | 'unknown';
  /** "HTTP 503", "connection refused", "no answer in 2s": a phrase for people. */
  readonly detail: string;
  readonly listener: 'ours' | 'foreign' | 'unknown' | 'unproved';
  /** "pid 812 (python3)" when the listener is foreign. */
  readonly holder: string | null;
  /** Moves while the engine visibly works: the size of its log and what it has read of files, in bytes. Null when it cannot be told. */
  readonly progress: number | null;
  /** What it has done so far, where that was asked for: a sick engine that works is not restarted at once. */
  readonly work: Work | null;
  /** A living process that refuses connections, or says itself that it is dead: no work will come of it. */
  readonly dead: boolean;
  readonly description: Description | null;
  /** How long the answer took, or was waited for, in ms. */
  readonly tookMs: number;
};

/** What an engine has done in its life. Unknown is null. */
export type Work = {
  /** Tokens, or steps of decoding. */
  readonly decoded: number | null;
  readonly inflight: number | null;
  /** CPU time of its whole tree, in clock ticks. */
  readonly cpuTicks: number | null;
};

/** A GPU or driver error in the log of a living engine. `sticky`: nothing but a new process cures it. */
export type Alarm = {
  readonly kind: 'sticky' | 'suspect';
  readonly class: 'gpu_error' | 'driver';
  readonly subclass: string;
  /** Counted from 1 within its incarnation's part of the log. */
  readonly line: number;
  readonly text: string;
};

export type DevicesObservation = {
  readonly devices: readonly Device[];
  /** none: there is no tool on this machine; failing: there is one, and it hangs or fails just now (devices are then the last good ones). */
  readonly tool: 'working' | 'none' | 'failing';
  /** Why there are none, or what failed. */
  readonly note: string | null;
  /** Who uses the devices; null where the tool cannot tell. */
  readonly processes: readonly DeviceProcess[] | null;
  /** When this look at them began: what ended before is not in it any more. */
  readonly askedAt: Instant;
};

/** What the kernel's log says of a device, once. */
export type DeviceReport = {
  /** As in `Device`. */
  readonly pciAddress: string;
  readonly kind: 'error' | 'reset';
  /** "xid_79", "gpu_reset": of few values. */
  readonly word: string;
  /** A phrase that goes on after the device's name. */
  readonly text: string;
  /** Set where nothing else helps: the device is unhealthy from now on. */
  readonly cure: 'reset' | 'reboot' | null;
};

/** What an engine has counted since its start. Unknown is null. */
export type PerfCounters = {
  /** Tokens that were made, and the seconds that making them took. */
  readonly tokens: number | null;
  readonly tokenSeconds: number | null;
  /** Answers whose first token came, and the seconds that they waited for it. */
  readonly firstTokens: number | null;
  readonly firstTokenSeconds: number | null;
};

/** Layers of the model that an engine's log says to have put on its devices, of all. */
export type Offload = { readonly layers: number; readonly of: number };

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
  /** The answer to `verify`. */
  | ({ readonly type: 'verified'; readonly operationId: string } & Verified)
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
      /** What its model's tensors take, by the file's header; null where that cannot be told. */
      readonly modelBytes: number | null;
      /** False for an engine that uses a GPU as graphics do: the vendor's tool does not list it. */
      readonly listed: boolean;
    }
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

/** What is known of a model that was looked at before anything is disturbed for it. */
export type Verified = {
  readonly obstacles: readonly Obstacle[];
  /** As its own file calls it; null: it does not say. */
  readonly name: string | null;
  /** What lies there, for people: "9.8 GiB, GGUF 3"; null where it is no local file, and the engine has to find it. */
  readonly about: string | null;
  /** What its tensors take; null where that cannot be told. */
  readonly modelBytes: number | null;
  /** All memory of the machine. */
  readonly hostTotalBytes: number | null;
};

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
  /** Is the model of this entry there, whole, and what it is said to be? Touches nothing. Answered by `verified`, always. */
  | { readonly type: 'verify'; readonly operationId: string; readonly spec: PoolSpec }
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
  /** `term`: the pool's stop signal, and SIGCONT, to the group. `kill`: SIGKILL to group and tree. */
  | { readonly type: 'signal'; readonly launch: Launch; readonly identity: EngineIdentity; readonly rung: 'term' | 'kill' }
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
