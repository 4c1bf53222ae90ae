import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));

type Packed = { readonly filename: string; readonly files: readonly { readonly path: string; readonly mode: number }[] };

let temporary: string;
let packed: Packed;

beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'poolctl-pack-'));
  if (!existsSync(join(root, 'dist/bin/poolctl.js'))) await run('node', ['scripts/build.mjs'], { cwd: root });
  // Without scripts: dist is built, and other tests run out of it meanwhile.
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', temporary], { cwd: root });
  const answer = JSON.parse(stdout) as Packed[] | Record<string, Packed>;
  packed = Object.values(answer)[0] as Packed;
}, 60_000);
afterAll(() => rm(temporary, { recursive: true, force: true }));

describe('the tarball', () => {
  it('holds what an installed poolctl needs', () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        'package.json',
        'README.md',
        'LICENSE',
        'CHANGELOG.md',
        'pools.yaml',
        'dist/bin/poolctl.js',
        'dist/commands/complete.js',
        'dist/demo/engine.js',
        'dist/helpers/tree-kill.js',
        'dist/THIRD-PARTY-LICENSES',
        'monitoring/README.md',
        'monitoring/grafana/poolctl.json',
        'monitoring/prometheus/alerts.yml',
        'docs/top.svg',
        'recipes/README.md',
        'recipes/backends.mjs',
        'recipes/drained.sh',
        'systemd/poolctl.service',
      ]),
    );
  });

  it('holds nothing else', async () => {
    const { man = [] } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { man?: string[] };
    const known = new Set([
      ...man.map((path) => path.replace(/^\.\//, '')),
      'package.json',
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'pools.yaml',
      'monitoring/README.md',
      'monitoring/grafana/poolctl.json',
      'monitoring/prometheus/alerts.yml',
      'docs/top.svg',
      'recipes/README.md',
      ...['backends.mjs', 'docker.yaml', 'drained.sh', 'ollama.yaml', 'tgi.yaml'].map((name) => `recipes/${name}`),
      'systemd/poolctl.service',
    ]);
    const expected =
      /^dist\/(bin\/poolctl\.js|commands\/(?:complete|program)\.js|chunks\/[^/]+\.js|demo\/engine\.js|helpers\/tree-kill\.js|THIRD-PARTY-LICENSES)$/;
    expect(packed.files.map(({ path }) => path).filter((path) => !known.has(path) && !expected.test(path))).toEqual([]);
  });

  it('holds every man page', async () => {
    const { man = [] } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { man?: string[] };
    expect(packed.files.map(({ path }) => path)).toEqual(expect.arrayContaining(man.map((path) => path.replace(/^\.\//, ''))));
  });
});

describe('installed into an empty prefix', () => {
  let prefix: string;

  beforeAll(async () => {
    prefix = join(temporary, 'prefix');
    await mkdir(prefix);
    await run(
      'npm',
      ['install', '--global', '--offline', '--no-audit', '--no-fund', '--prefix', prefix, join(temporary, packed.filename)],
      { cwd: temporary },
    );
  }, 120_000);

  /** With nothing of the repository in sight: its own directory, home and PATH. */
  const poolctl = (...args: string[]) =>
    run(join(prefix, 'bin/poolctl'), args, {
      cwd: temporary,
      env: { HOME: temporary, PATH: `${dirname(process.execPath)}:/usr/bin:/bin` },
    });

  it('brings no other package', () => {
    expect(existsSync(join(prefix, 'lib/node_modules/poolctl/node_modules'))).toBe(false);
  });

  it('tells its version', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    expect((await poolctl('--version')).stdout).toContain(version);
  });

  it('accepts the pools.yaml that it ships', async () => {
    const { stdout } = await poolctl('check', join(prefix, 'lib/node_modules/poolctl/pools.yaml'), '--json');
    expect(JSON.parse(stdout)).toEqual({ ok: true, problems: [] });
  });

  it('finds its demo engine', async () => {
    const { stdout } = await poolctl('plan', '--json', '--file', join(prefix, 'lib/node_modules/poolctl/pools.yaml'));
    const { replicas } = JSON.parse(stdout) as { replicas: { argv: string[] }[] };
    const script = replicas[0]?.argv.find((argument) => argument.endsWith('demo/engine.js')) ?? '';
    expect(existsSync(script)).toBe(true);
  });

  it('runs: its three demo engines come to ready, and go', async () => {
    const pools = await readFile(join(prefix, 'lib/node_modules/poolctl/pools.yaml'), 'utf8');
    await writeFile(join(temporary, 'pools.yaml'), `${pools}supervisor: { ports: 27280-27299 }\n`);
    const up = poolctl('up');
    await new Promise<void>((resolve) => up.child.stderr?.on('data', (text) => /supervisor\.started/.test(text) && resolve()));
    await poolctl('wait', 'all', '--for', 'ready', '--timeout', '30s');
    expect((await poolctl('status')).stdout.match(/ ready /g)).toHaveLength(3);
    await poolctl('down');
    await up;
  }, 60_000);
});
