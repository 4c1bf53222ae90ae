/** The figures of a comparison in docs/comparison.md, between its two markers. */

import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { markdown } from './figures.mjs';
import { quietWaits } from './machine.mjs';

const file = fileURLToPath(new URL('../../docs/comparison.md', import.meta.url));
const { version: own } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const markers = /(<!-- figures: .*-->\n)[\s\S]*?(<!-- \/figures -->)/;

/** @param {string[][]} rows @param {import('./peers/index.mjs').Peer[]} peers @param {string} child what the engines were @returns the path of the page */
export function writePage(rows, peers, child) {
  const text = readFileSync(file, 'utf8');
  if (!markers.test(text)) throw new Error(`${file} lacks its markers`);
  const block = `\n${conditions(peers, child)}\n\n${markdown(rows)}\n`;
  writeFileSync(
    file,
    text.replace(markers, (_, first, last) => first + block + last),
  );
  return file;
}

function conditions(peers, child) {
  const { all, quiet } = quietWaits();
  const versions = [{ name: 'poolctl', version: own }, ...peers].map(({ name, version }) => `${name} ${version}`).join(', ');
  const day = new Date().toISOString().slice(0, 10);
  const machine = `${cpus().length} cores (${cpus()[0]?.model}), ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}`;
  return `${day}; ${versions}; ${machine}; engines: ${child}. ${quiet} of ${all} waits for a quiet machine found one.`;
}
