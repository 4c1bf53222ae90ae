/** Programs of a few lines around our own code, for what must happen in a process of its own. */

import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Bundles TypeScript into a file that Node runs. Imports may be absolute paths. */
export async function bundle(contents: string, outfile: string): Promise<string> {
  await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('.', import.meta.url)), loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
    logLevel: 'error',
  });
  return outfile;
}
