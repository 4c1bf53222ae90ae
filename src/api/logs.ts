/**
 * Reading engine logs from their files, for the API and for `logs`, which reads beside the supervisor. Whatever is rotated under the reader is read where
 * it has gone.
 */

import type { FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isNamed, isRotated, markIn, type Older, type OpenFiles, openFiles, openOlder, openWhole } from './logs/files.js';
import { type Range, readAt, readRange, type Selection, select } from './logs/selection.js';

/**
 * What is asked for of a log, as it is now, oldest first and in pieces. Its files are open until these end. Null: `previous` is asked for, and there is
 * only one incarnation, or none.
 */
export async function readLog(path: string, selection: Selection): Promise<AsyncGenerator<Buffer> | null> {
  const files = openFiles();
  try {
    const { chosen, ...place } = await openSelected(path, selection, files);
    if (chosen !== null) return asItIs(path, chosen, place, files);
  } catch (error) {
    await files.closeAll();
    throw error;
  }
  await files.closeAll();
  return null;
}

/** Whether there is anything to read, be it of old. */
export async function hasLog(path: string): Promise<boolean> {
  const files = openFiles();
  const { older, file } = await openWhole(path, files).finally(() => files.closeAll());
  return file !== null || older.size > 0;
}

async function* asItIs(path: string, chosen: readonly Range[], place: Place, files: OpenFiles): AsyncGenerator<Buffer> {
  let missing = chosen.reduce((sum, { start, end }) => sum + end - start, 0);
  for await (const block of onwards(path, chosen, place, files)) {
    // Nothing more, for now: somebody has taken away what there was.
    if (block === null) return;
    if (missing > 0) yield block.subarray(0, missing);
    missing -= block.length;
    if (missing <= 0) return;
  }
}

/**
 * Follows a log as `tail -F` does: over rotation, be it by rename (the old file is read to its end first) or by copying and emptying it (what was not
 * read yet is read from the copy), over truncation by somebody else (on from its new beginning), and before it exists. Nothing falls between
 * selection and following, and nothing is told twice.
 */
export async function* followLog(
  path: string,
  selection: Omit<Selection, 'previous'>,
  { signal, everyMs = 200 }: { readonly signal: AbortSignal; readonly everyMs?: number },
): AsyncGenerator<Buffer> {
  const files = openFiles();
  try {
    const { chosen, ...place } = await openSelected(path, { ...selection, previous: false }, files);
    for await (const block of onwards(path, chosen ?? [], place, files)) {
      if (signal.aborted) return;
      if (block !== null) yield block;
      else await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    await files.closeAll();
  }
}

/** Where a reader is: its file, how far that is read, and the older files, which are. */
type Place = { readonly file: FileHandle | null; readonly at: number; readonly known: Older };

async function openSelected(
  path: string,
  selection: Selection,
  files: OpenFiles,
): Promise<Place & { readonly chosen: readonly Range[] | null }> {
  for (;;) {
    const { older, file, size } = await openWhole(path, files);
    const ranges: Range[] = [];
    for (const each of older.values()) ranges.unshift({ file: each, start: 0, end: (await each.stat()).size });
    if (file !== null) ranges.push({ file, start: 0, end: size });
    const chosen = await select(ranges, selection);
    const at = chosen?.find((range) => range.file === file)?.start ?? size;
    // Emptied meanwhile, lines were counted in what is not there any more.
    if (!(await isRotated(path, older, files))) return { file, at, known: older, chosen };
    await files.closeAll();
  }
}

/** What is chosen, and then all that comes; null: nothing more for now. Its files are closed in the end. */
async function* onwards(path: string, chosen: readonly Range[], begin: Place, files: OpenFiles): AsyncGenerator<Buffer | null> {
  try {
    for (const range of chosen) if (range.file !== begin.file) yield* readRange(range);
    await files.close(...begin.known.values());
    for (let place = begin; ; ) {
      if (place.file === null) place = { ...place, file: await files.open(path), at: 0 };
      const { block, at, isOver } = await look(path, place);
      // What was seen may be of the log's new beginning, before the end of the old one was.
      if (await isRotated(path, place.known, files)) {
        place = yield* rotatedOut(path, place, files);
        continue;
      }
      place = { ...place, at };
      if (isOver) {
        await files.close(place.file);
        place = { ...place, file: await files.open(path), at: 0 };
      }
      if (block.length > 0) yield block;
      else if (!isOver || place.file === null) yield null;
    }
  } finally {
    await files.closeAll();
  }
}

/** `isOver`: all of it was read, and it has its name no more. */
async function look(
  path: string,
  { file, at }: Place,
): Promise<{ readonly block: Buffer; readonly at: number; readonly isOver: boolean }> {
  if (file === null) return { block: Buffer.alloc(0), at, isOver: false };
  const isOurs = await isNamed(path, file);
  const { size } = await file.stat();
  const from = size < at ? 0 : at;
  const block = await readAt(file, from, Math.min(size - from, lookBytes));
  return { block, at: from + block.length, isOver: block.length === 0 && !isOurs };
}

/** Each look asks the file system more than once. */
const lookBytes = 1024 * 1024;

/** The rest of what was read on and is an older file now, and those that came after it. */
async function* rotatedOut(path: string, { file, at, known }: Place, files: OpenFiles): AsyncGenerator<Buffer, Place> {
  const older = await openOlder(path, files);
  let from = at;
  for (const [mark, each] of [...older].reverse()) {
    if (known.has(mark)) continue;
    // The oldest of them is what was being read; whoever follows it begins anew.
    yield* readRange({ file: each, start: from, end: Number.POSITIVE_INFINITY });
    from = 0;
  }
  await files.close(...older.values());
  if (file === null || !older.has(await markIn(file))) return { file, at: from, known: older };
  await files.close(file);
  return { file: null, at: 0, known: older };
}
