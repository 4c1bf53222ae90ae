/** Rules and signs made ready for reading: every phrase as a pattern, found by the word that it must contain. */

import { type Automaton, automatonOf } from './automaton.js';
import { textMarkers } from './form.js';
import { lazily } from './lazily.js';
import { patternOf, type Rule, wordOf } from './rule.js';
import { rules } from './rules.js';
import { type Sign, signs } from './signs.js';

/** One phrase of a rule or of a sign, in the order in which they count. */
export type Entry = {
  readonly order: number;
  /** Made when it is first tried: most are never. */
  readonly pattern: () => RegExp;
  /** To be tried on the line behind its prefixes. */
  readonly anchored: boolean;
  readonly rule: Rule | null;
  readonly sign: Sign | null;
};

export type Table = {
  readonly automaton: Automaton;
  /** The phrases that are worth trying where this word was found. */
  entriesOf(word: number): readonly Entry[];
  /** True for a word behind which a user's text may stand. */
  marksText(word: number): boolean;
};

/** Made when the first log is read: it takes some twenty milliseconds and two megabytes, and holds nothing of any log. */
export const sharedTable = lazily(buildTable);

function buildTable(): Table {
  const markers = [...new Set(textMarkers.map((marker) => marker.trim()))];
  const byWord = new Map<string, Entry[]>(markers.map((marker) => [marker, []]));
  let order = 0;
  const add = (phrase: string, of: Pick<Entry, 'rule' | 'sign'>): void => {
    const word = wordOf(phrase);
    const entries = byWord.get(word) ?? [];
    byWord.set(word, entries);
    entries.push({ order: order++, pattern: lazily(() => patternOf(phrase)), anchored: phrase.startsWith('^'), ...of });
  };
  for (const [sign, phrases] of signs) for (const phrase of phrases) add(phrase, { rule: null, sign });
  for (const rule of rules()) for (const phrase of rule.phrases) add(phrase, { rule, sign: null });
  const perWord = [...byWord.values()];
  return {
    automaton: automatonOf([...byWord.keys()]),
    entriesOf: (word) => perWord[word] ?? [],
    marksText: (word) => word < markers.length,
  };
}
