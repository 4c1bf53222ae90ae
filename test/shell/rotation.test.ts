/** Logs that are rotated while somebody writes them: real files, and real processes with a descriptor that they were born with. */

import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeRotation } from '../../src/shell/rotation.js';
import { followFile, type Tail } from '../../src/shell/tail.js';
import { runProgram, scratchDir, until } from '../host/scratch.js';

type Wish = { readonly maxSizeBytes?: number; readonly keep?: number; readonly dir?: string };

/** Follows and rotates as a supervisor does. */
async function stand(first: string, { maxSizeBytes = 10, keep = 3, dir }: Wish = {}) {
  const log = join(dir ?? (await scratchDir()), 'r0.log');
  writeFileSync(log, first, { mode: 0o600 });
  const lines: string[] = [];
  const cuts: number[] = [];
  const storage: (string | null)[] = [];
  let at = 0;
  const rotation = makeRotation({
    ...{ log, limits: { maxSizeBytes, keep }, incarnation: 1, now: () => at },
    isOurs: (file) => tail.follows(file),
    onCut(older, bytes) {
      cuts.push(bytes);
      tail.cut(older, bytes);
    },
    onStorage: (error) => storage.push(error),
  });
  const tail: Tail = followFile({
    path: log,
    offset: 0,
    onLine: (line) => lines.push(line),
    onSize: (bytes) => rotation.seen(bytes),
  });
  onTestFinished(async () => {
    rotation.close();
    await tail.finish();
  });
  const later = (ms: number): void => {
    at += ms;
  };
  return { log, tail, lines, cuts, storage, rotation, later, text: (n: number) => readFileSync(`${log}.${n}`, 'utf8') };
}

const namesBeside = (log: string): readonly string[] => readdirSync(dirname(log)).sort();

test('a full log is copied and emptied in its place, and what was not read yet is read from the copy', async () => {
  const { log, tail, lines, cuts, storage, rotation, text } = await stand('one\ntwo\nthr');
  const { ino } = statSync(log);
  rotation.seen(9);
  rotation.seen(11);
  await until(() => cuts.length === 1);
  appendFileSync(log, 'ee\nfour\n');
  expect([text(1), readFileSync(log, 'utf8'), statSync(log).ino, statSync(`${log}.1`).mode & 0o777]).toEqual([
    'one\ntwo\nthr',
    'ee\nfour\n',
    ino,
    0o600,
  ]);
  await until(() => storage.length === 1);
  rotation.seen(20);
  await until(() => cuts.length === 2 && storage.length === 2);
  appendFileSync(log, 'five\n');
  expect(namesBeside(log)).toEqual(['r0.log', 'r0.log.1', 'r0.log.2']);
  await tail.finish();
  expect(lines).toEqual(['one', 'two', 'three', 'four', 'five']);
  expect(storage).toEqual([null, null]);
});

test('whoever is far behind does not read what has been rotated out of sight', async () => {
  const { log, tail, lines } = await stand('0\n', { maxSizeBytes: 1_000_000 });
  // In one turn, so that it cannot catch up in between.
  for (let n = 1; n <= 70; n += 1) {
    copyFileSync(log, `${log}.1`);
    tail.cut(`${log}.1`, statSync(log).size);
    rmSync(`${log}.1`);
    writeFileSync(log, `${n}\n`);
  }
  await tail.finish();
  expect(lines).toEqual(Array.from({ length: 65 }, (_, at) => `${at + 6}`));
});

test('with none kept the log is emptied and nothing lies beside it', async () => {
  const { log, cuts, rotation } = await stand('one\ntwo\nthree\n', { keep: 0 });
  rotation.seen(14);
  await until(() => cuts.length === 1);
  expect([namesBeside(log), statSync(log).size]).toEqual([['r0.log'], 0]);
});

test('what cannot be copied is not emptied: that is told, not tried again at once, and told when it goes again', async () => {
  const { log, cuts, storage, rotation, later } = await stand('one\ntwo\nthree\n');
  mkdirSync(`${log}.1.copy/in the way`, { recursive: true });
  rotation.seen(14);
  await until(() => storage.length === 1);
  expect(storage[0]).toMatch(/^cannot rotate the log ".*r0\.log": /);
  expect(readFileSync(log, 'utf8')).toBe('one\ntwo\nthree\n');
  await rm(`${log}.1.copy`, { recursive: true });
  later(59_000);
  rotation.seen(14);
  later(2_000);
  rotation.seen(14);
  await until(() => storage.length === 2);
  expect([storage[1], cuts]).toEqual([null, [14]]);
});

/** A disk of a megabyte, where root may make one. */
async function smallDisk(): Promise<string | null> {
  const dir = await scratchDir();
  const made = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir]);
  if (made.status !== 0) return null;
  onTestFinished(() => void spawnSync('umount', ['-l', dir]));
  return dir;
}

test('on a full disk the log grows as long as it can, and is put by when there is room', async (context) => {
  const dir = await smallDisk();
  if (dir === null) return context.skip('it takes a disk of its own, and root to make it');
  const { log, cuts, storage, rotation, later } = await stand(`${'x'.repeat(99)}\n`.repeat(6_000), { dir, maxSizeBytes: 1000 });
  rotation.seen(600_000);
  await until(() => storage.length === 1);
  expect(storage[0]).toMatch(/ENOSPC/);
  expect([statSync(log).size, namesBeside(log), cuts]).toEqual([600_000, ['r0.log'], []]);
  const { ino } = statSync(log);
  const room = spawnSync('mount', ['-o', 'remount,size=4m', dir]);
  expect(room.status).toBe(0);
  later(61_000);
  rotation.seen(600_000);
  await until(() => storage.length === 2);
  expect([storage[1], cuts, statSync(log).size, statSync(log).ino]).toEqual([null, [600_000], 0, ino]);
});

test('another file that has got its name is left alone, and so is the log after the end', async () => {
  const renamed = await stand('one\ntwo\nthree\n');
  renameSync(renamed.log, `${renamed.log}.old`);
  writeFileSync(renamed.log, 'somebody else\n');
  renamed.rotation.seen(14);
  const closed = await stand('one\ntwo\nthree\n');
  closed.rotation.seen(14);
  closed.rotation.close();
  const other = await stand('one\ntwo\nthree\n');
  other.rotation.seen(14);
  await until(() => other.storage.length === 1 && !existsSync(`${closed.log}.1.copy`) && !existsSync(`${renamed.log}.1.copy`));
  expect(readFileSync(renamed.log, 'utf8')).toBe('somebody else\n');
  expect([closed.cuts, readFileSync(closed.log, 'utf8')]).toEqual([[], 'one\ntwo\nthree\n']);
});

test('a process that writes ten megabytes a second keeps its descriptor, and loses lines in the instants of the cuts alone', async () => {
  const { log, tail, lines, cuts, rotation } = await stand('', { maxSizeBytes: 2 ** 20, keep: 1000 });
  const { ino } = statSync(log);
  const writer = `let n = 0;
const { writeSync } = require('node:fs');
const pause = new Int32Array(new SharedArrayBuffer(4));
const end = Date.now() + 4000;
while (Date.now() < end) {
  if (n % 200 === 0) Atomics.wait(pause, 0, 0, 1);
  let text = '';
  for (let i = 0; i < 20; i += 1) text += (n += 1) + ' ' + 'x'.repeat(80) + '\\n';
  writeSync(1, text);
}
writeSync(1, 'the end ' + n + '\\n');`;
  const { child } = await runProgram([process.execPath, '-e', writer], { log: openSync(log, 'a') });
  await new Promise((resolve) => child.once('exit', resolve));
  rotation.close();
  await tail.finish();
  expect(statSync(log).ino).toBe(ino);
  expect(cuts.length).toBeGreaterThan(1);
  const files = namesBeside(log).filter((name) => /^r0\.log(\.\d+)?$/.test(name));
  expect(files.length).toBe(cuts.length + 1);
  const numberOf = (name: string): number => Number(name.slice(`${basename(log)}.`.length) || 0);
  const texts = files.sort((a, b) => numberOf(b) - numberOf(a)).map((name) => readFileSync(join(dirname(log), name), 'utf8'));
  const kept = texts.join('').split('\n').slice(0, -1);
  const written = Number(/^the end (\d+)$/.exec(kept.at(-1) ?? '')?.[1]);
  const numbers = kept.slice(0, -1).map((line) => Number(line.split(' ')[0]));
  const gaps = numbers.filter((n, at) => at > 0 && n !== (numbers[at - 1] ?? 0) + 1).length;
  expect(gaps).toBeLessThanOrEqual(cuts.length);
  expect(written - numbers.length).toBeLessThanOrEqual(cuts.length * 100);
  // Who follows sees what the files hold, in their order.
  expect(lines.length).toBe(kept.length);
  expect(lines.every((line, at) => line === kept[at])).toBe(true);
}, 30_000);
