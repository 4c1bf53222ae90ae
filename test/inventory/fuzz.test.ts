/** Any text whatever is either an inventory or a list of errors that point to it; never a crash, never a secret. */

import { describe, expect, it, test } from 'vitest';
import { stringify } from 'yaml';
import { inventorySchema, keysAt } from '../../src/inventory/schema.js';
import fc from '../rig/chance.js';
import { everyKey, expectSound, judge } from './judging.js';

/** What YAML, or a text in it, may stumble over. */
const shards = [
  '\t',
  '\r',
  '\r\n',
  '\n',
  '\0',
  '\ufeff',
  '\u2028',
  '\u0085',
  '\ud800',
  '模',
  '\u001b[2J',
  '"',
  "'",
  '[',
  ']',
  '{',
  '}',
  ',',
  ': ',
  '- ',
  '? ',
  '# ',
  '&a ',
  '*a',
  '!!str ',
  '!x ',
  '| ',
  '>-\n',
  '---\n',
  '...\n',
  '%YAML 1.1\n',
  '<<: ',
  '~',
  '.nan',
  '.inf',
  '0x10',
  '1e999',
  '08',
  '-0',
  '__proto__: ',
  'constructor: ',
  'toString: 1\n',
  '${',
  '${PORT}',
  '$${',
  '@',
  '`',
  '\\',
  'true',
  'null',
];

const mutated = fc
  .array(fc.record({ at: fc.nat({ max: everyKey.length }), cut: fc.nat({ max: 12 }), put: fc.constantFrom('', ...shards) }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((edits) => edits.reduce((text, { at, cut, put }) => text.slice(0, at) + put + text.slice(at + cut), everyKey));

describe('no crash, and every problem in its place', () => {
  it('for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const text = Buffer.from(bytes).toString('utf8');
        expectSound(text, judge(text));
      }),
      { numRuns: 300 },
    );
  });

  it('for any row of what YAML is made of', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...shards, 'a', 'version: 1\n', 'pools: ', 'x:\n  ', ' '), { maxLength: 40 }),
        (parts) => {
          const text = parts.join('');
          expectSound(text, judge(text));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('for a whole inventory with a few mistakes of hand', () => {
    fc.assert(
      fc.property(mutated, (text) => void expectSound(text, judge(text, { devices: null }))),
      { numRuns: 250 },
    );
  });

  it('for any values under any keys, and the loader takes what its schema takes, but for what hangs together', () => {
    const names = [
      ...new Set([['supervisor'], ['pools', 'a'], ['pools', 'a', 'health'], ['pools', 'a', 'restart', 'storm']].flatMap(keysAt)),
    ];
    const leaf = fc.oneof(
      fc.constantFrom(...shards, 'cpu', 'auto', '5s', '1MiB', 'demo', 'off', '127.0.0.1:1'),
      fc.integer(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...names, 'x', 'all'), tie('value'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('a', 'b-1', 'UP', ''), value, { maxKeys: 3 }),
        value,
        value,
        (pools, defaults, supervisor) => {
          const inventory = { version: 1, supervisor, defaults, pools };
          const text = stringify(inventory);
          const loaded = judge(text, { devices: null });
          expectSound(text, loaded);
          if (!inventorySchema.safeParse(inventory).success) expect(loaded.inventory).toBeNull();
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('what is made to hang', () => {
  const size = 50_000;
  const lines = (line: (n: number) => string, count = 4_000): string =>
    Array.from({ length: count }, (_, n) => line(n)).join('\n');
  const nested = (open: string): string => open.repeat(size / open.length);

  test.each([
    ['lists in lists', nested('[')],
    ['maps in maps', nested('{a: ')],
    ['block lists in lists', nested('- ')],
    ['keys of keys', nested('? ')],
    ['ever deeper', lines((n) => `${' '.repeat(n)}a:`, 1_000)],
    ['quotes never closed', nested("x: 'y\n")],
    ['other quotes never closed', nested('- "y\n')],
    ['quote after quote', nested("'a' ")],
    ['anchors', nested('&a ')],
    ['aliases of nothing', nested('- *a\n')],
    ['one key again and again', nested('a: 1\n')],
    ['lists that end as maps', nested('a: [}\n')],
    ['documents', nested('---\n')],
    ['directives', nested('%A b\n')],
    ['tags', nested('!a ')],
    ['one line of words', nested('key ')],
    ['names of secrets', nested('token=')],
    ['carriage returns', nested('a\rb')],
    ['empty lines', nested('\n')],
    ['unknown keys', lines((n) => `a${n}: 1`)],
    ['pools without anything', `version: 1\npools:\n${lines((n) => `  p${n}: {}`)}`],
    [
      'pools that all want one port',
      `version: 1\npools:\n${lines((n) => `  p${n}: { engine: demo, port: 90, device_masks: [${'cpu,'.repeat(30)}] }`, 800)}`,
    ],
    [
      'pools that all want one device',
      `version: 1\npools:\n${lines((n) => `  p${n}: { engine: demo, device_masks: [0, 0, 0, 0] }`, 800)}`,
    ],
    ['arguments that are none', `version: 1\npools: { a: { engine: demo, args: [${'1,'.repeat(49_000)}] } }`],
    ['placeholders', `version: 1\npools: { a: { engine: demo, device_masks: [cpu], args: ['${'${'.repeat(30_000)}'] } }`],
  ])('%s', (_, text) => {
    const { inventory, problems } = judge(text);
    expect(inventory).toBeNull();
    expect(problems.length).toBeGreaterThan(0);
  });

  it('a billion laughs, a circle of anchors, and aliases within the bound', () => {
    const names = 'abcdefghij';
    const laughs = [...names]
      .map((name, n) => `${name}: &${name} [${n === 0 ? 'ha' : `*${names[n - 1]}, `.repeat(9)}]`)
      .join('\n');
    expect(judge(laughs).problems.map(({ message }) => message)).toEqual(['aliases make more than 10000 values of it']);
    expect(judge('version: 1\npools: &p { a: { args: [*p] } }').problems[0]?.message).toBe(
      'the alias stands within what it names',
    );
    const shared = `version: 1\npools:\n  p: &p { engine: demo, device_masks: [cpu] }\n${lines((n) => `  p${n}: *p`, 800)}\n`;
    expect(judge(shared).inventory?.pools).toHaveLength(801);
  });

  it('more values than any machine needs, and more text', () => {
    const many = judge(`version: 1\npools: { a: { engine: demo, args: [${'x,'.repeat(60_000)}] } }`);
    expect(many.problems.map(({ message }) => message)).toEqual(['the file has more than 50000 values']);
    expectSound(`version: 1\npools: { a: { engine: demo, args: [${'x,'.repeat(60_000)}] } }`, many);
    const long = judge(`# ${'x'.repeat(1024 * 1024)}`);
    expect(long.problems).toMatchObject([
      { code: 'FILE_NOT_FOUND', line: null, message: 'cannot read the inventory: it has more than 1 MiB' },
    ]);
  });
});
