/** A replica, as a value: what outlives its engines, and the life of the present one. */

import type { Breaker } from './breaker.js';
import type { CrashClass, EvidenceLine } from './crash.js';
import type { Engine, Life, StateName } from './life.js';
import type { MaskRef, Moment, ReplicaId, ReplicaKey } from './model.js';

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

/** Nothing of it is there any more, and nobody who had left the group of its last engine is looked for yet: its place may go. */
export const isLeft = ({ life, died }: Replica): boolean => life.state === 'stopped' && died === null;
