import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));

type Output = {
  readonly entryPoint?: string;
  readonly imports: readonly { path: string; kind: string }[];
  readonly inputs: Record<string, unknown>;
};
type Metafile = { readonly outputs: Record<string, Output> };

/** Packages too slow to load for a command that only asks the supervisor. */
const heavy = ['ink', 'react', 'execa', 'zod', 'yaml', 'prom-client', 'tree-kill'];
const askers = [
  'status',
  'top',
  'start',
  'stop',
  'restart',
  'drain',
  'reload',
  'wait',
  'lease',
  'down',
  'logs',
  'events',
  'devices',
  'completion',
];

/** What every command but a plain status passes through. */
const beforeAny = ['bin/poolctl.ts', 'commands/program.ts'];

let dist: string;
let outputs: Metafile['outputs'];

beforeAll(async () => {
  dist = await mkdtemp(join(tmpdir(), 'poolctl-dist-'));
  await run('node', ['scripts/build.mjs', '--outdir', dist], { cwd: root });
  outputs = (JSON.parse(await readFile(join(dist, 'meta.json'), 'utf8')) as Metafile).outputs;
});
afterAll(() => rm(dist, { recursive: true, force: true }));

describe('what a command loads', () => {
  it.each(askers)('%s: none of the slow packages', (verb) => {
    expect(packages([...beforeAny, `commands/${verb}.ts`]).filter((name) => heavy.includes(name))).toEqual([]);
  });

  it('the program alone (--version): none of the slow packages', () => {
    expect(packages(beforeAny).filter((name) => heavy.includes(name))).toEqual([]);
  });

  it('a plain status: one file, and no package at all', () => {
    expect(packages(['bin/poolctl.ts'])).toEqual([]);
    const bin = Object.values(outputs).find(({ entryPoint }) => entryPoint === 'bin/poolctl.ts');
    expect(bin?.imports.filter(({ kind, path }) => kind === 'import-statement' && !path.startsWith('node:'))).toEqual([]);
  });

  it('what runs at each press of Tab: one file, and no package at all', () => {
    expect(packages(['commands/complete.ts'])).toEqual([]);
    const complete = Object.values(outputs).find(({ entryPoint }) => entryPoint === 'commands/complete.ts');
    expect(complete?.imports.filter(({ path }) => !path.startsWith('node:'))).toEqual([]);
  });

  it('up, and no other command, loads prom-client', async () => {
    const commands = (await readdir(join(root, 'commands'))).filter((name) => name.endsWith('.ts'));
    const chunks = new Set(Object.values(outputs).map(({ entryPoint }) => entryPoint));
    const loading = commands
      .filter((name) => chunks.has(`commands/${name}`))
      .filter((name) => packages([`commands/${name}`]).includes('prom-client'));
    expect(loading).toEqual(['up.ts']);
  });

  it('Ink comes with the live view, when its first frame is there, and with nothing else', () => {
    const inked = Object.values(outputs).filter(({ inputs: of }) =>
      packagesOf(Object.keys(of)).some((name) => ['ink', 'react'].includes(name)),
    );
    expect(inked.map(({ entryPoint }) => entryPoint)).toEqual(['src/tui/app.tsx']);
    expect(packages([...beforeAny, 'commands/top.ts', 'commands/live/show.ts'])).toEqual(expect.not.arrayContaining(heavy));
  });

  it('up loads what describes the API only when somebody asks for it, and then nothing else', () => {
    const describing = (path: string): boolean => path.startsWith('src/api/openapi/');
    expect(inputs([...beforeAny, 'commands/up.ts']).filter(describing)).toEqual([]);
    const own = Object.values(outputs).filter(({ inputs: of }) => Object.keys(of).some(describing));
    expect(own.map(({ entryPoint }) => entryPoint)).toEqual(['src/api/openapi/document.ts']);
    const [document] = own;
    expect(Object.keys(document?.inputs ?? {}).filter((path) => !describing(path))).toEqual([]);
  });

  it('check loads yaml and zod, so that this test would see them', () => {
    expect(packages([...beforeAny, 'commands/check.ts'])).toEqual(expect.arrayContaining(['yaml', 'zod']));
  });
});

describe('the bundle', () => {
  it('holds one chunk a command', async () => {
    const commands = (await readdir(join(root, 'commands'))).filter(
      (name) =>
        name.endsWith('.ts') && !['index.ts', 'cli.ts', 'plain.ts', 'inventory.ts', 'machine.ts', 'program.ts'].includes(name),
    );
    const entries = Object.values(outputs).map(({ entryPoint }) => entryPoint);
    expect(entries).toEqual(expect.arrayContaining(commands.map((name) => `commands/${name}`)));
  });

  it('imports nothing that an installed poolctl has not got', async () => {
    const external = Object.values(outputs).flatMap(({ imports }) =>
      imports.filter((each) => 'external' in each).map(({ path }) => path),
    );
    const missing = [...new Set(external)].filter((path) => !path.startsWith('node:') && !builtin.has(path));
    expect(missing.sort()).toEqual(['../commands/complete.js', '../commands/program.js']);
    expect(await readdir(join(dist, 'commands'))).toEqual(['complete.js', 'program.js']);
  });

  it('loads no second HTTP client and its WebSockets, which node:http offers on Node 22 and later to whoever imports it', async () => {
    const told = `process.on('exit', () => console.log(process.moduleLoadList.filter((name) => name.includes('undici'))))`;
    const { stdout } = await run(process.execPath, [
      '--import',
      `data:text/javascript,${told}`,
      join(dist, 'bin/poolctl.js'),
      'status',
      '--state-dir',
      '/nowhere',
    ]).catch((error: { stdout: string }) => error);
    expect(stdout).toBe('[]\n');
    expect(Object.values(outputs).flatMap(({ imports }) => imports.filter(({ path }) => path === 'node:http'))).toEqual([]);
  });

  it('can be executed as it lies, and begins with its one shebang', async () => {
    const program = join(dist, 'bin/poolctl.js');
    await access(program, constants.X_OK);
    const text = await readFile(program, 'utf8');
    expect(text.match(/^#!.*$/gm)).toEqual(['#!/usr/bin/env -S node --max-semi-space-size=1']);
    expect(text.startsWith('#!')).toBe(true);
  });

  it('knows its version', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    expect((await run(join(dist, 'bin/poolctl.js'), ['--version'])).stdout.trim()).toContain(version);
  });

  it('keeps the demo engine in one file of its own', async () => {
    const demo = Object.entries(outputs).find(([, { entryPoint }]) => entryPoint === 'src/demo/engine.ts');
    expect(demo?.[1].imports.filter(({ path }) => !path.startsWith('node:'))).toEqual([]);
    await access(join(dist, 'demo/engine.js'));
  });

  it('names each bundled package with its licence', async () => {
    const text = await readFile(join(dist, 'THIRD-PARTY-LICENSES'), 'utf8');
    const bundled = new Set(Object.values(outputs).flatMap(({ inputs }) => packagesOf(Object.keys(inputs))));
    expect(bundled.size).toBeGreaterThan(0);
    for (const name of bundled) expect(text).toMatch(new RegExp(`^${name} [0-9][^ ]* \\(.+\\)$`, 'm'));
  });

  it('leaves no chunk of an earlier build, and writes the same again', async () => {
    const before = await files();
    await run('node', ['scripts/build.mjs', '--outdir', dist], { cwd: root });
    expect(await files()).toEqual(before);
  });
});

/** CommonJS packages ask for Node's modules without node:. */
const builtin = new Set((await import('node:module')).builtinModules);

async function files(): Promise<string[]> {
  return (await readdir(dist, { recursive: true })).sort();
}

/** Packages in the chunks of these entries and in all that they import statically. */
function packages(entries: readonly string[]): string[] {
  return [...new Set(packagesOf(inputs(entries)))];
}

function inputs(entries: readonly string[]): string[] {
  const loaded = new Set<string>();
  const load = (path: string): void => {
    if (loaded.has(path) || outputs[path] === undefined) return;
    loaded.add(path);
    for (const each of outputs[path].imports) if (each.kind === 'import-statement') load(each.path);
  };
  for (const entry of entries) {
    const path = Object.keys(outputs).find((each) => outputs[each]?.entryPoint === entry);
    if (path === undefined) throw new Error(`the bundle has no chunk for "${entry}"`);
    load(path);
  }
  return [...loaded].flatMap((path) => Object.keys(outputs[path]?.inputs ?? {}));
}

function packagesOf(paths: readonly string[]): string[] {
  return paths.map((input) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1]).filter((name) => name !== undefined);
}
