/**
 * Reading engine logs from their files, for the API and for `logs` without a supervisor. A log is what its files hold, the oldest first;
 * a selection of it is a list of byte ranges, so that nothing large is ever held in memory.
 */

import type { Stats } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Bytes `start` to `end` of a file. */
export type Range = { readonly path: string; readonly start: number; readonly end: number };

export type Selection = {
  /** `chat/r0`: whose incarnation lines count. */
  readonly key: string;
  /** The last so many lines; null: all. */
  readonly tail: number | null;
  /** The incarnation before the last, instead of everything. */
  readonly previous: boolean;
};

const blockBytes = 64 * 1024;
const newline = 0x0a;

/**
 * What is asked for of a log, oldest first. `files` are newest first, as the supervisor names them; those that are not there are passed
 * over. Null: `previous` was asked for, and there is only one incarnation, or none.
 */
export async function selectLog(files: readonly string[], { key, tail, previous }: Selection): Promise<readonly Range[] | null> {
  const whole = await rangesOf(files);
  const chosen = previous ? await previousIncarnation(whole, key) : whole;
  if (chosen === null) return null;
  return tail === null ? chosen : lastLines(chosen, tail);
}

/** The bytes of a selection, in pieces. A file that shrinks or goes meanwhile ends early; it is no error. */
export async function* readRanges(ranges: readonly Range[]): AsyncGenerator<Buffer> {
  for (const { path, start, end } of ranges) {
    const file = await openIfThere(path);
    if (file === null) continue;
    try {
      yield* readPart(file, start, end);
    } finally {
      await file.close();
    }
  }
}

/**
 * Follows a log as `tail -F` does: over rotation, be it by rename (the old file is read to its end first) or by copying and emptying it (what was not
 * read yet is read from the copy), over truncation by somebody else (on from its new beginning), and before it exists. Nothing falls between
 * selection and following, and nothing is told twice.
 */
export async function* followLog(
  files: readonly string[],
  selection: Selection,
  { signal, everyMs = 200 }: { readonly signal: AbortSignal; readonly everyMs?: number },
): AsyncGenerator<Buffer> {
  const path = files[0];
  if (path === undefined) return;
  const { before, ...opened } = await openToFollow(path, files, selection);
  let { file, known } = opened;
  try {
    const current = before.findLast((range) => range.path === path);
    yield* readRanges(before.filter((range) => range !== current));
    let at = current?.start ?? (file === null ? 0 : (await file.stat()).size);
    while (!signal.aborted) {
      let isPutBy = false;
      for await (const part of partsSince(path, known)) {
        known = part.known;
        // The oldest of them is what was being read; whoever follows it begins anew.
        yield* readPart(part.file, at, part.size);
        at = 0;
        isPutBy ||= file !== null && (await isSame(file, part.file));
      }
      if (isPutBy) await file?.close();
      if (isPutBy || file === null) [file, at] = [await openIfThere(path), 0];
      if (file !== null) {
        if ((await file.stat()).size < at) at = 0;
        const block = await readAt(file, at, blockBytes);
        at += block.length;
        if (block.length > 0) {
          yield block;
          continue;
        }
        if (!(await isSameFile(file, path))) {
          // Put by a moment ago: it is read on as one of the older files, which begins nothing anew.
          const first = await markOf(`${path}.1`);
          if (first !== null && !known.has(first)) continue;
          const next = await openIfThere(path);
          if (next !== null) {
            await file.close();
            [file, at] = [next, 0];
            continue;
          }
        }
      }
      await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    await file?.close();
  }
}

/** The current file, open, what was selected while it had that name, and the older files of that moment: it may come, or be put by, at any time. */
async function openToFollow(
  path: string,
  files: readonly string[],
  selection: Selection,
): Promise<{ file: FileHandle | null; readonly before: readonly Range[]; known: ReadonlySet<string> }> {
  for (;;) {
    const file = await openIfThere(path);
    try {
      const known = await olderMarks(path);
      const before = (await selectLog(files, { ...selection, previous: false })) ?? [];
      const isCurrent = file === null ? before.every((range) => range.path !== path) : await isSameFile(file, path);
      const first = await markOf(`${path}.1`);
      if (isCurrent && (first === null || known.has(first))) return { file, before, known };
    } catch (error) {
      await file?.close();
      throw error;
    }
    await file?.close();
  }
}

type Part = { readonly file: FileHandle; readonly size: number; readonly known: ReadonlySet<string> };

/** What was rotated out of the log since its older files were `known`, oldest first. Each is closed when the next is asked for. */
async function* partsSince(path: string, known: ReadonlySet<string>): AsyncGenerator<Part> {
  const first = await markOf(`${path}.1`);
  if (first === null || known.has(first)) return;
  const found = new Map<string, { readonly file: FileHandle; readonly size: number }>();
  const marks = new Set<string>();
  try {
    for (const name of await olderFiles(path)) {
      const file = await openIfThere(name);
      if (file === null) continue;
      const stats = await file.stat();
      const mark = markIn(stats);
      if (known.has(mark) || found.has(mark)) await file.close();
      else found.set(mark, { file, size: stats.size });
      marks.add(mark);
    }
    for (const { file, size } of [...found.values()].reverse()) yield { file, size, known: marks };
  } finally {
    for (const { file } of found.values()) await file.close();
  }
}

async function olderMarks(path: string): Promise<ReadonlySet<string>> {
  const marks = await Promise.all((await olderFiles(path)).map(markOf));
  return new Set(marks.filter((mark) => mark !== null));
}

/** Newest first. */
async function olderFiles(path: string): Promise<readonly string[]> {
  const start = `${basename(path)}.`;
  const names = await readdir(dirname(path)).catch(() => []);
  const numbers = names.filter((name) => name.startsWith(start)).map((name) => name.slice(start.length));
  return numbers
    .filter((number) => /^\d{1,9}$/.test(number))
    .sort((a, b) => Number(a) - Number(b))
    .map((number) => `${path}.${number}`);
}

/** Tells a file from any other, whatever its name: the number of one that is gone may be given again. */
function markIn({ dev, ino, birthtimeMs }: Stats): string {
  return `${dev}:${ino}:${birthtimeMs}`;
}

function markOf(path: string): Promise<string | null> {
  return stat(path).then(markIn, () => null);
}

async function* readPart(file: FileHandle, start: number, end: number): AsyncGenerator<Buffer> {
  for (let at = start; at < end; ) {
    const block = await readAt(file, at, Math.min(blockBytes, end - at));
    if (block.length === 0) return;
    at += block.length;
    yield block;
  }
}

async function rangesOf(files: readonly string[]): Promise<readonly Range[]> {
  const sizes = await Promise.all(
    files.map((path) =>
      stat(path).then(
        ({ size }) => ({ path, start: 0, end: size }),
        () => null,
      ),
    ),
  );
  return sizes.filter((range) => range !== null).reverse();
}

/** From the last incarnation line but one to the last. Looks at the newest file first and no further back than it must. */
async function previousIncarnation(whole: readonly Range[], key: string): Promise<readonly Range[] | null> {
  const found: { readonly file: number; readonly at: number }[] = [];
  for (let file = whole.length - 1; file >= 0 && found.length < 2; file--) {
    const range = whole[file];
    if (range === undefined) continue;
    const inFile = await incarnationLines(range, key);
    found.unshift(...inFile.map((at) => ({ file, at })));
  }
  const [from, to] = found.slice(-2);
  if (from === undefined || to === undefined) return null;
  return whole.flatMap((range, file) => {
    if (file < from.file || file > to.file) return [];
    const start = file === from.file ? from.at : range.start;
    const end = file === to.file ? to.at : range.end;
    return start < end ? [{ ...range, start, end }] : [];
  });
}

async function incarnationLines({ path, start, end }: Range, key: string): Promise<readonly number[]> {
  const mark = Buffer.from(`--- poolctl: ${key} incarnation `);
  const found: number[] = [];
  let carried = Buffer.alloc(0);
  let carriedAt = start;
  for await (const block of readRanges([{ path, start, end }])) {
    const text = Buffer.concat([carried, block]);
    for (let at = text.indexOf(mark); at !== -1; at = text.indexOf(mark, at + 1)) {
      const absolute = carriedAt + at;
      if ((absolute === start || text[at - 1] === newline) && absolute !== found.at(-1)) found.push(absolute);
    }
    const keep = Math.min(text.length, mark.length);
    carried = text.subarray(text.length - keep);
    carriedAt += text.length - keep;
  }
  return found;
}

/** The end of `ranges` that holds the last `count` lines; a last line without a newline counts. */
async function lastLines(ranges: readonly Range[], count: number): Promise<readonly Range[]> {
  if (count === 0) return [];
  let missing = count;
  let isLast = true;
  for (let index = ranges.length - 1; index >= 0; index--) {
    const range = ranges[index];
    const file = range === undefined ? null : await openIfThere(range.path);
    if (range === undefined || file === null) continue;
    try {
      for (let end = range.end; end > range.start; ) {
        const start = Math.max(range.start, end - blockBytes);
        const block = await readAt(file, start, end - start);
        for (let at = block.length - 1; at >= 0; at--) {
          if (block[at] !== newline) continue;
          const closesTheLast = isLast && start + at === range.end - 1;
          if (closesTheLast) continue;
          missing -= 1;
          if (missing === 0) return [{ ...range, start: start + at + 1 }, ...ranges.slice(index + 1)];
        }
        end = start;
      }
    } finally {
      await file.close();
    }
    if (range.end > range.start) isLast = false;
  }
  return ranges;
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function readAt(file: FileHandle, at: number, bytes: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(bytes), 0, bytes, at);
  return buffer.subarray(0, bytesRead);
}

async function isSameFile(file: FileHandle, path: string): Promise<boolean> {
  const [ours, named] = await Promise.all([file.stat(), markOf(path)]);
  return named === markIn(ours);
}

async function isSame(one: FileHandle, other: FileHandle): Promise<boolean> {
  const [a, b] = await Promise.all([one.stat(), other.stat()]);
  return markIn(a) === markIn(b);
}
