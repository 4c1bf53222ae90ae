/** What is known of an engine's end beside its log. */

import type { KernelEvidence } from '../core/crash.js';
import type { EngineKind } from '../core/model.js';

export type Circumstances = {
  /** Null: not known; hints are then for the engine that the log looks like. */
  readonly engine: EngineKind | null;
  readonly code: number | null;
  readonly signal: string | null;
  /** We sent the stop ourselves. */
  readonly asked: boolean;
  readonly kernel: readonly KernelEvidence[];
  /** Null: as the log tells. */
  readonly phase: 'loading' | 'serving' | null;
};
