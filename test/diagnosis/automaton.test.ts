import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Automaton, automatonOf } from '../../src/diagnosis/automaton.js';

/** The numbers of the words that end at each byte. */
function run({ next, width, classes, firstFound, found }: Automaton, text: string): number[][] {
  let state = 0;
  return [...Buffer.from(text, 'latin1')].map((byte) => {
    state = next[state + (classes[byte] ?? 0)] ?? 0;
    return state < firstFound ? [] : [...(found[(state - firstFound) / width] ?? [])].sort((a, b) => a - b);
  });
}

/** The same by looking for each word at each place. */
function naive(words: readonly string[], text: string): number[][] {
  return [...text].map((_, at) => {
    const before = text
      .slice(0, at + 1)
      .toLowerCase()
      .replace(/[ \t\n\r]+/g, ' ');
    return words.flatMap((word, number) => (before.endsWith(word) ? [number] : []));
  });
}

test('words within words, ends that begin others, and runs of blanks', () => {
  const words = ['he', 'she', 'his', 'hers', 'a b', 'b c'];
  expect(run(automatonOf(words), 'USHERS A \t\n b  c')).toEqual(naive(words, 'USHERS A \t\n b  c'));
  expect(run(automatonOf(words), 'ushers')).toEqual([[], [], [], [0, 1], [], [3]]);
});

test('finds what a search for each word finds, whatever words and text', () => {
  const word = fc
    .array(fc.constantFrom('a', 'b', 'c', ' '), { minLength: 1, maxLength: 7 })
    .map((letters) => letters.join('').trim().replace(/ +/g, ' '))
    .filter((found) => found !== '');
  const text = fc.array(fc.constantFrom('a', 'b', 'c', 'A', 'B', ' ', '\t', '\n', 'x'), { maxLength: 40 });
  fc.assert(
    fc.property(fc.uniqueArray(word, { minLength: 1, maxLength: 12 }), text, (words, letters) => {
      expect(run(automatonOf(words), letters.join(''))).toEqual(naive(words, letters.join('')));
    }),
    { numRuns: 1_000 },
  );
});
