/**
 * Runs the features: bundles test/features/steps/*.ts, since cucumber loads no TypeScript, and hands its own arguments on to cucumber.
 *
 *   node scripts/features.mjs [test/features/process ...] [--tags @OC-POOL-3001] [--name TEXT] ...
 */

import { spawn } from 'node:child_process';
import { readdir, readFile, rm } from 'node:fs/promises';
import { constants } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const steps = `${root}test/features/steps`;
const outdir = `${root}.tmp/features`;

const files = (await readdir(steps)).filter((name) => name.endsWith('.ts'));
const { version } = JSON.parse(await readFile(`${root}package.json`, 'utf8'));

await rm(outdir, { recursive: true, force: true });
await build({
  entryPoints: files.map((name) => `${steps}/${name}`),
  outdir,
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  sourcemap: 'inline',
  define: { __POOLCTL_VERSION__: JSON.stringify(version) },
  plugins: [keepOwnUrl()],
  logLevel: 'warning',
});

const given = process.argv.slice(2);
const all = given.some((argument) => argument.startsWith('test/features')) ? [] : ['test/features/**/*.feature'];
const cucumber = spawn('node_modules/.bin/cucumber-js', ['--config', 'test/features/cucumber.json', ...given, ...all], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --enable-source-maps`.trim() },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => cucumber.kill(signal));
cucumber.on('exit', (code, signal) => {
  process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
});

/** A bundled file still knows itself by the place of its source, so that `new URL('../x', import.meta.url)` finds x. */
function keepOwnUrl() {
  return {
    name: 'keep-own-url',
    setup: ({ onLoad }) =>
      onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const source = await readFile(path, 'utf8');
        return { loader: 'ts', contents: source.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)) };
      }),
  };
}
