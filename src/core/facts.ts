/** What is learnt of engines, devices and models: what the inputs of the core (messages.ts) carry. */

import type { Diagnosis } from './crash.js';
import type { Device, DeviceProcess, Instant } from './model.js';
import type { ModelNews } from './progress.js';

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

/** What preflight found to be in the way. `what` decides whether it is tried again (core/preflight.ts). */
export type Obstacle = {
  readonly what:
    | 'program'
    | 'cwd'
    | 'user'
    | 'model'
    | 'digest'
    | 'download'
    | 'env'
    | 'cpu-build'
    | 'device'
    | 'memory'
    | 'port';
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
  /** @default null: it is none */
  readonly modelNews?: ModelNews | null;
};
