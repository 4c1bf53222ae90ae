/**
 * Follows one file while somebody else writes it, and reads only what is new. Nothing is done while nothing is written. Under a flood it falls
 * behind rather than keep the loop from its other work. Neither a file that is emptied, renamed or deleted nor one that cannot be watched ends it.
 */

import { closeSync, constants, type FSWatcher, fstatSync, openSync, readSync, type Stats, watch } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { lineCutter } from './lines.js';

export type TailWish = {
  readonly path: string;
  /** In bytes, where to begin. A file that is shorter was emptied, and is read from its beginning. */
  readonly offset: number;
  readonly onLine: (line: string) => void;
  /** Called each time that everything has been read that was there. */
  readonly onCaughtUp?: () => void;
  /** The file's size, each time that it is looked at. */
  readonly onSize?: (bytes: number) => void;
};

export type Tail = {
  /** Whether it is this file that is followed, whatever its name. */
  follows(file: Stats): boolean;
  /**
   * To be called in the turn in which the file was emptied: its first `bytes` are in `older` now, and are read there first. Null: they are gone. Who is
   * behind by more than 256 MiB of such files, or 64 of them, does not read the oldest.
   */
  cut(older: string | null, bytes: number): void;
  /**
   * Reads what is left, and what was not ended by a line break; nothing is read or watched after. Up to 256 KiB are read before this returns. Of more
   * than 32 MiB the middle is left out: as many empty lines come in its place. Never rejects.
   */
  finish(): Promise<void>;
  /** Reads no more. */
  leave(): void;
};

/** Never throws: a file that cannot be opened has no lines. */
export function followFile({ path, offset, onLine, onCaughtUp = () => {}, onSize = () => {} }: TailWish): Tail {
  const opened = openOrNull(path);
  if (opened === null) return { follows: () => false, cut: () => {}, finish: async () => {}, leave: () => {} };
  const fd: number = opened;
  const { dev, ino } = fstatSync(fd);
  const older: Older[] = [];
  const cutter = lineCutter(onLine);
  let position = offset;
  let inRow = 0;
  let busy = false;
  let finished = false;
  let next: NodeJS.Timeout | undefined;
  const stopWatching = onWrites(path, () => wake(settleMs));
  wake(firstLookMs);

  return {
    follows: (file) => file.ino === ino && file.dev === dev,
    cut(copy, bytes) {
      const from = position;
      position = 0;
      if (finished || copy === null || from >= bytes) return;
      const copied = openOrNull(copy);
      if (copied !== null) older.push({ fd: copied, position: from, end: bytes });
      if (older.length > mostOlder || behind() > mostBehindBytes) {
        cutter.end();
        leaveOldest();
      }
    },
    async finish() {
      if (finished) return;
      stop();
      try {
        for (let read = 0; read < atOnceBytes; ) {
          const bytes = readOn();
          if (bytes === 0) return;
          read += bytes;
        }
        await readRest();
      } finally {
        cutter.end();
        close();
      }
    },
    leave() {
      if (finished) return;
      stop();
      close();
    },
  };

  function stop(): void {
    finished = true;
    stopWatching();
    clearTimeout(next);
  }

  function close(): void {
    while (older.length > 0) leaveOldest();
    closeSync(fd);
  }

  function wake(afterMs: number): void {
    if (busy || finished) return;
    busy = true;
    next = setTimeout(look, afterMs).unref();
  }

  /** One piece of the file, and a way to the next: the loop turns between any two, and rests after some. */
  function look(): void {
    if (finished) return;
    if (inRow % piecesInRow === 0) onSize(sizeOf());
    if (readOn() === 0) {
      inRow = 0;
      busy = false;
      onCaughtUp();
      return;
    }
    inRow += 1;
    if (inRow % piecesInRow === 0) next = setTimeout(look, restMs).unref();
    else setImmediate(look);
  }

  /** Answers how many bytes that were; none: there are no more. */
  function readOn(): number {
    const bytes = take(piece.length);
    if (bytes > 0) cutter.write(piece.subarray(0, bytes));
    return bytes;
  }

  /** The next piece, from wherever it is. */
  function take(most: number): number {
    for (let [oldest] = older; oldest !== undefined; [oldest] = older) {
      const bytes = readAt(oldest.fd, oldest.position, Math.min(most, oldest.end - oldest.position));
      oldest.position += bytes;
      if (bytes > 0) return bytes;
      leaveOldest();
    }
    let bytes = readAt(fd, position, most);
    if (bytes === 0 && sizeOf() < position) {
      position = 0;
      bytes = readAt(fd, position, most);
    }
    position += bytes;
    return bytes;
  }

  function behind(): number {
    return older.reduce((sum, { position: at, end }) => sum + end - at, 0);
  }

  function leaveOldest(): void {
    const oldest = older.shift();
    if (oldest !== undefined) closeSync(oldest.fd);
  }

  function sizeOf(): number {
    try {
      return fstatSync(fd).size;
    } catch {
      return 0;
    }
  }

  async function readRest(): Promise<void> {
    const left = behind() + Math.max(0, sizeOf() - position);
    const gap = { from: mostAtEndBytes / 2, to: left - mostAtEndBytes / 2 };
    let read = 0;
    for (let bytes = readOn(); bytes > 0; bytes = readOn()) {
      read += bytes;
      if (read >= gap.from && read < gap.to) read += await skip(gap.to - read);
      await turn();
    }
  }

  /** The lines are counted all the same, so that those after them have their true numbers. Answers how many bytes were left out. */
  async function skip(most: number): Promise<number> {
    const breaks = Buffer.alloc(piece.length, '\n');
    let skipped = 0;
    for (let pieces = 1; skipped < most; pieces += 1) {
      const bytes = take(Math.min(piece.length, most - skipped));
      if (bytes === 0) break;
      skipped += bytes;
      cutter.write(breaks.subarray(0, countBreaks(piece.subarray(0, bytes))));
      if (pieces % piecesInRow === 0) await turn();
    }
    return skipped;
  }
}

/** What was copied out of the file before it was emptied, and not read yet. */
type Older = { readonly fd: number; position: number; readonly end: number };

const piece = Buffer.allocUnsafeSlow(64 * 1024);
const piecesInRow = 16;
const restMs = 50;
/** Several writes, one look. */
const settleMs = 100;
/** A launch has other things to do first. */
const firstLookMs = 1_000;
const slowLookMs = 1_000;
const atOnceBytes = 256 * 1024;
const mostAtEndBytes = 32 * 1024 * 1024;
const mostOlder = 64;
const mostBehindBytes = 256 * 1024 * 1024;

/** Calls `wrote` after writes to the file that has this name now, whatever becomes of the name. Answers how to end it. */
function onWrites(path: string, wrote: () => void): () => void {
  let slow: NodeJS.Timeout | null = null;
  let watcher: FSWatcher | null = null;
  const lookNowAndThen = (): void => {
    slow ??= setInterval(wrote, slowLookMs).unref();
  };
  try {
    watcher = watch(path, { persistent: false }, wrote);
    watcher.on('error', lookNowAndThen);
  } catch {
    // As many files are watched as this user may watch.
    lookNowAndThen();
  }
  return () => {
    watcher?.close();
    if (slow !== null) clearInterval(slow);
  };
}

function readAt(fd: number, at: number, most: number): number {
  try {
    return readSync(fd, piece, 0, most, at);
  } catch {
    return 0;
  }
}

function openOrNull(path: string): number | null {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return null;
  }
}

function countBreaks(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) count += 1;
  return count;
}
