/**
 * The engine's log: opened by name at each launch, written by the engine itself through the inherited descriptor, read only by its end. No
 * engine waits for a reader, and no reader is waited for.
 */

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ReplicaKey } from '../core/model.js';

export type OpenedLog = {
  /** O_APPEND and close-on-exec: only descriptors that are named as stdout or stderr pass on to the engine. */
  readonly file: FileHandle;
  /** Where this incarnation's part begins, its first line among it. */
  readonly offset: number;
};

/** Opens the log and writes the line that each incarnation begins with. @throws the error of the file system. */
export async function openEngineLog(path: string, key: ReplicaKey, incarnation: number, at: Date): Promise<OpenedLog> {
  const file = await openForAppend(path);
  try {
    const { size } = await file.stat();
    await file.write(`--- poolctl: ${key} incarnation ${incarnation} ${at.toISOString()}\n`);
    return { file, offset: size };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The log's size in bytes; null where there is none. */
export async function logSize(path: string): Promise<number | null> {
  const file = await open(path, 'r').catch(() => null);
  if (file === null) return null;
  try {
    return (await file.stat()).size;
  } catch {
    return null;
  } finally {
    await file.close();
  }
}

/**
 * The last lines from `offset` on, of one incarnation and without the line that names it: at most `count`, of at most 1000 characters each; none
 * where there is no log. Read at once, since a few KiB that were just written lie in memory, and asking the thread pool four times takes ten times
 * as long on the way of a respawn. Never throws.
 */
export function lastLines(path: string, offset: number, count = 20): readonly string[] {
  let fd: number;
  try {
    // Not to be held up by what somebody has put in its place.
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

async function openForAppend(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'a', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return open(path, 'a', 0o600);
  }
}
