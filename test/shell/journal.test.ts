import { appendFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type JournalLine, readJournal } from '../../src/host/journal-files.js';
import { openJournal } from '../../src/shell/journal.js';
import { scratchDir } from '../host/scratch.js';
import fc from '../rig/chance.js';

const noFailure = (error: string | null): void => expect.fail(error ?? 'well again');

function line(n: number, more: object = {}): JournalLine {
  return { id: `1-${n}`, time: new Date(n * 1000).toISOString(), event: 'replica.ready', ...more };
}

const numbers = (lines: readonly JournalLine[] | null): readonly number[] | null =>
  lines?.map(({ id }) => Number(id.slice(2))) ?? null;
const upTo = (from: number, to: number): readonly number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);

test('events are written in order, privately, and read back as they were', async () => {
  const path = join(await scratchDir(), 'events.jsonl');
  const journal = openJournal({ path, maxBytes: 1e6, keep: 3, onStorage: noFailure });
  const lines = upTo(1, 50).map((n) => line(n, { human: `chat/r0 says "ä"\n${n}` }));
  for (const each of lines) journal.append(each);
  await journal.flush();
  expect(await readJournal(path)).toEqual(lines);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  journal.append(line(51));
  await journal.close();
  journal.append(line(52));
  await journal.flush();
  expect(numbers(await readJournal(path))).toEqual(upTo(1, 51));
});

test('lines go out by themselves', async () => {
  const path = join(await scratchDir(), 'events.jsonl');
  const journal = openJournal({ path, maxBytes: 1e6, keep: 3, onStorage: noFailure, delayMs: 1 });
  journal.append(line(1));
  while (numbers(await readJournal(path))?.length !== 1) await new Promise((resolve) => setImmediate(resolve));
  await journal.close();
});

test('rotated by size, in order over all files, the oldest falling off', async () => {
  const path = join(await scratchDir(), 'events.jsonl');
  const size = `${JSON.stringify(line(10))}\n`.length;
  const journal = openJournal({ path, maxBytes: 3 * size, keep: 2, onStorage: noFailure });
  for (let n = 10; n < 30; n++) {
    journal.append(line(n));
    await journal.flush();
  }
  await journal.close();
  expect(numbers(await readJournal(path))).toEqual(upTo(22, 29));
  for (const file of [path, `${path}.1`, `${path}.2`]) expect((await stat(file)).size).toBeLessThanOrEqual(3 * size);
  await expect(stat(`${path}.3`)).rejects.toThrow('ENOENT');
});

test('no older files are kept where none are wanted', async () => {
  const path = join(await scratchDir(), 'events.jsonl');
  const journal = openJournal({ path, maxBytes: 1, keep: 0, onStorage: noFailure });
  for (const n of [1, 2]) {
    journal.append(line(n));
    await journal.flush();
  }
  expect(numbers(await readJournal(path))).toEqual([2]);
  await expect(stat(`${path}.1`)).rejects.toThrow('ENOENT');
});

test('half a line that a kill left is passed over, and the next is not glued to it', async () => {
  const path = join(await scratchDir(), 'events.jsonl');
  await writeFile(path, `${JSON.stringify(line(1))}\n{"id":"1-2","ti`);
  const journal = openJournal({ path, maxBytes: 1e6, keep: 3, onStorage: noFailure });
  journal.append(line(3));
  await journal.close();
  expect(numbers(await readJournal(path))).toEqual([1, 3]);
});

test('a journal that somebody took away begins anew', async () => {
  const path = join(await scratchDir(), 'events.jsonl');
  const journal = openJournal({ path, maxBytes: 1e6, keep: 3, onStorage: noFailure });
  journal.append(line(1));
  await journal.flush();
  await rm(path);
  journal.append(line(2));
  await journal.close();
  expect(numbers(await readJournal(path))).toEqual([2]);
});

test('a disk that takes nothing is told once; what waits is bounded; all that was kept comes when it is well again', async () => {
  const dir = join(await scratchDir(), 'later');
  const path = join(dir, 'events.jsonl');
  const told: (string | null)[] = [];
  const size = `${JSON.stringify(line(10))}\n`.length;
  const journal = openJournal({
    path,
    maxBytes: 1e6,
    keep: 3,
    onStorage: (error) => told.push(error),
    maxWaitingBytes: 5 * size,
  });
  journal.append(line(10));
  await journal.flush();
  for (let n = 11; n < 30; n++) journal.append(line(n));
  await journal.flush();
  expect(told).toEqual([expect.stringContaining('cannot write the journal "')]);
  await mkdir(dir);
  await journal.flush();
  expect(told.slice(1)).toEqual([expect.stringMatching(/^the journal ".*" lacks 15 events: there was no room for them/), null]);
  expect(numbers(await readJournal(path))).toEqual(upTo(10, 14));
  await journal.close();
});

test('reading: the last ones, those since a time, those after an id, and a gap', async () => {
  const path = join(await scratchDir(), 'events.jsonl');
  const text = (from: number, to: number): string =>
    upTo(from, to)
      .map((n) => `${JSON.stringify(line(n))}\n`)
      .join('');
  await writeFile(`${path}.2`, text(1, 10));
  await writeFile(`${path}.1`, text(11, 20));
  await writeFile(path, text(21, 25));
  await appendFile(path, '[]\n"x"\nnull\n{"id":5,"time":"x"}\n');
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 25 }), fc.integer({ min: 0, max: 30 }), async (n, tail) => {
      expect(numbers(await readJournal(path, { afterId: `1-${n}` }))).toEqual(upTo(n + 1, 25));
      expect(numbers(await readJournal(path, { sinceMs: n * 1000 }))).toEqual(upTo(n, 25));
      expect(numbers(await readJournal(path, { tail }))).toEqual(upTo(1, 25).slice(Math.max(0, 25 - tail)));
    }),
    { numRuns: 30 },
  );
  expect(await readJournal(path, { afterId: '1-99' })).toBeNull();
  expect(await readJournal(`${path}-none`, { tail: 5 })).toEqual([]);
});

test('the newest events are read from before a rotation too', async () => {
  const path = join(await scratchDir(), 'events.jsonl');
  await writeFile(`${path}.1`, `${JSON.stringify(line(1))}\n`);
  expect(numbers(await readJournal(path, { tail: 1 }))).toEqual([1]);
  expect(await readFile(`${path}.1`, 'utf8')).toContain('1-1');
});
