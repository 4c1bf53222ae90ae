import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { diagram, transitions } from './transitions.js';

const found = transitions();

it('HACKING.md shows the state diagram as it is (node scripts/state-diagram.mjs writes it)', () => {
  const page = readFileSync(new URL('../../HACKING.md', import.meta.url), 'utf8');
  const [, shown] = /<!-- states: .*-->\n```\n([\s\S]*?)```\n<!-- \/states -->/.exec(page) ?? [];
  expect(shown).toBe(`${diagram(found)}\n`);
});

it('knows a way to every state, and from every state', () => {
  const [from, to] = [new Set(found.map((each) => each.from)), new Set(found.map((each) => each.to))];
  expect([...from].sort()).toEqual([...to].sort());
  expect(from.size).toBe(11);
});

it('leads through what every replica goes through', () => {
  const pairs = found.map(({ from, to, facts }) => `${from} ${to} ${facts.join(' ')}`);
  expect(pairs).toEqual(
    expect.arrayContaining([
      'stopped preparing start restart reset',
      'preparing starting spawned',
      'ready unhealthy probed generated alarmed',
      'broken preparing reset woke',
    ]),
  );
});
