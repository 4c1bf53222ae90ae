/** What all parts of a run share. */

import type { Random } from '../sim/random.js';
import type { Chronicle } from './chronicle.js';
import type { Excuses } from './excuses.js';
import type { Goals } from './goals.js';
import type { Gpus } from './gpus.js';
import type { LeaseBook } from './lease-book.js';
import type { Place } from './place.js';
import type { Edits, PoolId } from './pools.js';
import type { Restarts } from './restarts.js';
import type { Strays } from './strays.js';
import type { Supervisor } from './supervisor.js';
import type { Witness } from './witness.js';

export type Run = {
  readonly place: Place;
  readonly chronicle: Chronicle;
  readonly supervisor: Supervisor;
  readonly witness: Witness;
  readonly excuses: Excuses;
  readonly leases: LeaseBook;
  readonly goals: Goals;
  readonly restarts: Restarts;
  readonly strays: Strays;
  readonly gpus: Gpus;
  /** Whether the supervisor may be killed: a soak wants to see one grow old. */
  readonly mayDie: boolean;
  /** As the file is now. */
  edits: Edits;
  /** Wishes are sent one after another to a pool: which one was accepted last is then beyond doubt. */
  readonly turns: Map<PoolId, Promise<void>>;
  /** Pools that may have the bad model now: where nobody runs, nobody finds out. */
  readonly spoilt: Set<PoolId>;
  /** Replicas whose port somebody else has had since the last calm: five tries in vain are then right. */
  readonly robbed: Set<string>;
  /** Whose ports are ours now, and since when: no engine there can be ready. */
  readonly taken: Map<string, number>;
  /** The disk has been full since then; null: it is not. */
  fullSince: number | null;
};

/** One part of the run, with chances of its own, until `signal`. */
export type Part = (run: Run, random: Random, signal: AbortSignal) => Promise<void>;

/** Returns early when the signal comes. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
