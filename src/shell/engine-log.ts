/**
 * The engine's log: opened by name at each launch, written by the engine itself through the inherited descriptor, read only by its end. No
 * engine waits for a reader, and no reader is waited for.
 */

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
 * The last lines from `offset` on, of one incarnation and without the line that names it: at most `count`, of at most 1000 characters each. Gives up
 * after a quarter of a second and says nothing then: an exit does not wait for a sick disk. Never rejects.
 */
export function lastLines(path: string, offset: number, count = 20): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<readonly string[]>((resolve) => {
    timer = setTimeout(resolve, 250, []);
  });
  return Promise.race([readLastLines(path, offset, count).catch(() => []), patience]).finally(() => clearTimeout(timer));
}

const tailBytes = 16 * 1024;
const longestLine = 1000;

async function readLastLines(path: string, offset: number, count: number): Promise<readonly string[]> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    // A log that is shorter than where we began was emptied under the engine: all of it is new.
    const begin = Math.max(offset > size ? 0 : offset, size - tailBytes);
    const buffer = Buffer.alloc(size - begin);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, begin);
    const lines = buffer.toString('utf8', 0, bytesRead).split('\n');
    const whole = begin > offset && begin > 0 ? lines.slice(1) : lines;
    return whole
      .slice(whole.findLastIndex((line) => line.startsWith('--- poolctl: ')) + 1)
      .filter((line) => line !== '')
      .slice(-count)
      .map((line) => line.replace(/\r$/, '').slice(0, longestLine));
  } finally {
    // Nobody waits for it: an exit is judged by what was read.
    void file.close().catch(() => undefined);
  }
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
