/** What a log has said so far: the first line of each weight, and the signs beside them. Never more than that, however long the log. */

import type { EvidenceLine } from '../core/crash.js';
import type { EngineKind } from '../core/model.js';
import { type Buffers, noBuffers } from './buffers.js';
import type { Rule, Weight } from './rule.js';

/** Characters that are kept of a line. */
export const longestEvidence = 500;

export type Match = { readonly rule: Rule; readonly at: EvidenceLine };

export type Findings = {
  readonly first: Readonly<Record<Weight, Match | null>>;
  /** The line that told it to end, where nothing had failed before. */
  readonly stop: EvidenceLine | null;
  /** The worst that it lived through. */
  readonly outlived: Match | null;
  readonly phase: 'loading' | 'serving' | null;
  readonly engine: EngineKind | null;
  /** The line of the last step through code that reads settings; null: none. */
  readonly settingsAt: number | null;
  /** The line of the last step through code that answers a request; null: none. */
  readonly requestAt: number | null;
  /** What it had taken on its devices before any refusal. */
  readonly buffers: Buffers;
  /** The first line behind a refusal of GPU memory that says how much was wanted. */
  readonly sizeAt: EvidenceLine | null;
};

const nothing: Findings['first'] = { cause: null, symptom: null, wrapper: null, notice: null };
export const noFindings: Findings = {
  first: nothing,
  stop: null,
  outlived: null,
  phase: null,
  engine: null,
  settingsAt: null,
  requestAt: null,
  buffers: noBuffers,
  sizeAt: null,
};

/** The first of its weight stays. */
export function withMatch(findings: Findings, weight: Weight, match: Match): Findings {
  if (findings.first[weight] !== null) return findings;
  return { ...findings, first: { ...findings.first, [weight]: match } };
}

/** It went on after all that was found: only as a memory is that worth keeping. */
export function withRecovery(findings: Findings): Findings {
  const { cause, symptom, wrapper, notice } = findings.first;
  if (cause === null && symptom === null && wrapper === null) return findings;
  return { ...findings, first: { ...nothing, notice }, sizeAt: null, outlived: cause ?? symptom ?? findings.outlived ?? wrapper };
}

/** An order to end that came after a failure is a part of that failure. */
export function withStop(findings: Findings, at: EvidenceLine): Findings {
  return findings.stop !== null || failed(findings) ? findings : { ...findings, stop: at };
}

/** GPU memory was refused, as far as is known by now. */
export function wasRefused({ first: { cause, symptom } }: Findings): boolean {
  return (cause ?? symptom)?.rule.class === 'vram_oom';
}

export function failed({ first }: Findings): boolean {
  return first.cause !== null || first.symptom !== null || first.wrapper !== null;
}
