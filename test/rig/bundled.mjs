/** A program of the tests as one file: for worker threads, or to be run out of a directory of its own. */

import { build } from 'esbuild';
import { root } from '../../scripts/build/bundle.mjs';
import { edited } from './edited.mjs';

/**
 * @param {string} entry from the repository's root
 * @param {string} outfile absolute
 * @param {Parameters<typeof edited>[0]} edits made to the sources on their way. @throws where one does not fit
 */
export async function bundled(entry, outfile, edits = []) {
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile,
    logLevel: 'warning',
    plugins: [edited(edits)],
  });
}
