/**
 * The engine's log: opened by name at each launch, written by the engine itself through the inherited descriptor, read only by its end. No
 * engine waits for a reader, and no reader is waited for. What we do with it is done at once: it is a few KiB in memory, and the thread pool would
 * take ten times as long, on the way of a respawn and a hundred times in the start of a hundred engines.
 */

import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ReplicaKey } from '../core/model.js';

export type OpenedLog = {
  /** O_APPEND and close-on-exec: only descriptors that are named as stdout or stderr pass on to the engine. */
  readonly fd: number;
  /** Where this incarnation's part begins, its first line among it. */
  readonly offset: number;
};

/** Opens the log and writes the line that each incarnation begins with. @throws the error of the file system. */
export function openEngineLog(path: string, key: ReplicaKey, incarnation: number, at: Date): OpenedLog {
  const fd = openForAppend(path);
  try {
    const { size } = fstatSync(fd);
    writeSync(fd, `--- poolctl: ${key} incarnation ${incarnation} ${at.toISOString()}\n`);
    return { fd, offset: size };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** The log's size in bytes; null where there is none. */
export async function logSize(path: string): Promise<number | null> {
  return stat(path).then(
    ({ size }) => size,
    () => null,
  );
}

/**
 * The last lines from `offset` on, of one incarnation and without the line that names it: at most `count`, of at most 1000 characters each; none
 * where there is no log. Never throws.
 */
export function lastLines(path: string, offset: number, count = 20): readonly string[] {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return [];
  }
  try {
    return readLastLines(fd, offset, count);
  } catch {
    return [];
  } finally {
    closeSync(fd);
  }
}

const tailBytes = 16 * 1024;
const longestLine = 1000;

function readLastLines(fd: number, offset: number, count: number): readonly string[] {
  const { size } = fstatSync(fd);
  // A log that is shorter than where we began was emptied under the engine: all of it is new.
  const begin = Math.max(offset > size ? 0 : offset, size - tailBytes);
  const buffer = Buffer.alloc(size - begin);
  const bytesRead = readSync(fd, buffer, 0, buffer.length, begin);
  const lines = buffer.toString('utf8', 0, bytesRead).split('\n');
  const whole = begin > offset && begin > 0 ? lines.slice(1) : lines;
  return whole
    .slice(whole.findLastIndex((line) => line.startsWith('--- poolctl: ')) + 1)
    .filter((line) => line !== '')
    .slice(-count)
    .map((line) => line.replace(/\r$/, '').slice(0, longestLine));
}

function openForAppend(path: string): number {
  try {
    return openSync(path, append, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return openSync(path, append, 0o600);
  }
}

/** Not to be held up by a pipe that somebody has put in its place; for a file it changes nothing. */
const append = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
