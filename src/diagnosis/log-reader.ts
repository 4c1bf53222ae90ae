/** Reads an engine's log once, from its beginning, and says why the engine died. Holds a few lines, never the log. */

import type { Diagnosis, EvidenceLine } from '../core/crash.js';
import { withBuffer } from './buffers.js';
import type { Circumstances } from './circumstances.js';
import { type Findings, longestEvidence, noFindings, withMatch, withRecovery, withStop } from './findings.js';
import { type LineForm, opensText, ownPart } from './form.js';
import { isUseful, sharedInterest } from './interest.js';
import { lazily } from './lazily.js';
import { type Bare, bareLine } from './prefix.js';
import type { Rule, Weight } from './rule.js';
import { isException, refusals } from './rules/python.js';
import { settingsRefused } from './rules/refusals.js';
import { createScanner } from './scanner.js';
import type { Sign } from './signs.js';
import { type Entry, sharedTable } from './table.js';
import { verdict } from './verdict.js';

export type { Circumstances };

export type LogReader = {
  /** The next line, without its line break. */
  read(line: string): void;
  /** The next bytes, for logs too long to be made lines of. Not to be mixed with `read`. */
  readBytes(chunk: Uint8Array): void;
  /** Of all that was read. A reader answers once. */
  diagnose(circumstances: Circumstances): Diagnosis;
};

/** `isOwn` tells the engine's own lines: no other line is evidence of anything. */
export function logReader(isOwn: LineForm): LogReader {
  const table = sharedTable();
  const interest = sharedInterest();
  let findings: Findings = noFindings;
  let open: readonly Entry[] = [];
  let inText = false;

  const scanner = createScanner(table.automaton, { worth: () => interest(findings), take });
  return {
    read: (line) => scanner.line(line),
    readBytes: (chunk) => scanner.bytes(chunk),
    diagnose(circumstances) {
      scanner.end();
      return verdict(findings, circumstances);
    },
  };

  function take(number: number, line: string, words: ReadonlySet<number>, previous: () => string): boolean {
    const before = open;
    open = [];
    let text = line;
    if (inText || [...words].some(table.marksText)) {
      if (inText && !bareLine(line).begins) return true;
      inText = opensText(line);
      text = ownPart(line);
    }
    if (!isOwn(line)) return inText;
    const bare = lazily(() => bareLine(text));
    const fits = ({ pattern, anchored }: Entry): boolean => pattern().test(anchored ? bare().body : text);
    const { heeded, ruling } = candidates(words);
    for (const entry of heeded) if (entry.sign !== null && fits(entry)) heed(entry.sign, at(number, line));
    if (ruling.length === 0 && before.length === 0) return inText;
    const found = ruling.find(fits);
    if (found?.rule) {
      if (useful(found)) keep(found.rule, bare(), at(number, line));
      return inText;
    }
    if (!bare().begins) joined(number, bareLine(ownPart(previous())), bare().body, [...before, ...ruling]);
    open = ruling;
    return inText || ruling.length > 0;
  }

  /** What is worth trying for these words, in its order: signs that would change something, and rules where at least one would. */
  function candidates(words: ReadonlySet<number>): { readonly heeded: readonly Entry[]; readonly ruling: readonly Entry[] } {
    const [heeded, ruling]: [Entry[], Entry[]] = [[], []];
    let worthwhile = false;
    for (const word of words) {
      for (const entry of table.entriesOf(word)) {
        if (entry.sign === null) {
          ruling.push(entry);
          worthwhile ||= useful(entry);
        } else if (useful(entry)) heeded.push(entry);
      }
    }
    if (!worthwhile) return { heeded, ruling: [] };
    return { heeded, ruling: ruling.sort((one, other) => one.order - other.order) };
  }

  /** A line that a terminal has broken in two, between words or within one. */
  function joined(number: number, { body: first, level }: Bare, second: string, entries: readonly Entry[]): void {
    if (first === '') return;
    for (const whole of [`${first} ${second}`, `${first}${second}`]) {
      const found = entries.filter(useful).find(({ pattern }) => spans(pattern().exec(whole), first.length));
      if (!found?.rule) continue;
      keep(found.rule, { body: whole, level }, at(number - 1, whole));
      return;
    }
  }

  function useful(entry: Entry): boolean {
    return isUseful(entry, findings);
  }

  function keep(rule: Rule, { body, level }: Pick<Bare, 'body' | 'level'>, line: EvidenceLine): void {
    if (ignored.test(body)) return;
    const soonAfter = (before: number | null): boolean => before !== null && line.line - before <= tracebackLines;
    const refused = refusals.has(rule.subclass) && soonAfter(findings.settingsAt);
    const ofRequest = isException(rule) && soonAfter(findings.requestAt);
    const weight: Weight = level === 'calm' || ofRequest || warning.test(body) ? 'notice' : rule.weight;
    findings = withMatch(findings, weight, { rule: refused ? settingsRefused : rule, at: line });
  }

  function heed(sign: Sign, line: EvidenceLine): void {
    if (sign.kind === 'incarnation') findings = noFindings;
    else if (sign.kind === 'stop') findings = withStop(findings, line);
    else if (sign.kind === 'works' || sign.kind === 'recovered') findings = withRecovery(findings);
    else if (sign.kind === 'started') findings = { ...withRecovery(findings), stop: null, phase: 'serving' };
    else if (sign.kind === 'buffer') findings = { ...findings, buffers: withBuffer(findings.buffers, line.text) };
    else if (sign.kind === 'size') findings = { ...findings, sizeAt: line };
    else if (sign.kind === 'phase') findings = { ...findings, phase: sign.phase };
    else if (sign.kind === 'request') findings = { ...findings, requestAt: line.line };
    else if (sign.kind === 'settings') findings = { ...findings, settingsAt: line.line };
    else findings = { ...findings, engine: sign.engine };
  }
}

/** The length of a traceback, more or less. */
const tracebackLines = 60;
const ignored =
  /\b(?:ignor(?:e|ed|ing)|skipp?(?:ed|ing)|non-fatal|not fatal|will continue|optional|retrying|NCCL INFO|failed to mlock|pinned memory: out of memory)\b|maximum context length|maximum model length|maximum allowed length|available context size|length of the messages|prompt is too long/i;
const warning = /\b\w*Warning:|^warning\b/i;

function at(line: number, text: string): EvidenceLine {
  return { line, text: text.trim().slice(0, longestEvidence) };
}

function spans(match: RegExpExecArray | null, border: number): boolean {
  return match !== null && match.index < border && match.index + match[0].length > border;
}
