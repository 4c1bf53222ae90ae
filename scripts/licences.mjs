/** The text of THIRD-PARTY-LICENSES: every package that esbuild took a file from, with its version and its licence. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * @param {string} root the directory that the metafile's paths are relative to
 * @param {{ inputs: Record<string, unknown> }} metafile
 * @returns {Promise<string>} sorted by name; throws where a bundled package has no licence text to pass on
 */
export async function licences(root, metafile) {
  const directories = new Set(Object.keys(metafile.inputs).map(packageDirectory).filter(Boolean));
  const sections = await Promise.all([...directories].map((directory) => section(join(root, directory), root)));
  const head = 'poolctl contains these packages, each under its own licence.\n';
  return [head, ...sections.sort()].join(`\n${'-'.repeat(80)}\n\n`);
}

/** `node_modules/a/node_modules/@b/c/index.js` -> `node_modules/a/node_modules/@b/c`; undefined for our own files. */
function packageDirectory(input) {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
}

/** MIT packages that ship no licence file: whom their sources name. The licence's words are those of our own. */
const withoutFile = { 'yoga-layout': 'Copyright (c) Meta Platforms, Inc. and affiliates.' };

async function section(directory, root) {
  const { name, version, license } = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'));
  const file = (await readdir(directory)).find((entry) => /^(licen[cs]e|copying)([.-]|$)/i.test(entry));
  const holder = license === 'MIT' ? withoutFile[name] : undefined;
  if (file === undefined && holder === undefined) throw new Error(`package "${name}" has no licence file in ${directory}`);
  const text =
    file === undefined
      ? (await readFile(join(root, 'LICENSE'), 'utf8')).replace(/^Copyright .*$/m, holder)
      : await readFile(join(directory, file), 'utf8');
  return `${name} ${version} (${license})\n\n${text.trim()}\n`;
}
