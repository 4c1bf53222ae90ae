/**
 * What survives the supervisor: one JSON file, always whole. Written beside itself and renamed; not synced each time, since what the page cache
 * loses, a power cut, no engine survives either.
 */

import { open, readFile, rename } from 'node:fs/promises';
import type { Result } from '../core/model.js';

export type Registry = {
  /** Something changed that nobody waits for: it is written within `delayMs`, or in ten times what the last writing took of this thread. */
  touch(): void;
  /**
   * Resolves when a write that began after this call is on disk, or has failed. The barrier before a spawn: it goes out in this turn of the event
   * loop, one write for all who ask in it. Never rejects.
   */
  flush(): Promise<void>;
  /** Writes once more, synced to the disk itself. Nothing is written after it. */
  close(): Promise<void>;
};

export type RegistryOptions = {
  readonly path: string;
  /** Asked when a write begins, so that it holds everything up to then. */
  readonly content: () => unknown;
  /** The text of a failure; null when it is well again. Called at changes only. */
  readonly onStorage: (error: string | null) => void;
  /** @default 20 */
  readonly delayMs?: number;
  /** How long after a failed write the next is tried. @default 1000 */
  readonly retryMs?: number;
};

export function openRegistry({ path, content, onStorage, delayMs = 20, retryMs = 1000 }: RegistryOptions): Registry {
  let timer: NodeJS.Timeout | null = null;
  let next: Promise<void> | null = null;
  let last: Promise<void> = Promise.resolve();
  let failing = false;
  let closed = false;
  let lastTookMs = 0;

  function later(ms: number): void {
    if (closed || timer !== null || next !== null) return;
    timer = setTimeout(() => {
      timer = null;
      void flush();
    }, ms);
  }

  function flush(sync = false): Promise<void> {
    if (next !== null) return next;
    const write: Promise<void> = last.then(endOfTurn).then(async () => {
      next = null;
      if (timer !== null) clearTimeout(timer);
      timer = null;
      const begunAt = performance.now();
      const text = `${JSON.stringify(content())}\n`;
      lastTookMs = performance.now() - begunAt;
      tell(await writeWhole(path, text, sync));
    });
    next = write;
    last = write;
    return write;
  }

  function tell(error: string | null): void {
    if (failing !== (error !== null)) onStorage(error);
    failing = error !== null;
    if (failing) later(retryMs);
  }

  return {
    // Hundreds of engines that start make a big registry, and change it all the time.
    touch: () => later(Math.max(delayMs, 10 * lastTookMs)),
    flush: () => (closed ? last : flush()),
    async close() {
      if (closed) return last;
      closed = true;
      // A write that is under way may be one without a sync, so this is one of its own.
      await last;
      return flush(true);
    },
  };
}

export type RegistryReading<T> = {
  /** Null where there is no registry, or none that can be read. */
  readonly content: T | null;
  /** What was wrong with the file, and where it has been put, so that the next write does not destroy it; null there: it could not be put anywhere. */
  readonly setAside: { readonly why: string; readonly to: string | null } | null;
};

/** Reads what the last supervisor wrote. A file that `parse` cannot use (it says why, or throws) is put aside under a free name. Never rejects. */
export async function readRegistry<T>(path: string, parse: (content: unknown) => Result<T, string>): Promise<RegistryReading<T>> {
  let why: string;
  try {
    const parsed = parse(JSON.parse(await readFile(path, 'utf8')));
    if (parsed.ok) return { content: parsed.value, setAside: null };
    why = parsed.error;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { content: null, setAside: null };
    why = (error as Error).message;
  }
  return { content: null, setAside: { why, to: await putAside(path) } };
}

/** Temporary file and rename. Null, or why it could not be written. */
async function writeWhole(path: string, text: string, sync: boolean): Promise<string | null> {
  const temporary = `${path}.tmp`;
  try {
    const file = await open(temporary, 'w', 0o600);
    try {
      // As a string, which takes no copy of a growing registry for the collector to come after; a disk that is full may take a part of it.
      const { bytesWritten } = await file.write(text);
      if (bytesWritten < Buffer.byteLength(text)) await file.writeFile(Buffer.from(text).subarray(bytesWritten));
      if (sync) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    return null;
  } catch (error) {
    return `cannot write "${path}": ${(error as Error).message}`;
  }
}

async function putAside(path: string): Promise<string | null> {
  for (let n = 1; ; n++) {
    const to = `${path}.unreadable-${n}`;
    const taken = await open(to, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => error);
    if ('code' in taken && taken.code === 'EEXIST') continue;
    if (taken instanceof Error) return null;
    await taken.close();
    return rename(path, to).then(
      () => to,
      () => null,
    );
  }
}

function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
