/**
 * Builds poolctl. Silent unless it fails.
 *
 *   node scripts/build.mjs [--outdir DIR] [--version V]      default: dist, and the version of package.json
 */

import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { bundlePoolctl, root } from './build/bundle.mjs';

const { values } = parseArgs({
  options: { outdir: { type: 'string', default: join(root, 'dist') }, version: { type: 'string' } },
});
const { outdir, version } = values;

try {
  await bundlePoolctl(resolve(outdir), { version });
} catch (error) {
  // esbuild has printed its own errors already.
  if (!Array.isArray(error.errors)) console.error(`cannot build poolctl: ${error.message}`);
  process.exitCode = 1;
}
