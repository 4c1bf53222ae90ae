/** Each fault of the index has its tests, and they are run. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, test } from 'vitest';
import { type Fault, faults } from './faults.js';
import { reported } from './reported.js';

const textOf = (path: string): string => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');

/** How a title is found in a file: 'run', 'skipped' always, or 'missing'. What needs root or a program may be skipped where that is not there. */
function found(text: string, title: string, isFeature: boolean): 'run' | 'skipped' | 'missing' {
  if (isFeature) {
    const lines = text.split('\n').map((line) => line.trim());
    const at = lines.findIndex((line) => line === `Scenario: ${title}` || line === `Scenario Outline: ${title}`);
    return at === -1 ? 'missing' : /@(skip|wip)\b/.test(lines[at - 1] ?? '') ? 'skipped' : 'run';
  }
  const written = [`'${title.replaceAll("'", "\\'")}'`, JSON.stringify(title)];
  const [before] = written.flatMap((each) => text.split(`(${each}`).slice(0, -1));
  const broken = written.flatMap((each) => new RegExp(`\\(\\s+${escaped(each)}`).exec(text)?.[0] ?? []);
  if (before === undefined) return broken.length > 0 ? 'run' : 'missing';
  return /\.(skip|todo)$/.test(before) ? 'skipped' : 'run';
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function check({ tests }: Fault): void {
  const cited = Object.entries(tests).flatMap(([path, titles]) => titles.map((title) => ({ path, title })));
  expect(cited.length).toBeGreaterThan(0);
  const unmet = cited.filter(({ path, title }) => found(textOf(path), title, path.endsWith('.feature')) !== 'run');
  expect(unmet).toEqual([]);
}

describe('a fault that has brought supervisors down is tested', () => {
  it.each(faults)('$fault', check);
});

describe('a fault that users have reported of supervisors is tested', () => {
  it.each(reported)('$fault', check);
});

test('no fault is named twice', () => {
  const names = [...faults, ...reported].map(({ fault }) => fault);
  expect(new Set(names).size).toBe(names.length);
});

describe('a title', () => {
  const text = `it('is here', f);\nit.skip('is not run', f);\nit.each(x)(\n  'is broken',\n  f);\nit("is ’s", f);\n// 'is told of'`;
  it.each([
    ['is here', 'run'],
    ['is broken', 'run'],
    ['is ’s', 'run'],
    ['is not run', 'skipped'],
    ['is told of', 'missing'],
    ['is', 'missing'],
  ])('%s: %s', (title, how) => {
    expect(found(text, title, false)).toBe(how);
  });

  it('of a scenario is a whole line', () => {
    const feature = '  Scenario: One\n  @skip\n  Scenario Outline: Two: <x>\n';
    expect(['One', 'On', 'Two: <x>'].map((title) => found(feature, title, true))).toEqual(['run', 'missing', 'skipped']);
  });
});
