/** The simulator as one file for worker threads, with a hook in the core's table, and with one of its mutants where that is wanted. */

import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../../scripts/build/bundle.mjs';
import { bundled } from '../rig/bundled.mjs';

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
  await bundled('test/sim/worker.ts', outfile, [...hooks, ...edits]);
  return outfile;
}
