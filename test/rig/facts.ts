/** Facts as the shell tells them, whole: a new field costs one place here. */

import type { Diagnosis } from '../../src/core/crash.js';
import type { EngineIdentity, ExitEvidence, ProbeResult } from '../../src/core/facts.js';

/** Exit code 1, and nothing to look at. */
export const exitOf = (more: Partial<ExitEvidence> = {}): ExitEvidence => ({
  code: 1,
  signal: null,
  spawnError: null,
  lastLines: [],
  diagnosis: null,
  ...more,
});

/** Killed by a signal, as the kernel tells it. */
export const killedBy = (signal: string, more: Partial<ExitEvidence> = {}): ExitEvidence =>
  exitOf({ code: null, signal, ...more });

/** A process that was never made. */
export const unmade = (errno: string, text: string): ExitEvidence => exitOf({ code: null, spawnError: { errno, text } });

export const identityOf = (pid: number, instance: string, more: Partial<EngineIdentity> = {}): EngineIdentity => ({
  pid,
  startTicks: pid,
  instance,
  logOffset: 0,
  ...more,
});

/** Healthy, and proved to be ours. */
export const probeResult = (more: Partial<ProbeResult> = {}): ProbeResult => ({
  verdict: 'ok',
  detail: 'HTTP 200',
  listener: 'ours',
  holder: null,
  progress: null,
  work: null,
  dead: false,
  description: null,
  tookMs: 1,
  ...more,
});

/** A cause that is sure and that the next launch may not meet. */
export const diagnosisOf = (of: Diagnosis['class'], more: Partial<Diagnosis> = {}): Diagnosis => ({
  class: of,
  subclass: null,
  fatal: true,
  restartable: true,
  confidence: 'high',
  evidence: { line: 7, text: `the engine tells of ${of}` },
  summary: `it died of ${of}`,
  hint: null,
  cure: null,
  askedBytes: null,
  usedBytes: null,
  ...more,
});
