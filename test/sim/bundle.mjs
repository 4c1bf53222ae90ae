/** The simulator as one file for worker threads, with a hook in the core's table, and with one of its mutants where that is wanted. */

import { mkdir, mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Each turn of a replica is counted by state and fact, and the table's rows can be read. */
const hooks = [
  {
    file: 'src/core/engine.ts',
    from: '  const cell = rows[replica.life.state][fact.type];',
    to: '  globalThis.poolctlTurn?.(replica.life.state, fact.type);\n  const cell = rows[replica.life.state][fact.type];',
  },
  {
    file: 'src/core/engine.ts',
    from: '/** Old news is dropped:',
    to: 'globalThis.poolctlRows = rows;\n/** Old news is dropped:',
  },
];

/**
 * Answers the path of the bundle. `edits` are made to the sources on their way. @throws where a snippet is not there exactly once: a mutant of what
 * has been rewritten proves nothing.
 */
export async function bundle(edits = []) {
  await mkdir(join(root, '.tmp'), { recursive: true });
  const outfile = join(await mkdtemp(join(root, '.tmp/sim-')), 'worker.mjs');
  await build({
    absWorkingDir: root,
    entryPoints: ['test/sim/worker.ts'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile,
    logLevel: 'warning',
    plugins: [edited([...hooks, ...edits])],
  });
  return outfile;
}

function edited(edits) {
  return {
    name: 'edited',
    setup({ onLoad }) {
      for (const file of new Set(edits.map((edit) => edit.file))) {
        const path = join(root, file);
        onLoad({ filter: new RegExp(`${file.replace(/[/.]/g, '[/.]')}$`) }, async (args) => {
          if (args.path !== path) return undefined;
          const text = await readFile(path, 'utf8');
          return { contents: edits.filter((edit) => edit.file === file).reduce(apply, text), loader: 'ts' };
        });
      }
    },
  };
}

function apply(text, { file, from, to }) {
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`${file} has this ${parts.length - 1} times, and not once:\n${from}`);
  return parts.join(to);
}
