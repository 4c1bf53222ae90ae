/** What a run of chaos is made of, in a directory of its own: the run as one file, and a poolctl built of the sources as they are now. */

import { copyFile, mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundlePoolctl, root } from '../../scripts/build/bundle.mjs';
import { bundled } from '../rig/bundled.mjs';
import { edited } from '../rig/edited.mjs';

/** `edits` are made to poolctl alone. The directory is the caller's to remove. */
export async function bundle(edits = []) {
  await mkdir(join(root, '.tmp'), { recursive: true });
  const dir = await mkdtemp(join(root, '.tmp/chaos-'));
  const dist = join(dir, 'dist');
  const outfile = join(dir, 'play.mjs');
  await Promise.all([
    bundlePoolctl(dist, { plugins: [edited(edits)] }),
    bundled('test/chaos/play.ts', outfile),
    // The rig looks for its program beside itself.
    copyFile(join(root, 'test/rig/fake-nvidia-smi.mjs'), join(dir, 'fake-nvidia-smi.mjs')),
  ]);
  const { play } = await import(pathToFileURL(outfile).href);
  return { dir, program: join(dist, 'bin/poolctl.js'), play };
}
