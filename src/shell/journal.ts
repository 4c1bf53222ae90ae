/** The event journal: a line of JSON an event, appended in order, rotated by size. It never holds up what it tells about. */

import { type FileHandle, open, rename, rm } from 'node:fs/promises';

export type Journal = {
  /** In order. Never throws; what cannot be kept is dropped, and `onStorage` is told that, and at last how much it was. */
  append(line: { readonly [key: string]: unknown }): void;
  /** Resolves when everything that was appended before has been written, or has been given up. Never rejects. */
  flush(): Promise<void>;
  close(): Promise<void>;
};

export type JournalOptions = {
  readonly path: string;
  /** A file that would grow over this is put by first. */
  readonly maxBytes: number;
  /** How many older files (`.1` is the newest) stay beside the current one. */
  readonly keep: number;
  /** The text of a failure; null when it is well again, which under a flood is when a whole write has dropped nothing. Called at changes only. */
  readonly onStorage: (error: string | null) => void;
  /** @default 20 */
  readonly delayMs?: number;
  /** What may wait in memory while the disk does not take it; the newest lines are dropped beyond it. @default 1 MiB */
  readonly maxWaitingBytes?: number;
};

export function openJournal({
  path,
  maxBytes,
  keep,
  onStorage,
  delayMs = 20,
  maxWaitingBytes = 1024 * 1024,
}: JournalOptions): Journal {
  let waiting: string[] = [];
  let waitingBytes = 0;
  let timer: NodeJS.Timeout | null = null;
  let last: Promise<void> = Promise.resolve();
  let state: 'unopened' | 'well' | 'failing' = 'unopened';
  let closed = false;
  /** Of this failure: all, and since the last write began. */
  const dropped = { all: 0, lately: 0 };

  async function write(): Promise<void> {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const lines = waiting;
    if (lines.length === 0) return;
    const bytes = waitingBytes;
    waiting = [];
    waitingBytes = 0;
    dropped.lately = 0;
    try {
      await appendTo(path, lines.join(''), { maxBytes, keep, mend: state !== 'well' });
      if (dropped.lately === 0) recover();
    } catch (error) {
      if (state !== 'failing') onStorage(`cannot write the journal "${path}": ${(error as Error).message}`);
      state = 'failing';
      waiting = [...lines, ...waiting];
      waitingBytes += bytes;
      if (!closed) arm(retryMs);
    }
  }

  function recover(): void {
    const isNews = state === 'failing';
    state = 'well';
    if (dropped.all > 0)
      onStorage(`the journal "${path}" lacks ${dropped.all} events: there was no room for them while it could not be written`);
    dropped.all = 0;
    if (isNews) onStorage(null);
  }

  function drop(): void {
    dropped.all += 1;
    dropped.lately += 1;
    if (state !== 'failing') onStorage(`cannot write the journal "${path}" as fast as events come: some are left out`);
    state = 'failing';
  }

  function arm(ms: number): void {
    timer ??= setTimeout(() => void flush(), ms);
  }

  function flush(): Promise<void> {
    last = last.then(write);
    return last;
  }

  return {
    append(line) {
      if (closed) return;
      const text = `${JSON.stringify(line)}\n`;
      if (waitingBytes + text.length > maxWaitingBytes) return drop();
      waiting.push(text);
      waitingBytes += text.length;
      arm(delayMs);
    },
    flush,
    async close() {
      closed = true;
      await flush();
      if (timer !== null) clearTimeout(timer);
    },
  };
}

const retryMs = 1000;

type Limits = { readonly maxBytes: number; readonly keep: number; readonly mend: boolean };

/** Opened by name each time, so that a journal that somebody took away begins anew. */
async function appendTo(path: string, text: string, { maxBytes, keep, mend }: Limits): Promise<void> {
  let file = await open(path, 'a+', 0o600);
  try {
    const { size } = await file.stat();
    if (size > 0 && size + Buffer.byteLength(text) > maxBytes) {
      await file.close();
      await rotate(path, keep);
      file = await open(path, 'a+', 0o600);
    } else if (mend && size > 0 && !(await endsWhole(file, size))) {
      await file.write('\n');
    }
    await file.write(text);
  } finally {
    await file.close();
  }
}

/** A supervisor that was killed, or a full disk, may have left half a line: the next one must not be glued to it. */
async function endsWhole(file: FileHandle, size: number): Promise<boolean> {
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] === 0x0a;
}

/** events.jsonl.2 -> .3, .1 -> .2, the current one -> .1; what would come after `keep` goes. */
async function rotate(path: string, keep: number): Promise<void> {
  const older = (n: number): string => (n === 0 ? path : `${path}.${n}`);
  if (keep === 0) return rm(path, { force: true });
  for (let n = keep - 1; n >= 0; n--) {
    await rename(older(n), older(n + 1)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
}
