import { closeSync } from 'node:fs';
import { appendFile, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { beginsAt, incarnationEnd, lastBeginning, lastLines, logSize, openEngineLog } from '../../src/shell/engine-log.js';
import { scratchDir } from '../host/scratch.js';

const limits = { maxSizeBytes: 1_000_000, keep: 2 };

test('the last lines are those of this incarnation, at most twenty, each of a bearable length', async () => {
  const path = join(await scratchDir(), 'chat', 'r0.log');
  await mkdir(join(path, '..'));
  await writeFile(path, 'old words\n');
  const { fd, offset } = openEngineLog(path, 'chat/r0', 2, new Date(0), limits);
  closeSync(fd);
  expect(offset).toBe(10);
  expect(lastLines(path)).toEqual([]);
  await appendFile(path, `first\r\n\n${'y'.repeat(5000)}\nlast, without an end`);
  expect(lastLines(path)).toEqual(['first', 'y'.repeat(1000), 'last, without an end']);
  await appendFile(path, `\n${Array.from({ length: 3000 }, (_, n) => `line ${n}`).join('\n')}\n`);
  expect(lastLines(path)).toEqual(Array.from({ length: 20 }, (_, n) => `line ${2980 + n}`));
  expect(lastLines(path, 1)).toEqual(['line 2999']);
});

test('where the last incarnation begins is found behind any number of others, however much it has written', async () => {
  const path = join(await scratchDir(), 'r0.log');
  const launch = (incarnation: number): number => {
    const { fd, offset } = openEngineLog(path, 'chat/r0', incarnation, new Date(0), limits);
    closeSync(fd);
    return offset;
  };
  expect(lastBeginning(path)).toBe(0);
  launch(1);
  for (const bytes of [1, 64 * 1024 - 60, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 13, 200_000]) {
    await appendFile(path, 'old words\n');
    const begins = launch(2);
    // Not at the beginning of a line.
    await appendFile(path, `it said "--- poolctl: no"\n${'y'.repeat(bytes)}`);
    expect(lastBeginning(path), `${bytes} bytes`).toBe(begins);
    await appendFile(path, '\n');
  }
  await writeFile(path, 'no such line\n'.repeat(10_000));
  expect(lastBeginning(path)).toBe(0);
});

test('a log that was emptied under the engine, and one that was taken away', async () => {
  const path = join(await scratchDir(), 'r0.log');
  await writeFile(path, 'x'.repeat(1000));
  await truncate(path);
  await appendFile(path, 'after\n');
  expect(lastLines(path)).toEqual(['after']);
  expect(await logSize(path)).toBe(6);
  expect(lastLines(`${path}-none`)).toEqual([]);
  expect(await logSize(`${path}-none`)).toBeNull();
});

test('bytes that are no text do no harm', async () => {
  const path = join(await scratchDir(), 'r0.log');
  await writeFile(path, Buffer.from([0xff, 0xfe, 0x0a, 0x61, 0x0a]));
  expect(lastLines(path)).toEqual(['\ufffd\ufffd', 'a']);
  expect((await readFile(path)).length).toBe(5);
});

test('a full log is put by at a launch, and of those before it so many are kept', async () => {
  const dir = await scratchDir();
  const path = join(dir, 'r0.log');
  for (let incarnation = 1; incarnation <= 5; incarnation += 1) {
    const { fd, offset } = openEngineLog(path, 'chat/r0', incarnation, new Date(0), { maxSizeBytes: 100, keep: 2 });
    closeSync(fd);
    expect(offset).toBe(0);
    await appendFile(path, `${'x'.repeat(100)}\n`);
  }
  expect((await readdir(dir)).sort()).toEqual(['r0.log', 'r0.log.1', 'r0.log.2']);
  const firsts = await Promise.all(['.2', '.1', ''].map(async (n) => (await readFile(path + n, 'utf8')).slice(0, 35)));
  expect(firsts.map((line) => /incarnation (\d)/.exec(line)?.[1])).toEqual(['3', '4', '5']);
});

test('what is beyond a smaller number of files goes, a gap is filled, and without any kept there is one file', async () => {
  const dir = await scratchDir();
  const path = join(dir, 'r0.log');
  const open = (keep: number): void => closeSync(openEngineLog(path, 'chat/r0', 1, new Date(0), { maxSizeBytes: 1, keep }).fd);
  for (const name of ['r0.log', 'r0.log.2', 'r0.log.3', 'r0.log.7', 'r0.log.3.copy', 'r1.log.1']) {
    await writeFile(join(dir, name), name);
  }
  open(3);
  expect((await readdir(dir)).sort()).toEqual(['r0.log', 'r0.log.1', 'r0.log.2', 'r0.log.3', 'r1.log.1']);
  expect(await readFile(`${path}.1`, 'utf8')).toBe('r0.log');
  expect(await readFile(`${path}.3`, 'utf8')).toBe('r0.log.3');
  open(0);
  expect((await readdir(dir)).sort()).toEqual(['r0.log', 'r1.log.1']);
  expect(await readFile(path, 'utf8')).toMatch(/^--- poolctl: chat\/r0 incarnation 1 /);
});

test('a log that cannot be put by grows on, and the launch goes on', async () => {
  const path = join(await scratchDir(), 'r0.log');
  await writeFile(path, 'full\n');
  await mkdir(join(`${path}.1`, 'in the way'), { recursive: true });
  const { fd, offset } = openEngineLog(path, 'chat/r0', 1, new Date(0), { maxSizeBytes: 1, keep: 1 });
  closeSync(fd);
  expect(offset).toBe(5);
});

test('the end of an incarnation reaches back to where its log was emptied under it, and no further than its beginning', async () => {
  const path = join(await scratchDir(), 'r0.log');
  const mark = '--- poolctl: chat/r0 incarnation 2 1970-01-01T00:00:00.000Z\n';
  await writeFile(`${path}.1`, `old words\n${mark}one\ntwo\n`);
  await writeFile(path, 'three\n');
  expect(lastLines(path)).toEqual(['one', 'two', 'three']);
  expect(lastLines(path, 2)).toEqual(['two', 'three']);
  expect(incarnationEnd(path, 1000).toString()).toBe(`${mark}one\ntwo\nthree\n`);
  expect(incarnationEnd(path, 12).toString()).toBe('two\nthree\n');
  expect(incarnationEnd(path, 8).toString()).toBe('three\n');
  await appendFile(path, mark);
  expect(lastLines(path)).toEqual([]);
  expect([beginsAt(path, 6), beginsAt(path, 0), beginsAt(path, 9999), beginsAt(`${path}-none`, 0)]).toEqual([
    true,
    false,
    false,
    false,
  ]);
});
