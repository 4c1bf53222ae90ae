/** Which words are still worth looking for, after what was found: a second line of the same weight changes nothing. */

import { type Findings, failed, wasRefused } from './findings.js';
import { lazily } from './lazily.js';
import { type Weight, weights } from './rule.js';
import type { Sign } from './signs.js';
import { type Entry, sharedTable, type Table } from './table.js';

/** Whether the phrase could change what was found. */
export function isUseful({ rule, sign }: Entry, findings: Findings): boolean {
  if (sign !== null) return signMatters(sign, findings);
  return rule !== null && findings.first.cause === null && findings.first[rule.weight] === null;
}

/** Of each state of the table's automaton that has found something, 1 where it is of use. Worked out once for each situation. */
export const sharedInterest = lazily(() => createInterest(sharedTable()));

function createInterest(table: Table): (findings: Findings) => Uint8Array {
  const known = new Map<string, Uint8Array>();
  return (findings) => {
    const key = situation(findings);
    const worth = known.get(key) ?? worthOf(table, findings);
    known.set(key, worth);
    return worth;
  };
}

function worthOf({ automaton, entriesOf, marksText }: Table, findings: Findings): Uint8Array {
  const useful = (word: number): boolean => marksText(word) || entriesOf(word).some((entry) => isUseful(entry, findings));
  return Uint8Array.from(automaton.found, (words) => (words.some(useful) ? 1 : 0));
}

/** All that `isUseful` looks at, in few words: some hundred different ones. */
function situation(findings: Findings): string {
  const { first, stop, phase, engine, sizeAt } = findings;
  const filled = weights.map((weight: Weight) => (first[weight] === null ? '-' : weight)).join();
  return `${filled} ${stop === null} ${phase} ${engine === null} ${wasRefused(findings)} ${sizeAt === null}`;
}

function signMatters(sign: Sign, findings: Findings): boolean {
  if (sign.kind === 'works' || sign.kind === 'recovered') return failed(findings);
  if (sign.kind === 'started') return failed(findings) || findings.stop !== null || findings.phase !== 'serving';
  if (sign.kind === 'stop') return findings.stop === null && !failed(findings);
  if (sign.kind === 'phase') return findings.phase !== 'serving' && findings.phase !== sign.phase;
  if (sign.kind === 'buffer') return !wasRefused(findings);
  if (sign.kind === 'size') return findings.sizeAt === null && wasRefused(findings);
  if (sign.kind === 'engine') return findings.engine === null;
  return true;
}
