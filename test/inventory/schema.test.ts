/** `poolctl schema`, held against the loader by a validator that knows neither. */

import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it, test } from 'vitest';
import { parse } from 'yaml';
import { inventorySchema, jsonSchema, keysAt } from '../../src/inventory/schema.js';
import { everyKey, judge } from './judging.js';

const accepts = new Ajv2020({ strict: true, allErrors: false, strictTypes: false }).compile(jsonSchema());
const takes = (value: unknown): boolean => inventorySchema.safeParse(value).success;
const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

describe('takes what the loader takes', () => {
  const fences = [...read('README.md').matchAll(/^```ya?ml\n(.*?)^```/gms)].map(([, text = '']) => text);
  const inventories = fences.filter((text) => /^version:/m.test(text)).map((text, n) => [`example ${n + 1} of the README`, text]);

  test.each([
    ['the shipped inventory', read('pools.yaml')],
    ['the least', 'version: 1\npools: {}\n'],
    ['every key', everyKey],
    ...inventories,
  ])('%s', (_, text = '') => {
    expect(accepts(parse(text)), JSON.stringify(accepts.errors)).toBe(true);
    const structural = judge(text, { devices: null }).problems.filter(({ severity }) => severity === 'error');
    expect(structural).toEqual([]);
  });

  it('"every key" is every key', () => {
    const paths = (at: readonly string[]): readonly string[] =>
      keysAt(at).flatMap((key) => {
        const below = paths([...at, key]);
        return below.length === 0 ? [[...at, key].join('.')] : below;
      });
    const given = parse(everyKey) as object;
    const has = (path: string): boolean =>
      path.split('.').reduce<unknown>((here, step) => (here as Record<string, unknown> | undefined)?.[step], given) !== undefined;
    const wanted = [...paths(['supervisor']), ...paths(['pools', 'chat'])];
    expect(wanted.length).toBeGreaterThan(70);
    expect(wanted.filter((path) => !has(path))).toEqual([]);
  });
});

describe('refuses what the loader refuses for its structure', () => {
  const wrong: readonly unknown[] = [
    null,
    true,
    'x',
    '',
    'a\0b',
    '0s',
    '5',
    '1s',
    '1MiB',
    '0B',
    'auto',
    'never',
    'cpu',
    0,
    -1,
    1,
    1.5,
    2 ** 53,
    70_000,
    [],
    [1],
    ['x'],
    ['\0'],
    [[]],
    {},
    { x: 1 },
    { from_env: 'lower case' },
  ];

  it('each wrong value at each place, and each unknown key in each map', () => {
    const tried = { taken: 0, refused: 0 };
    const disagreed: string[] = [];
    const whole: unknown = parse(everyKey);
    for (const path of placesIn(whole, [])) {
      for (const value of [...wrong, undefined]) {
        const mutant = changed(structuredClone(whole), path, value);
        const [ours, theirs] = [takes(mutant), accepts(mutant)];
        if (ours !== theirs)
          disagreed.push(`${path.join('.')} = ${JSON.stringify(value)}: the loader ${ours ? 'takes' : 'refuses'} it`);
        tried[ours ? 'taken' : 'refused'] += 1;
      }
    }
    expect(disagreed).toEqual([]);
    expect(tried.refused).toBeGreaterThan(1_000);
    expect(tried.taken).toBeGreaterThan(200);
  });

  test.each([
    ['no version', 'pools: {}'],
    ['no pools', 'version: 1'],
    ['another version', 'version: 2\npools: {}'],
    ['a version as a text', 'version: "1"\npools: {}'],
    ['a pool named all', 'version: 1\npools: { all: { engine: demo } }'],
    ['a pool id in capitals', 'version: 1\npools: { Chat: { engine: demo } }'],
    ['a pool id that begins with a hyphen', 'version: 1\npools: { -a: { engine: demo } }'],
    ['a pool id of 64 letters', `version: 1\npools: { ${'a'.repeat(64)}: { engine: demo } }`],
    [
      'more pools than a machine holds',
      `version: 1\npools: { ${Array.from({ length: 1001 }, (_, n) => `p${n}: {}`).join(', ')} }`,
    ],
    ['more masks than a machine holds', `version: 1\npools: { a: { device_masks: [${'cpu,'.repeat(1001)}] } }`],
    ['a variable whose name is none', 'version: 1\npools: { a: { engine: demo, env: { 1A: x } } }'],
    ['a list for a file', '- version: 1'],
  ])('%s', (_, text) => {
    expect(accepts(parse(text))).toBe(false);
    expect(judge(text, { devices: null }).inventory).toBeNull();
  });
});

/** Every place with a value, and in every map one more. */
function* placesIn(value: unknown, path: readonly string[]): Generator<readonly string[]> {
  if (path.length > 0) yield path;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) yield* placesIn(inner, [...path, key]);
  if (!Array.isArray(value)) yield [...path, 'modle'];
}

function changed(root: unknown, path: readonly string[], value: unknown): unknown {
  const parent = path.slice(0, -1).reduce<unknown>((here, step) => (here as Record<string, unknown>)[step], root);
  const key = path.at(-1) ?? '';
  if (value !== undefined) (parent as Record<string, unknown>)[key] = value;
  else if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete (parent as Record<string, unknown>)[key];
  return root;
}
