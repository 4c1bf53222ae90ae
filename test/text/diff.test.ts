import { expect, it } from 'vitest';
import { diffLines } from '../../src/text/diff.js';
import fc from '../rig/chance.js';

it('shows what is gone and what is new, with a little around it', () => {
  expect(diffLines('a\nb\nc\nd\ne\nf\ng\n', 'a\nb\nc\nX\ne\nf\ng\nh\n', 1)).toEqual(
    ['...', '  c', '- d', '+ X', '  e', '...', '  g', '+ h'].slice(1),
  );
  expect(diffLines('', 'a\n')).toEqual(['+ a']);
  expect(diffLines('a\n', 'a\n')).toEqual([]);
});

it('leads from the one to the other, whatever they are', () => {
  const texts = fc
    .array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 })
    .map((lines) => lines.map((line) => `${line}\n`).join(''));
  fc.assert(
    fc.property(texts, texts, (before, after) => {
      const all = diffLines(before, after, 100);
      const side = (mark: string): string =>
        all
          .filter((line) => line.startsWith(mark) || line.startsWith('  '))
          .map((line) => `${line.slice(2)}\n`)
          .join('');
      expect(all.length === 0).toBe(before === after);
      if (before !== after) expect([side('- '), side('+ ')]).toEqual([before, after]);
    }),
  );
});
