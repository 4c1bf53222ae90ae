/** Which part of a log is asked for: byte ranges of its open files, so that nothing large is ever held in memory. */

import type { FileHandle } from 'node:fs/promises';

/** Bytes `start` to `end` of a file. */
export type Range = { readonly file: FileHandle; readonly start: number; readonly end: number };

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

/** Of a whole log, oldest first. Null: `previous` is asked for, and there is only one incarnation, or none. */
export async function select(whole: readonly Range[], { key, tail, previous }: Selection): Promise<readonly Range[] | null> {
  const chosen = previous ? await previousIncarnation(whole, key) : whole;
  if (chosen === null) return null;
  return tail === null ? chosen : lastLines(chosen, tail);
}

/** In blocks; a file that shrinks meanwhile ends early. */
export async function* readRange({ file, start, end }: Range): AsyncGenerator<Buffer> {
  for (let at = start; at < end; ) {
    const block = await readAt(file, at, Math.min(blockBytes, end - at));
    if (block.length === 0) return;
    at += block.length;
    yield block;
  }
}

/** At most so many; fewer at the end. */
export async function readAt(file: FileHandle, at: number, bytes: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(bytes), 0, bytes, at);
  return buffer.subarray(0, bytesRead);
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

async function incarnationLines(range: Range, key: string): Promise<readonly number[]> {
  const mark = Buffer.from(`--- poolctl: ${key} incarnation `);
  const found: number[] = [];
  let carried = Buffer.alloc(0);
  let carriedAt = range.start;
  for await (const block of readRange(range)) {
    const text = Buffer.concat([carried, block]);
    for (let at = text.indexOf(mark); at !== -1; at = text.indexOf(mark, at + 1)) {
      const absolute = carriedAt + at;
      if ((absolute === range.start || text[at - 1] === newline) && absolute !== found.at(-1)) found.push(absolute);
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
    if (range === undefined) continue;
    for (let end = range.end; end > range.start; ) {
      const start = Math.max(range.start, end - blockBytes);
      const block = await readAt(range.file, start, end - start);
      for (let at = block.length - 1; at >= 0; at--) {
        if (block[at] !== newline) continue;
        const closesTheLast = isLast && start + at === range.end - 1;
        if (closesTheLast) continue;
        missing -= 1;
        if (missing === 0) return [{ ...range, start: start + at + 1 }, ...ranges.slice(index + 1)];
      }
      end = start;
    }
    if (range.end > range.start) isLast = false;
  }
  return ranges;
}
