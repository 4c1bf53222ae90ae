/**
 * The engine's log: opened by name at each launch, written by the engine itself through the inherited descriptor, read only by its end. No
 * engine waits for a reader, and no reader is waited for. What we do with it is done at once: it is a few KiB in memory, and the thread pool would
 * take ten times as long, on the way of a respawn and a hundred times in the start of a hundred engines.
 */

import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ReplicaKey } from '../core/model.js';
import { type LogLimits, putBy } from './rotation.js';

export type OpenedLog = {
  /** O_APPEND and close-on-exec: only descriptors that are named as stdout or stderr pass on to the engine. */
  readonly fd: number;
  /** Where this incarnation's part begins, its first line among it. */
  readonly offset: number;
  /** Where it can be read. */
  readonly path: string;
  /** Why there is no log; null where there is one. */
  readonly problem: string | null;
};

/**
 * Opens the log and writes the line that each incarnation begins with. One that is full is put by first, or grows on where that cannot be. Where there
 * can be no log, on a full disk or a read-only one, what the engine says is lost, and no launch fails for it. @throws where nothing can be opened at all.
 */
export function openEngineLog(path: string, key: ReplicaKey, incarnation: number, at: Date, limits: LogLimits): OpenedLog {
  try {
    return { ...openMarked(path, `${mark}${key} incarnation ${incarnation} ${at.toISOString()}\n`, limits), path, problem: null };
  } catch (error) {
    const problem = `cannot write the log "${path}": ${(error as Error).message}; its engine runs without one`;
    return { fd: openSync(nowhere, constants.O_WRONLY), offset: 0, path: nowhere, problem };
  }
}

const nowhere = '/dev/null';

function openMarked(path: string, line: string, limits: LogLimits): Pick<OpenedLog, 'fd' | 'offset'> {
  const fd = openWithRoom(path, limits);
  try {
    const { size } = fstatSync(fd);
    writeSync(fd, line);
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

/** Whether an incarnation begins at this byte. No longer so: the log was emptied since, and all of it is of that incarnation, or of a later one. */
export function beginsAt(path: string, offset: number): boolean {
  return withFile(path, false, (fd) => {
    const found = Buffer.alloc(mark.length);
    return readSync(fd, found, 0, mark.length, offset) === mark.length && found.toString('latin1') === mark;
  });
}

/** Where the incarnation that was launched last begins, in bytes; 0 where the log does not tell: it was emptied since. Never throws. */
export function lastBeginning(path: string): number {
  return withFile(path, 0, (fd) => {
    const buffer = Buffer.alloc(pieceBytes + mark.length);
    for (let end = fstatSync(fd).size; end > 0; end -= pieceBytes) {
      const from = Math.max(0, end - pieceBytes);
      const read = readSync(fd, buffer, 0, end - from + mark.length, from);
      const at = lastMark(buffer.subarray(0, read), from === 0);
      if (at !== null) return from + at;
    }
    return 0;
  });
}

/**
 * The last lines of the incarnation that wrote last, without the line that names it: at most `count`, of at most 1000 characters each; none where there
 * is no log. Never throws.
 */
export function lastLines(path: string, count = 20): readonly string[] {
  const lines = incarnationEnd(path, tailBytes).toString('utf8').split('\n');
  return lines
    .filter((line, at) => line !== '' && !(at === 0 && line.startsWith(mark)))
    .slice(-count)
    .map((line) => line.replace(/\r$/, '').slice(0, longestLine));
}

/**
 * The end of what the incarnation that wrote last has written, in whole lines of at most so many bytes together, beginning with the line that names it
 * where that is among them. Where the log was emptied under it, from the older file too. Never throws.
 */
export function incarnationEnd(path: string, most: number): Buffer {
  const end = endOf(path, most);
  const own = fromMark(end.bytes);
  if (own !== null) return own;
  if (end.from > 0) return wholeLines(end.bytes);
  const before = endOf(`${path}.1`, most - end.bytes.length);
  const joined = Buffer.concat([before.bytes, end.bytes]);
  return fromMark(joined) ?? (before.from > 0 ? wholeLines(joined) : joined);
}

const mark = '--- poolctl: ';
const tailBytes = 16 * 1024;
const pieceBytes = 64 * 1024;
const longestLine = 1000;
const newline = 0x0a;

function endOf(path: string, most: number): { readonly bytes: Buffer; readonly from: number } {
  return withFile(path, { bytes: Buffer.alloc(0), from: 0 }, (fd) => {
    const { size } = fstatSync(fd);
    const from = Math.max(0, size - most);
    const buffer = Buffer.alloc(size - from);
    return { bytes: buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, from)), from };
  });
}

/** From the last line on that an incarnation begins with. */
function fromMark(bytes: Buffer): Buffer | null {
  const at = lastMark(bytes, true);
  return at === null ? null : bytes.subarray(at);
}

/** Where the last line begins that an incarnation begins with. `whole`: the bytes begin with a line of their own. */
function lastMark(bytes: Buffer, whole: boolean): number | null {
  for (let at = bytes.lastIndexOf(mark); at >= 0; at = at === 0 ? -1 : bytes.lastIndexOf(mark, at - 1)) {
    if (at === 0 ? whole : bytes[at - 1] === newline) return at;
  }
  return null;
}

function wholeLines(bytes: Buffer): Buffer {
  return bytes.subarray(bytes.indexOf(newline) + 1);
}

function withFile<T>(path: string, otherwise: T, read: (fd: number) => T): T {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return otherwise;
  }
  try {
    return read(fd);
  } catch {
    return otherwise;
  } finally {
    closeSync(fd);
  }
}

function openWithRoom(path: string, { maxSizeBytes, keep }: LogLimits): number {
  const fd = openForAppend(path);
  if (fstatSync(fd).size < maxSizeBytes) return fd;
  try {
    putBy(path, keep);
  } catch {
    return fd;
  }
  closeSync(fd);
  return openForAppend(path);
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
