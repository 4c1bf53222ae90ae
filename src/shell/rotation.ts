/**
 * An engine's log rotated by size. At a launch by rename, since nobody writes it then. Under a living engine by copying it and emptying it: the engine
 * appends through the descriptor that it was born with, and goes on at the new beginning. What it writes in the instant between the last look and
 * the emptying is lost; whatever else may fail, nothing that was not copied is.
 */

import { constants, ftruncateSync, readdirSync, readSync, renameSync, rmSync, type Stats, statSync, writeSync } from 'node:fs';
import { copyFile, type FileHandle, open, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { PoolSpec } from '../core/model.js';

export type LogLimits = PoolSpec['logs'];

/** Makes the log `.1`, and each older one older by one. With `keep` 0 it is gone. @throws the error of the file system. */
export function putBy(log: string, keep: number): void {
  makeRoom(log, keep);
  if (keep === 0) rmSync(log, { force: true });
  else renameSync(log, `${log}.1`);
}

export type RotationWish = {
  readonly log: string;
  readonly limits: LogLimits;
  readonly incarnation: number;
  /** Whether this is the file that is meant: another that has got its name is left alone. */
  readonly isOurs: (file: Stats) => boolean;
  /** Told in the turn in which the log is emptied: its first `bytes` are in `older` now, or gone (null). */
  readonly onCut: (older: string | null, bytes: number) => void;
  /** It could not be rotated and grows on, or could again (null). */
  readonly onStorage: (error: string | null) => void;
  /** Monotonic, in ms. */
  readonly now: () => number;
};

export type Rotation = {
  /** To be told of the log's size whenever it is seen; over the limit it is rotated, beside everything else. Never throws. */
  seen(bytes: number): void;
  /** The log is not touched any more. */
  close(): void;
};

/** A log that could not be rotated is not copied again and again, megabyte by megabyte. */
const retryMs = { tooFast: 5_000, failed: 60_000 } as const;

export function makeRotation(wish: RotationWish): Rotation {
  const { log, limits, onStorage, now } = wish;
  const work = { closed: false };
  let busy = false;
  let notBefore = Number.NEGATIVE_INFINITY;

  async function rotate(): Promise<void> {
    try {
      if (await cutOff(wish, work)) onStorage(null);
      else notBefore = now() + retryMs.tooFast;
    } catch (error) {
      notBefore = now() + retryMs.failed;
      if (!work.closed) onStorage(`cannot rotate the log "${log}": ${(error as Error).message}`);
    } finally {
      busy = false;
    }
  }

  return {
    seen(bytes) {
      if (busy || work.closed || bytes < limits.maxSizeBytes || now() < notBefore) return;
      busy = true;
      void rotate();
    },
    close() {
      work.closed = true;
    },
  };
}

/** False: this is not the file that was meant, or it is written faster than it can be copied. */
async function cutOff(wish: RotationWish, work: { readonly closed: boolean }): Promise<boolean> {
  const { log, limits, incarnation, isOurs, onCut } = wish;
  const source = await open(log, 'r+');
  const copy = copyName(log, incarnation);
  let target: FileHandle | null = null;
  try {
    if (!isOurs(await source.stat())) return false;
    if (limits.keep === 0) {
      if (work.closed || !isStillNamed(log, isOurs)) return false;
      makeRoom(log, 0);
      ftruncateSync(source.fd, 0);
      onCut(null, 0);
      return true;
    }
    await copyFile(log, copy, constants.COPYFILE_FICLONE);
    target = await open(copy, 'r+');
    let copied = (await target.stat()).size;
    const most = 2 * copied + mostBehindBytes;
    const buffer = Buffer.allocUnsafe(stepBytes);
    while (copied < most) {
      const bytes = await copyStep(source, target, copied, buffer);
      copied += bytes;
      if (bytes === buffer.length && !work.closed) continue;
      // From here to the emptying nothing else happens in this process: emptying 50 MiB takes it some milliseconds, and any turn between would lose more.
      if (work.closed || !isStillNamed(log, isOurs)) return false;
      const soFar = copyAtOnce(source.fd, target.fd, copied, buffer);
      copied += soFar.bytes;
      if (!soFar.isAll) continue;
      makeRoom(log, limits.keep, copy);
      renameSync(copy, `${log}.1`);
      // Who waited for the disk, or for the processor, may have more to do than an instant's.
      const rest = copyOrUndo(log, copy, () => copyAtOnce(source.fd, target?.fd ?? -1, copied, buffer));
      copied += rest.bytes;
      if (!rest.isAll) continue;
      ftruncateSync(source.fd, 0);
      onCut(`${log}.1`, copied);
      return true;
    }
    return false;
  } finally {
    await Promise.all([source.close(), target?.close(), rm(copy, { force: true })]).catch(() => {});
  }
}

const stepBytes = 1024 * 1024;
const mostAtOnceBytes = 4 * 1024 * 1024;
/** So much is copied more than there was; an engine that writes faster than that has its log whole, and tries our patience later again. */
const mostBehindBytes = 64 * 1024 * 1024;

async function copyStep(source: FileHandle, target: FileHandle, at: number, buffer: Buffer): Promise<number> {
  const { bytesRead } = await source.read(buffer, 0, buffer.length, at);
  for (let done = 0; done < bytesRead; ) done += (await target.write(buffer, done, bytesRead - done, at + done)).bytesWritten;
  return bytesRead;
}

type Copied = { readonly bytes: number; readonly isAll: boolean };

/** What came meanwhile, of which there is little; `isAll`: to the very end of the log. */
function copyAtOnce(source: number, target: number, at: number, buffer: Buffer): Copied {
  let copied = 0;
  while (copied < mostAtOnceBytes) {
    const bytes = readSync(source, buffer, 0, buffer.length, at + copied);
    if (bytes === 0) return { bytes: copied, isAll: true };
    for (let done = 0; done < bytes; ) done += writeSync(target, buffer, done, bytes - done, at + copied + done);
    copied += bytes;
  }
  return { bytes: copied, isAll: false };
}

/** A copy that is not whole has no place among the logs. */
function copyOrUndo(log: string, copy: string, act: () => Copied): Copied {
  let done: Copied | null = null;
  try {
    done = act();
    return done;
  } finally {
    if (done?.isAll !== true) renameSync(`${log}.1`, copy);
  }
}

function isStillNamed(log: string, isOurs: (file: Stats) => boolean): boolean {
  const named = statSync(log, { throwIfNoEntry: false });
  return named !== undefined && isOurs(named);
}

/**
 * `.1` is free after this. What comes after `keep` goes, also what a larger `keep` of earlier days has left, and what a supervisor that was killed had
 * not copied to the end. A number that is missing is filled first, so that nothing goes without need.
 */
function makeRoom(log: string, keep: number, except: string | null = null): void {
  const directory = dirname(log);
  const names = readdirSync(directory);
  for (const name of names) {
    const path = join(directory, name);
    if (path !== except && isCopy(log, name)) rmSync(path, { force: true });
  }
  const older = olderNumbers(log, names);
  let free = 1;
  while (older.includes(free)) free += 1;
  for (const n of older) if (n > keep || (n === keep && free > keep)) rmSync(`${log}.${n}`, { force: true });
  for (let n = Math.min(free, keep) - 1; n >= 1; n -= 1) renameSync(`${log}.${n}`, `${log}.${n + 1}`);
}

/** The numbers of its older files among the names of its directory, rising. */
function olderNumbers(log: string, names: readonly string[]): readonly number[] {
  const start = `${basename(log)}.`;
  return names
    .filter((name) => name.startsWith(start) && /^[1-9]\d{0,8}$/.test(name.slice(start.length)))
    .map((name) => Number(name.slice(start.length)))
    .sort((a, b) => a - b);
}

/** Of an incarnation's own: one that was given up may still be removing its copy while the next one begins. */
function copyName(log: string, incarnation: number): string {
  return `${log}.${incarnation}.copy`;
}

function isCopy(log: string, name: string): boolean {
  return name.startsWith(`${basename(log)}.`) && /\.\d+\.copy$/.test(name);
}
