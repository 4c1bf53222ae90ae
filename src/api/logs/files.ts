/**
 * The files of a log: the one that is written, and what was rotated out of it, `.1`, `.2` and so on, the newest first. They may be rotated at any time, by
 * this process or another: by rename, or, while the engine lives, by copying the log to `.1` and emptying it.
 */

import type { Stats } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readAt } from './selection.js';

/** What is open, to be closed together whatever happens. */
export type OpenFiles = {
  /** Null: there is none of that name. @throws the error of the file system */
  open(path: string): Promise<FileHandle | null>;
  close(...files: readonly (FileHandle | null)[]): Promise<void>;
  closeAll(): Promise<void>;
};

export function openFiles(): OpenFiles {
  const held = new Set<FileHandle>();
  const close: OpenFiles['close'] = async (...files) => {
    for (const file of files) {
      if (file === null || !held.delete(file)) continue;
      await file.close();
    }
  };
  return {
    async open(path) {
      const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null;
        throw error;
      });
      if (file !== null) held.add(file);
      return file;
    },
    close,
    closeAll: () => close(...held),
  };
}

/** Older files by their marks, the newest first. */
export type Older = ReadonlyMap<string, FileHandle>;

/** A log of one moment. */
export type WholeLog = { readonly older: Older; readonly file: FileHandle | null; readonly size: number };

export async function openWhole(path: string, files: OpenFiles): Promise<WholeLog> {
  for (;;) {
    const older = await openOlder(path, files);
    const file = await files.open(path);
    const size = file === null ? 0 : (await file.stat()).size;
    if ((await isNamed(path, file)) && !(await isRotated(path, older, files))) return { older, file, size };
    await files.close(file, ...older.values());
  }
}

/** Those of one moment. */
export async function openOlder(path: string, files: OpenFiles): Promise<Older> {
  for (;;) {
    const named = await settled(path, files);
    const opened = new Map<string, FileHandle>();
    for (const [mark, name] of named) {
      const file = await files.open(name);
      if (file !== null) opened.set(mark, file);
    }
    if (opened.size === named.size && isDeepStrictEqual([...(await olderOf(path, files))], [...named])) return opened;
    await files.close(...opened.values());
  }
}

/** Whether there are older files that were not known. */
export async function isRotated(path: string, known: Pick<Older, 'has'>, files: OpenFiles): Promise<boolean> {
  const newest = await markOf(newestOf(path));
  // None: perhaps they change their names in this moment.
  if (newest !== null && known.has(newest)) return false;
  const older = await settled(path, files);
  return [...older.keys()].some((mark) => !known.has(mark));
}

/** Whether the file has this name; null: whether nobody has it. */
export async function isNamed(path: string, file: FileHandle | null): Promise<boolean> {
  return (await markOf(path)) === (file === null ? null : await markIn(file));
}

/** Tells a file from any other, whatever its name. */
export async function markIn(file: FileHandle): Promise<string> {
  return mark(await file.stat());
}

/** Looks again while files change their names. */
async function settled(path: string, files: OpenFiles): Promise<ReadonlyMap<string, string>> {
  for (let seen = await olderOf(path, files); ; ) {
    const again = await olderOf(path, files);
    if (isDeepStrictEqual([...again], [...seen])) return again;
    seen = again;
  }
}

/** Names by marks, newest first, without the copy of a log that is still to be emptied. */
async function olderOf(path: string, files: OpenFiles): Promise<ReadonlyMap<string, string>> {
  const start = `${basename(path)}.`;
  const names = (await readdir(dirname(path)).catch(() => [])).filter((name) => name.startsWith(start));
  const numbers = names.map((name) => name.slice(start.length)).filter((number) => /^[1-9]\d{0,8}$/.test(number));
  const older = numbers.sort((a, b) => Number(a) - Number(b)).map((number) => `${path}.${number}`);
  if (older[0] === newestOf(path) && (await isUncut(path, files))) older.shift();
  const marks = await Promise.all(older.map(async (name) => [await markOf(name), name] as const));
  return new Map(marks.filter((each): each is [string, string] => each[0] !== null));
}

/** Whether the newest of the older files is the copy of a log that still holds all of it. Their beginnings and ends tell: no name does. */
async function isUncut(path: string, files: OpenFiles): Promise<boolean> {
  const [log, copy] = [await files.open(path), await files.open(newestOf(path))];
  try {
    const size = (await copy?.stat())?.size ?? 0;
    if (log === null || copy === null || size === 0) return false;
    const bytes = Math.min(size, comparedBytes);
    for (const at of [0, size - bytes]) if (!(await readAt(copy, at, bytes)).equals(await readAt(log, at, bytes))) return false;
    return true;
  } finally {
    await files.close(log, copy);
  }
}

const comparedBytes = 4096;

function newestOf(path: string): string {
  return `${path}.1`;
}

function markOf(path: string): Promise<string | null> {
  return stat(path).then(mark, () => null);
}

/** The number of a file that is gone may be given again: its birth is another. */
function mark({ dev, ino, birthtimeMs }: Stats): string {
  return `${dev}:${ino}:${birthtimeMs}`;
}
