import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makePidFiles, removePidFiles } from '../../src/shell/pid-files.js';
import { scratchDir } from '../host/scratch.js';

test('what was asked for last stands, however fast it was asked', async () => {
  const path = join(await scratchDir(), 'run', 'chat.r0.pid');
  const files = makePidFiles((text) => expect.fail(text));
  const asked = [files.write(path, 1), files.remove(path), files.write(path, 2), files.remove(path), files.write(path, 3)];
  await asked[4];
  expect(await readFile(path, 'utf8')).toBe('3\n');
  await Promise.all([...asked, files.remove(path)]);
  expect(await readdir(join(path, '..'))).toEqual([]);
});

test('a failure is told and stops nobody', async () => {
  const dir = await scratchDir();
  await writeFile(join(dir, 'file'), '');
  const told: string[] = [];
  const path = join(dir, 'file', 'chat.r0.pid');
  await makePidFiles((text) => told.push(text)).write(path, 1);
  expect(told).toEqual([expect.stringContaining(`cannot keep the pid file "${path}"`)]);
});

test('what a killed supervisor left is taken away, and nothing else', async () => {
  const dir = await scratchDir();
  for (const name of ['chat.r0.pid', 'other']) await writeFile(join(dir, name), '1\n');
  await removePidFiles(dir);
  await removePidFiles(join(dir, 'none'));
  expect(await readdir(dir)).toEqual(['other']);
});
