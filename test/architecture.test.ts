import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, test } from 'vitest';
import { layers } from './architecture/arrows.js';
import { type Files, violations } from './architecture/check.js';

const root = fileURLToPath(new URL('..', import.meta.url));

test('the house is in order', () => {
  const house = readHouse();
  expect(house.size).toBeGreaterThan(10);
  expect(violations(house, layers)).toEqual([]);
});

test('every layer that is named is a layer', () => {
  const names = new Set([...layers.map(({ name }) => name), '*']);
  const named = layers.flatMap((layer) => [...layer.layers, ...Object.values(layer.exceptions ?? {}).flat()]);
  expect(named.map((name) => name.replace(/:types$/, '')).filter((name) => !names.has(name))).toEqual([]);
});

describe('the checker can fail', () => {
  const broken: readonly { readonly rule: string; readonly files: Record<string, string>; readonly told: readonly string[] }[] = [
    {
      rule: 'a forbidden arrow',
      files: {
        'src/core/a.ts': "import { b } from '../shell/b.js';\nexport const a = b;",
        'src/shell/b.ts': 'export const b = 1;',
      },
      told: ['src/core/a.ts:1: core may not import shell: "../shell/b.js"'],
    },
    {
      rule: 'a forbidden arrow of types',
      files: {
        'src/core/a.ts': "import type { B } from '../errors.js';\nexport type A = B;",
        'src/errors.ts': 'export type B = 1;',
      },
      told: ['src/core/a.ts:1: core may not import errors: "../errors.js"'],
    },
    {
      rule: 'a value where types alone may come',
      files: {
        'src/host/a.ts': "import { type B, b } from '../core/b.js';\nexport const a: B = b;",
        'src/core/b.ts': 'export type B = 1;\nexport const b = 1;',
      },
      told: ['src/host/a.ts:1: host may take types alone from core: "../core/b.js"'],
    },
    {
      rule: 'an arrow by import(), by re-export and in a type',
      files: {
        'commands/a.ts':
          "export const a = () => import('../src/shell/b.js');\nexport { b } from '../src/shell/b.js';\nexport type C = import('../src/shell/b.js').B;",
        'src/shell/b.ts': 'export const b = 1;\nexport type B = 1;',
      },
      told: [1, 2, 3].map((line) => `commands/a.ts:${line}: commands may not import shell: "../src/shell/b.js"`),
    },
    {
      rule: 'the composition root from any command but its own',
      files: {
        'commands/up.ts': "import { up } from '../src/up.js';\nup();",
        'commands/down.ts': "import { up } from '../src/up.js';\nup();",
        'src/up.ts': 'export function up(): void {}',
      },
      told: ['commands/down.ts:1: commands may not import up: "../src/up.js"'],
    },
    {
      rule: 'a computed import',
      files: { 'commands/a.ts': 'export const a = (name: string) => import(`./${name}.js`);' },
      told: ['commands/a.ts:1: commands may not import the package "(computed)"'],
    },
    {
      rule: 'a circle',
      files: {
        'src/shell/a.ts': "import { b } from './b.js';\nexport const a = b;",
        'src/shell/b.ts': "import type { C } from './c.js';\nexport const b: C = 1;",
        'src/shell/c.ts': "import type { a } from './a.js';\nexport type C = typeof a;",
      },
      told: ['src/shell/a.ts:1: imports itself: src/shell/a.ts -> src/shell/b.ts -> src/shell/c.ts -> src/shell/a.ts'],
    },
    {
      rule: 'an import without .js',
      files: { 'src/shell/a.ts': "import { b } from './b';\nexport const a = b;", 'src/shell/b.ts': 'export const b = 1;' },
      told: ['src/shell/a.ts:1: "./b" lacks .js', 'src/shell/a.ts:1: "./b" is no file of the house'],
    },
    {
      rule: 'Node in a pure layer',
      files: { 'src/engines/a.ts': "import { join } from 'node:path';\nexport const a = join('a');" },
      told: ['src/engines/a.ts:1: engines may not import "node:path"'],
    },
    {
      rule: 'Node without node:',
      files: { 'src/host/a.ts': "import { join } from 'path';\nexport const a = join('a');" },
      told: ['src/host/a.ts:1: "path" lacks node:'],
    },
    {
      rule: 'a package out of place',
      files: { 'src/shell/a.ts': "import { z } from 'zod';\nexport const a = z;" },
      told: ['src/shell/a.ts:1: shell may not import the package "zod"'],
    },
    {
      rule: 'chalk in any file but one',
      files: {
        'src/text/table.ts': "import { Chalk } from 'chalk';\nexport const a = Chalk;",
        'src/text/colour.ts': "import { Chalk } from 'chalk';\nexport const a = Chalk;",
      },
      told: ['src/text/table.ts:1: chalk is imported by src/text/colour.ts alone'],
    },
    {
      rule: 'default exports',
      files: {
        'src/text/a.ts': 'export default 1;',
        'src/text/b.ts': 'export default function b(): void {}',
        'src/text/c.ts': 'const c = 1;\nexport { c as default };',
      },
      told: ['src/text/a.ts:1: default export', 'src/text/b.ts:1: default export', 'src/text/c.ts:2: default export'],
    },
    {
      rule: 'a barrel',
      files: { 'src/text/index.ts': "export { a } from './a.js';", 'src/text/a.ts': 'export const a = 1;' },
      told: ['src/text/index.ts:1: barrel: import from where it is'],
    },
    {
      rule: 'state of a module',
      files: { 'src/text/a.ts': 'let n = 0;\nexport const next = (): number => ++n;' },
      told: ['src/text/a.ts:1: state of the module: pass it in'],
    },
    {
      rule: 'time, chance and waiting in the core',
      files: {
        'src/core/a.ts': [
          'export const a = () => Date.now();',
          'export const b = () => Math.random();',
          'export const c = () => setTimeout(a, 1);',
          'export const d = () => process.pid;',
          'export const e = async () => 1;',
          'export const f = () => new Date();',
        ].join('\n'),
      },
      told: ['Date', 'Math.random', 'setTimeout', 'process', 'async', 'Date'].map(
        (name, index) => `src/core/a.ts:${index + 1}: "${name}" in the core`,
      ),
    },
    {
      rule: 'process.exit outside of bin',
      files: { 'commands/a.ts': 'export const a = () => process.exit(1);', 'bin/poolctl.ts': 'process.exit(0);' },
      told: ['commands/a.ts:1: process.exit outside of bin'],
    },
    {
      rule: 'a file of no layer',
      files: { 'src/misc/a.ts': 'export const a = 1;' },
      told: ['src/misc/a.ts:1: belongs to no layer: name it in test/architecture/arrows.ts'],
    },
  ];

  it.each(broken)('$rule', ({ files, told }) => {
    expect(violations(new Map(Object.entries(files)), layers)).toEqual(told);
  });

  it('and does not fail where nothing is wrong', () => {
    const core =
      'export type Date = number;\nexport const a = { process: 1, await: 2 };\nconst performance = { now: 1 };\nexport const b = a.process + performance.now + Math.max(1, 2);';
    const host =
      "import type { Date } from '../core/a.js';\nimport { readFile } from 'node:fs/promises';\nexport const c: Date = readFile.length;";
    expect(
      violations(
        new Map([
          ['src/core/a.ts', core],
          ['src/host/c.ts', host],
        ]),
        layers,
      ),
    ).toEqual([]);
  });
});

function readHouse(): Files {
  const paths = ['bin', 'commands', 'src'].flatMap((directory) =>
    readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.tsx?$/.test(path))
      .map((path) => `${directory}/${path}`),
  );
  return new Map(paths.map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}
