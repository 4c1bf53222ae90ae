import { closeSync } from 'node:fs';
import { appendFile, mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lastLines, logSize, openEngineLog } from '../../src/shell/engine-log.js';
import { scratchDir } from '../host/scratch.js';

test('the last lines are those of this incarnation, at most twenty, each of a bearable length', async () => {
  const path = join(await scratchDir(), 'chat', 'r0.log');
  await mkdir(join(path, '..'));
  await writeFile(path, 'old words\n');
  const { fd, offset } = openEngineLog(path, 'chat/r0', 2, new Date(0));
  closeSync(fd);
  expect(offset).toBe(10);
  expect(lastLines(path, offset)).toEqual([]);
  await appendFile(path, `first\r\n\n${'y'.repeat(5000)}\nlast, without an end`);
  expect(lastLines(path, offset)).toEqual(['first', 'y'.repeat(1000), 'last, without an end']);
  await appendFile(path, `\n${Array.from({ length: 3000 }, (_, n) => `line ${n}`).join('\n')}\n`);
  expect(lastLines(path, offset)).toEqual(Array.from({ length: 20 }, (_, n) => `line ${2980 + n}`));
  expect(lastLines(path, offset, 1)).toEqual(['line 2999']);
});

test('a log that was emptied under the engine, and one that was taken away', async () => {
  const path = join(await scratchDir(), 'r0.log');
  await writeFile(path, 'x'.repeat(1000));
  await truncate(path);
  await appendFile(path, 'after\n');
  expect(lastLines(path, 1000)).toEqual(['after']);
  expect(await logSize(path)).toBe(6);
  expect(lastLines(`${path}-none`, 0)).toEqual([]);
  expect(await logSize(`${path}-none`)).toBeNull();
});

test('bytes that are no text do no harm', async () => {
  const path = join(await scratchDir(), 'r0.log');
  await writeFile(path, Buffer.from([0xff, 0xfe, 0x0a, 0x61, 0x0a]));
  expect(lastLines(path, 0)).toEqual(['\ufffd\ufffd', 'a']);
  expect((await readFile(path)).length).toBe(5);
});
