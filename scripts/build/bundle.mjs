/**
 * Bundles poolctl, with every package inside, so that an installed one needs none: `bin/poolctl.ts` with what `status` needs, all commands split
 * one by one, and as files of their own the demo engine and the helper that kills a tree.
 */

import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { licences } from '../licences.mjs';

export const root = fileURLToPath(new URL('../..', import.meta.url));

// CommonJS packages (commander, yaml, tree-kill) call require(), which an ES module does not have.
const requireBanner = {
  js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
};

/**
 * Files are replaced whole and only where they changed: a poolctl that runs out of `outdir` meanwhile never reads half of one.
 *
 * @param {string} outdir absolute
 * @param {{ version?: string, plugins?: readonly import('esbuild').Plugin[] }} how `version` stands in place of package.json's; `plugins` change
 *   the sources on their way
 */
export async function bundlePoolctl(outdir, { version, plugins = [] } = {}) {
  const packaged = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const common = {
    absWorkingDir: root,
    outdir,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: `node${/\d+\.\d+/.exec(packaged.engines.node)?.[0]}`,
    // Identifiers stay, so that the stack of a bug can be read.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    define: {
      'process.env.NODE_ENV': '"production"',
      'process.env.DEV': '"false"',
      __POOLCTL_VERSION__: JSON.stringify(version ?? packaged.version),
    },
    plugins: [withoutUnused(), withoutFacade(), ...plugins],
    metafile: true,
    write: false,
    logLevel: 'warning',
  };
  const split = { ...common, splitting: true, chunkNames: 'chunks/[name]-[hash]' };
  const builds = await Promise.all([
    // In one file with what `status` needs: each file of a program costs it half a millisecond.
    build({
      ...split,
      entryPoints: { 'bin/poolctl': 'bin/poolctl.ts' },
      external: ['../commands/program.js', '../commands/complete.js'],
    }),
    build({ ...split, entryPoints: { 'commands/program': 'commands/program.ts' }, banner: requireBanner }),
    // Runs at each press of Tab: in one file too.
    build({ ...common, entryPoints: { 'commands/complete': 'commands/complete.ts' } }),
    build({ ...common, entryPoints: { 'demo/engine': 'src/demo/engine.ts' } }),
    build({ ...common, entryPoints: { 'helpers/tree-kill': 'src/shell/tree-kill.ts' }, banner: requireBanner }),
  ]);
  const metafile = {
    inputs: Object.assign({}, ...builds.map(({ metafile: { inputs } }) => inputs)),
    outputs: Object.assign({}, ...builds.map(({ metafile: { outputs } }) => outputs)),
  };
  const written = builds.flatMap(({ outputFiles }) =>
    outputFiles.map(({ path, contents }) => ({ path, contents: Buffer.from(contents) })),
  );
  written.push(
    { path: join(outdir, 'THIRD-PARTY-LICENSES'), contents: Buffer.from(await licences(root, metafile)) },
    { path: join(outdir, 'meta.json'), contents: Buffer.from(JSON.stringify(metafile)) },
  );
  await Promise.all(written.map(replace));
  await chmod(join(outdir, 'bin/poolctl.js'), 0o755);
  await removeAllBut(outdir, new Set(written.map(({ path }) => path)));
}

/**
 * Parts of packages that nobody here calls, and that would be loaded all the same: a package that is not there (ink's developers' tools, where DEV is
 * set), and half of Node's network at each start of `up` (what prom-client has beside metrics).
 */
const unused = [
  { package: 'ink', parts: /^\.\/devtools\.js$/ },
  { package: 'prom-client', parts: /^\.\/lib\/(pushgateway|cluster|defaultMetrics)$/ },
];

function withoutUnused() {
  return {
    name: 'without-unused',
    setup({ onResolve, onLoad }) {
      for (const { package: name, parts } of unused)
        onResolve({ filter: parts }, ({ path, importer }) =>
          importer.includes(`/node_modules/${name}/`) ? { path, namespace: 'nothing' } : undefined,
        );
      onLoad({ filter: /.*/, namespace: 'nothing' }, () => ({ contents: '' }));
    },
  };
}

/**
 * An ES module that imports node:http has every property of it read, and three of those load a second HTTP client with its WebSockets (Node 22 and later):
 * 35 ms of every program. It is asked for in the way that reads nothing.
 */
function withoutFacade() {
  return {
    name: 'without-facade',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^node:http$/ }, ({ path }) => ({ path, namespace: 'builtin' }));
      onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => {
        const properties = Object.entries(Object.getOwnPropertyDescriptors(process.getBuiltinModule(path)));
        const names = properties.filter(([, property]) => 'value' in property).map(([name]) => name);
        return { contents: `export const { ${names.join(', ')} } = process.getBuiltinModule('${path}');` };
      });
    },
  };
}

async function replace({ path, contents }) {
  const before = await readFile(path).catch(() => null);
  if (before?.equals(contents)) return;
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.new`;
  await writeFile(temporary, contents);
  await rename(temporary, path);
}

/** Chunks of earlier builds go; what another build is writing just now stays. */
async function removeAllBut(outdir, paths) {
  const found = await readdir(outdir, { recursive: true, withFileTypes: true });
  const stale = found
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.new'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !paths.has(path) && !relative(outdir, path).startsWith('..'));
  await Promise.all(stale.map((path) => rm(path, { force: true })));
}
