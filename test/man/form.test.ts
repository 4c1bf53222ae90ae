/** Is each page sound mdoc, readable at 80 columns, and installed? */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { manDir, pages } from './page.js';

const files = pages().map(({ file }) => file);
const mandoc = (...args: string[]) => spawnSync('mandoc', args, { cwd: manDir, encoding: 'utf8' });
const missing = mandoc('/dev/null').error !== undefined;
/** Where everything is to be checked, a check that did not run is a failure. */
const skip = missing && process.env.CI === undefined;
if (missing) process.stderr.write('SKIPPED: the lint of man pages needs mandoc: apt-get install mandoc\n');

it.skipIf(skip).each(files)('%s: mandoc has no complaint (skipped without it: apt-get install mandoc)', (file) => {
  const { error, stdout, stderr, status } = mandoc('-T', 'lint', '-W', 'warning', file);
  expect(error === undefined ? '' : 'cannot run mandoc: apt-get install mandoc').toBe('');
  expect({ said: stdout + stderr, status }).toEqual({ said: '', status: 0 });
});

it.skipIf(skip).each(files)('%s: fits 80 columns (skipped without mandoc: apt-get install mandoc)', (file) => {
  const { stdout } = mandoc('-T', 'ascii', '-O', 'width=80', file);
  // Bold and underlined letters are written over themselves.
  const lines = stdout.replaceAll(/.\x08/g, '').split('\n');
  expect(lines.length).toBeGreaterThan(20);
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
});

it.each(pages())('$file: says so in its head', ({ file, lines }) => {
  const [, name, number] = /^(.*)\.(\d)$/.exec(file) ?? [];
  expect(lines[0]).toMatch(/^\.Dd [A-Z][a-z]+ \d{1,2}, \d{4}$/);
  expect(lines[1]).toBe(`.Dt ${name?.toUpperCase()} ${number}`);
});

it('package.json installs every page', () => {
  const { man, files: packed } = JSON.parse(readFileSync(`${manDir}../package.json`, 'utf8')) as {
    man: readonly string[];
    files: readonly string[];
  };
  expect([...man].sort()).toEqual(files.map((file) => `./man/${file}`));
  expect(packed).toContain('man');
});

it.each(pages())('$file: points to pages that are there', ({ lines }) => {
  const ours = lines.flatMap((line) => /^\.Xr (poolctl\S*|pools\.yaml) (\d)/.exec(line)?.slice(1).join('.') ?? []);
  expect(ours.length).toBeGreaterThan(0);
  expect(ours.filter((file) => !files.includes(file))).toEqual([]);
});
