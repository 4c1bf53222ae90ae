import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { makePulse } from '../../src/host/pulse.js';
import { makeStorage } from '../../src/up/storage.js';

let directory: string;
let looks: number;
let told: [string, string | null][];
let disk: Error | null;
let storage: ReturnType<typeof makeStorage>;
let place: { close(): Promise<void> };
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  directory = mkdtempSync(join(tmpdir(), 'poolctl-storage-'));
  // Long ago, as it would be after a look.
  utimesSync(directory, 1, 1);
  looks = 0;
  told = [];
  disk = null;
  storage = makeStorage((what, error) => told.push([what, error]), makePulse(5_000));
  place = storage.watch('the place', {
    directories: () => [directory],
    async retake() {
      if (disk !== null) throw disk;
      return false;
    },
    mend: () => {
      looks += 1;
    },
  });
});
afterEach(async () => {
  await place.close();
  vi.useRealTimers();
  rmSync(directory, { recursive: true, force: true });
});

const after = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

it('a place that nobody touches is looked through twice, and from then on costs a stat', async () => {
  await after(60_000);
  expect(looks).toBe(2);
});

it('whatever comes or goes there has it looked through within five seconds', async () => {
  await after(60_000);
  writeFileSync(join(directory, 'file'), '');
  await after(5_000);
  expect(looks).toBe(3);
  rmSync(directory, { recursive: true });
  await after(5_000);
  expect(looks).toBe(4);
});

it('while anything is not saved it is looked through every second, whether it is touched or not', async () => {
  await after(60_000);
  storage.tell('a file', 'the disk is full');
  await after(10_000);
  expect(looks).toBeGreaterThanOrEqual(12);
  storage.tell('a file', null);
  const before = looks;
  await after(60_000);
  expect(looks).toBe(before);
});

it('a place that cannot be had is told once, and so is that it can again', async () => {
  rmSync(directory, { recursive: true });
  disk = new Error('read-only file system');
  await after(20_000);
  mkdirSync(directory);
  disk = null;
  await after(20_000);
  expect(told).toEqual([
    ['the place', 'cannot keep "the place": read-only file system'],
    ['the place', null],
  ]);
});
