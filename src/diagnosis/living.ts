/** What the log of a living engine tells of its GPU. To be asked of lines of the engine's own form only. */

import { automatonOf } from './automaton.js';
import { ownPart } from './form.js';
import { bareLine } from './prefix.js';
import { patternOf, type Rule, wordOf } from './rule.js';
import { rules } from './rules.js';
import { longestLine } from './scanner.js';

export type Alarm = {
  /** sticky: every later request will fail. suspect: one generated token will tell. */
  readonly kind: 'sticky' | 'suspect';
  readonly class: 'gpu_error' | 'driver';
  readonly subclass: string;
  /** The line, at most 500 characters of it. */
  readonly text: string;
};

/** Null for nearly all lines, at the cost of one step a character. What engines only warn of is no alarm. */
export function alarmOf(line: string): Alarm | null {
  const whole = line.slice(0, longestLine);
  if (!worthALook(whole)) return null;
  const { body, level } = bareLine(ownPart(whole));
  if (level === 'calm') return null;
  if (deadCore.test(body)) return { kind: 'sticky', class: 'gpu_error', subclass: 'dead_core', text: line.trim().slice(0, 500) };
  const rule = alarming.find(({ patterns }) => patterns.some((pattern) => pattern.test(body)))?.rule;
  if (rule === undefined || (rule.class !== 'gpu_error' && rule.class !== 'driver')) return null;
  const kind = sticky.has(rule.subclass) ? 'sticky' : 'suspect';
  return { kind, class: rule.class, subclass: rule.subclass, text: line.trim().slice(0, 500) };
}

const sticky: ReadonlySet<string> = new Set([
  'illegal_memory_access',
  'device_side_assert',
  'device_lost',
  'illegal_instruction',
  'launch_failure',
  'ecc_error',
  'xid_79',
  'gpu_fell_off_bus',
]);

/** Every rule in its order, so that what is out of memory is not taken for an error of the GPU. */
const alarming: readonly { readonly rule: Rule; readonly patterns: readonly RegExp[] }[] = rules()
  .filter((rule) => ['gpu_error', 'driver', 'vram_oom', 'host_oom'].includes(rule.class) && rule.weight !== 'notice')
  .map((rule) => ({ rule, patterns: rule.phrases.map(patternOf) }));

const deadCoreWords = ['enginedeaderror', 'engine core proc', 'enginecore ', 'background loop', 'scheduler is dead'].map((word) =>
  word.trim(),
);
const watched = automatonOf([...new Set([...deadCoreWords, ...alarming.flatMap(({ rule }) => rule.phrases.map(wordOf))])]);

function worthALook(line: string): boolean {
  const { next, classes, firstFound } = watched;
  let state = 0;
  for (let at = 0; at < line.length; at += 1) {
    const code = line.charCodeAt(at);
    state = next[state + (code < 256 ? (classes[code] ?? 0) : 0)] ?? 0;
    if (state >= firstFound) return true;
  }
  return false;
}

const deadCore =
  /\b(?:EngineDeadError|AsyncEngineDeadError|Engine core proc \S+ died|EngineCore (?:encountered|hit) (?:a fatal error|an issue|an exception)|Background loop (?:is stopped|has errored)|scheduler is dead)\b/i;
