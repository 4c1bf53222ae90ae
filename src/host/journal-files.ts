/** Reading the event journal back, over its rotated files. Works without a supervisor, and beside one that writes. */

import { readFile } from 'node:fs/promises';

export type JournalLine = { readonly id: string; readonly time: string; readonly [key: string]: unknown };

export type JournalWish = {
  /** Only those after the event with this id. */
  readonly afterId?: string;
  /** Only those at this time (epoch milliseconds) or later. */
  readonly sinceMs?: number;
  /** At most the last so many of what is left. */
  readonly tail?: number;
};

/**
 * The events that are wished for, oldest first; null where `afterId` stands in no file. Reads from the newest file back, and no further than needed.
 * Lines that are no events (half a line after a kill) are passed over; missing files are empty.
 */
export async function readJournal(
  path: string,
  { afterId, sinceMs, tail }: JournalWish = {},
): Promise<readonly JournalLine[] | null> {
  let lines: readonly JournalLine[] = [];
  let met = afterId === undefined;
  for (let n = 0; ; n++) {
    const older = await readFileOf(path, n);
    if (older === null) break;
    lines = [...older, ...lines];
    const from = afterId === undefined ? -1 : older.findIndex(({ id }) => id === afterId);
    if (from >= 0) {
      met = true;
      lines = lines.slice(from + 1);
      break;
    }
    if (afterId === undefined && enough(lines, sinceMs, tail)) break;
  }
  if (!met) return null;
  const since = sinceMs === undefined ? lines : lines.filter(({ time }) => Date.parse(time) >= sinceMs);
  return tail === undefined ? since : since.slice(Math.max(0, since.length - tail));
}

/** An empty current file says nothing of what is in the older ones. */
function enough(lines: readonly JournalLine[], sinceMs: number | undefined, tail: number | undefined): boolean {
  const [oldest] = lines;
  if (oldest === undefined) return false;
  if (sinceMs !== undefined) return Date.parse(oldest.time) < sinceMs;
  return tail !== undefined && lines.length >= tail;
}

async function readFileOf(path: string, n: number): Promise<readonly JournalLine[] | null> {
  const text = await readFile(n === 0 ? path : `${path}.${n}`, 'utf8').catch(() => null);
  if (text === null) return n === 0 ? [] : null;
  return text.split('\n').flatMap((line) => parseLine(line) ?? []);
}

function parseLine(line: string): JournalLine | null {
  if (line === '') return null;
  try {
    const parsed: unknown = JSON.parse(line);
    return isLine(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

function isLine(parsed: unknown): parsed is JournalLine {
  return (
    typeof parsed === 'object' &&
    parsed !== null &&
    'id' in parsed &&
    typeof parsed.id === 'string' &&
    'time' in parsed &&
    typeof parsed.time === 'string'
  );
}
