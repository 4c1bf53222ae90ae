/**
 * What the engine wrote before the first and before the last failure of a streak, kept beside its log whatever rotates. A streak is what counts in
 * `crash_count`. Read in the turn in which the crash is told, when no successor has written yet; written after it, on nobody's way.
 */

import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Event } from '../core/events.js';
import { type ReplicaKey, replicaKey } from '../core/model.js';
import { incarnationEnd } from './engine-log.js';

export type Failures = {
  /** To be told of every event. Never throws. */
  hear(event: Event): void;
  /** Tries again what could not be written. */
  mend(): void;
  /** Resolves when all that was heard of is on disk, or was given up. Never rejects. */
  flush(): Promise<void>;
};

export type FailuresWorld = {
  readonly filesOf: (key: ReplicaKey) => { readonly log: string; readonly firstFailure: string; readonly lastFailure: string };
  /** A file could not be kept, or can again (null). */
  readonly onStorage: (what: string, error: string | null) => void;
};

/** Of the end of the log: a traceback of many frames, and what went before it. */
const keptBytes = 64 * 1024;

export function keepFailures({ filesOf, onStorage }: FailuresWorld): Failures {
  /** By file: what waits to be written. Of a loop of crashes that is faster than the disk, the newest. */
  const waiting = new Map<string, Buffer>();
  const writing = new Map<string, Promise<void>>();
  /** What the disk did not take. */
  const refused = new Map<string, Buffer>();

  async function write(path: string): Promise<void> {
    for (let text = waiting.get(path); text !== undefined; text = waiting.get(path)) {
      waiting.delete(path);
      try {
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        await writeFile(`${path}.new`, text, { mode: 0o600 });
        await rename(`${path}.new`, path);
        refused.delete(path);
        onStorage(path, null);
      } catch (error) {
        if (!waiting.has(path)) refused.set(path, text);
        onStorage(path, `cannot keep "${path}": ${(error as Error).message}`);
      }
    }
    writing.delete(path);
  }

  function keep(path: string, text: Buffer): void {
    refused.delete(path);
    waiting.set(path, text);
    if (!writing.has(path)) writing.set(path, write(path));
  }

  return {
    hear({ event, pool_id, replica_id, crash_count }) {
      if (event !== 'replica.crashed' || pool_id === undefined || replica_id === undefined) return;
      const { log, firstFailure, lastFailure } = filesOf(replicaKey(pool_id, replica_id));
      const text = incarnationEnd(log, keptBytes);
      if (crash_count === 1) keep(firstFailure, text);
      keep(lastFailure, text);
    },
    mend() {
      for (const [path, text] of [...refused]) keep(path, text);
    },
    async flush() {
      await Promise.all(writing.values());
    },
  };
}
