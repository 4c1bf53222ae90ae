/** Work that several wait for is done once, and ends when nobody waits for it any more. */

import type { Staging } from '../core/progress.js';

/** Somebody who waits: told how far it is, and free to leave. */
export type Watch = { readonly signal: AbortSignal; readonly tell: (staging: Staging) => void };

/** Waits as long as it takes, and is told nothing. */
export const patient: Watch = { signal: new AbortController().signal, tell: () => undefined };

type Telling = Omit<Staging, 'shared'>;
type Work<T> = (signal: AbortSignal, tell: (staging: Telling) => void) => Promise<T>;

type Job<T> = {
  readonly controller: AbortController;
  readonly watches: Set<Watch>;
  readonly done: Promise<T>;
  last: Telling | null;
};

export type SharedWork<T> = (name: string, watch: Watch, work: Work<T>) => Promise<T | null>;

/** Null for whoever has left. Of all who wait the first is told, and the others that they share it. */
export function makeSharedWork<T>(): SharedWork<T> {
  const jobs = new Map<string, Job<T>>();
  /** Those that were left, and are not over yet: another of the same name begins after them. */
  const ending = new Map<string, Promise<unknown>>();

  function begin(name: string, work: Work<T>): Job<T> {
    const controller = new AbortController();
    const watches = new Set<Watch>();
    const tell = (staging: Telling): void => {
      job.last = staging;
      for (const watch of watches) watch.tell({ ...staging, shared: watch !== first(watches) });
    };
    const before = ending.get(name) ?? Promise.resolve();
    const done = before
      .then(() => work(controller.signal, tell))
      .finally(() => {
        if (jobs.get(name) === job) jobs.delete(name);
      });
    const job: Job<T> = { controller, watches, done, last: null };
    jobs.set(name, job);
    return job;
  }

  return async (name, watch, work) => {
    if (watch.signal.aborted) return null;
    const job = jobs.get(name) ?? begin(name, work);
    job.watches.add(watch);
    if (job.last !== null) watch.tell({ ...job.last, shared: job.watches.size > 1 });
    let leave = (): void => undefined;
    const left = new Promise<null>((resolve) => {
      leave = () => resolve(null);
      watch.signal.addEventListener('abort', leave, { once: true });
    });
    try {
      return await Promise.race([job.done, left]);
    } finally {
      watch.signal.removeEventListener('abort', leave);
      job.watches.delete(watch);
      if (job.watches.size === 0 && jobs.get(name) === job) {
        jobs.delete(name);
        job.controller.abort();
        const over = job.done
          .catch(() => undefined)
          .then(() => {
            if (ending.get(name) === over) ending.delete(name);
          });
        ending.set(name, over);
      }
    }
  };
}

function first<T>(set: ReadonlySet<T>): T | undefined {
  return set.values().next().value;
}
