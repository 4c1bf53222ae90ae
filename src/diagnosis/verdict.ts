/** From what was found to what is said: our own action, then the kernel, then the first cause in the log, and code and signal only to fill gaps. */

import type { Diagnosis, EvidenceLine } from '../core/crash.js';
import { type Memory, memoryIn } from './asked.js';
import { bytesOf } from './buffers.js';
import type { Circumstances } from './circumstances.js';
import { endOf } from './exit.js';
import type { Findings, Match } from './findings.js';
import { ownPart } from './form.js';
import { hintFor } from './hints.js';
import { kernelVerdict } from './kernel.js';
import type { Rule, Weight } from './rule.js';

export function verdict(findings: Findings, circumstances: Circumstances): Diagnosis {
  const found: Findings = {
    ...findings,
    phase: circumstances.phase ?? findings.phase,
    engine: circumstances.engine ?? findings.engine,
  };
  if (circumstances.asked) return graceful(found.stop, 'It was told to stop, and did.');
  const byKernel = kernelVerdict(found, circumstances);
  if (byKernel !== null) return byKernel;
  if (found.stop !== null) return graceful(found.stop, 'It was told to stop from outside, and did.');
  return ofLog(found, circumstances) ?? nothingFound(found, circumstances);
}

/** What a rule says, with its evidence. */
export function ofRule(
  rule: Rule,
  at: EvidenceLine | null,
  { phase, engine, ...found }: Findings,
  weight: Weight = rule.weight,
): Diagnosis {
  const restartable = rule.restartable || (phase === 'serving' && perRequest.test(rule.subclass) && rule.class === 'crash');
  return {
    class: rule.class,
    subclass: rule.subclass,
    fatal: weight !== 'notice',
    restartable,
    confidence: rule.sure && weight === 'cause' ? 'high' : 'low',
    evidence: at,
    summary: `${rule.says}${phase === null ? '' : phaseWords[phase]}.`,
    hint: hintFor(rule.class, rule.subclass, engine),
    cure: rule.cure,
    ...(rule.class === 'vram_oom' && at !== null ? memoryOf(at, found) : { askedBytes: null, usedBytes: null }),
  };
}

/** Some say how much they wanted only in a line behind the one that tells of the refusal. */
function memoryOf(refusal: EvidenceLine, { sizeAt, buffers }: Pick<Findings, 'sizeAt' | 'buffers'>): Memory {
  const { askedBytes, usedBytes } = memoryIn(ownPart(refusal.text));
  const isBehind = sizeAt !== null && sizeAt.line >= refusal.line && sizeAt.line - refusal.line <= linesBehind;
  return {
    askedBytes: askedBytes ?? (isBehind ? memoryIn(ownPart(sizeAt.text)).askedBytes : null),
    usedBytes: usedBytes ?? bytesOf(buffers),
  };
}

const linesBehind = 30;

const phaseWords = { loading: ', while it loaded', serving: ', while it served' } as const;

/** Faults that one request may bring about: a new process meets them again only with the same request. */
const perRequest = /^(?:segfault|abort|ggml_assert|panic|uncaught_exception|heap_corruption|windows_fastfail|python_\w+)$/;

function ofLog(found: Findings, circumstances: Circumstances): Diagnosis | null {
  const { cause, symptom, wrapper, notice } = found.first;
  const said = cause ?? symptom;
  if (said !== null) return matched(said, found, cause === null ? 'symptom' : 'cause');
  const byEnd = endOf(circumstances);
  if (byEnd !== null) return ofRule(byEnd, null, found);
  if (wrapper !== null) return wrapper.rule.class === 'unknown' ? killed(wrapper, found) : matched(wrapper, found, 'wrapper');
  const minor = notice ?? found.outlived;
  if (minor === null) return null;
  const died = (circumstances.code ?? 0) !== 0 || circumstances.signal !== null;
  // Who lived through it before did not die of it now.
  if (notice === null && died) return null;
  const told = matched(minor, found, 'notice');
  const summary = `${told.summary.slice(0, -1)}; the engine may go on after that.`;
  return { ...told, summary, fatal: died && minor.rule.weight === 'notice' };
}

function matched({ rule, at }: Match, found: Findings, weight: Weight): Diagnosis {
  return ofRule(rule, at, found, weight);
}

function killed({ rule, at }: Match, found: Findings): Diagnosis {
  return { ...ofRule(rule, at, found), fatal: false };
}

function nothingFound({ phase, engine }: Findings, { code, signal }: Circumstances): Diagnosis {
  const how = signal !== null ? `ended by ${signal}` : code !== null ? `ended with code ${code}` : 'ended';
  const when = phase === null ? '' : phaseWords[phase];
  return {
    class: 'unknown',
    subclass: null,
    fatal: false,
    restartable: true,
    confidence: 'low',
    evidence: null,
    summary: `It ${how}${when}, and nothing here says why.`,
    hint: hintFor('unknown', signal === 'SIGKILL' ? 'killed' : '', engine),
    cure: null,
    askedBytes: null,
    usedBytes: null,
  };
}

function graceful(evidence: EvidenceLine | null, summary: string): Diagnosis {
  return {
    class: 'graceful',
    subclass: null,
    fatal: false,
    restartable: true,
    confidence: 'high',
    evidence,
    summary,
    hint: 'No fault: start it again if it should serve.',
    cure: null,
    askedBytes: null,
    usedBytes: null,
  };
}
