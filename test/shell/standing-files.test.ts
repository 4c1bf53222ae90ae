import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { standingFiles } from '../../src/shell/standing-files.js';
import { scratchDir } from '../host/scratch.js';

type Told = (readonly [string, string | null])[];

test('what was asked for last stands, whole and for us alone, and nothing lies beside it', async () => {
  const path = join(await scratchDir(), 'run', 'chat.r0.pid');
  const files = standingFiles((_, error) => expect(error).toBeNull());
  files.write(path, '1\n');
  files.remove(path);
  files.write(path, '2\n');
  files.write(path, '3\n');
  expect(await readFile(path, 'utf8')).toBe('3\n');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(path, '..'))).toEqual(['chat.r0.pid']);
  files.remove(path);
  files.remove(path);
  files.mend();
  expect(await readdir(join(path, '..'))).toEqual([]);
});

test('what could not be written is written when it can be, and what somebody took away is there again', async () => {
  const dir = await scratchDir();
  const told: Told = [];
  const files = standingFiles((...each) => told.push(each));
  const path = join(dir, 'run', 'chat.r0.pid');
  await writeFile(join(dir, 'run'), 'in the way');
  files.write(path, '1\n');
  files.mend();
  expect(told).toEqual(Array(2).fill([path, expect.stringMatching(/^cannot write ".*chat\.r0\.pid": ENOTDIR/)]));
  await rm(join(dir, 'run'));
  files.mend();
  expect([await readFile(path, 'utf8'), told.at(-1)]).toEqual(['1\n', [path, null]]);
  await rm(join(dir, 'run'), { recursive: true });
  files.mend();
  expect(await readFile(path, 'utf8')).toBe('1\n');
});

test('what could not be removed is removed when it can be, unless it was written meanwhile', async () => {
  const dir = await scratchDir();
  const told: Told = [];
  const files = standingFiles((...each) => told.push(each));
  const [gone, back] = [join(dir, 'gone'), join(dir, 'back')];
  for (const path of [gone, back]) {
    await mkdir(path);
    files.remove(path);
  }
  expect(told).toEqual([gone, back].map((path) => [path, expect.stringContaining(`cannot remove "${path}"`)]));
  for (const path of [gone, back]) {
    await rm(path, { recursive: true });
    await writeFile(path, 'old');
  }
  files.write(back, 'new');
  files.mend();
  expect(await readdir(dir)).toEqual(['back']);
  expect(await readFile(back, 'utf8')).toBe('new');
});
