/** Time and chance as the core is given them, and the one alarm. */

import { randomUUID } from 'node:crypto';
import type { Context } from '../core/messages.js';
import type { Instant } from '../core/model.js';

export type Clock = {
  /** Monotonic, in ms. */
  now(): Instant;
  wallMs(): number;
  /** Calls `ring` once, at or after `at`; a later call replaces an earlier one. Null: no alarm. */
  alarm(at: Instant | null, ring: () => void): void;
};

/** setTimeout fires at once for anything longer. */
const longestTimerMs = 2 ** 31 - 1;

export function systemClock(): Clock {
  let timer: NodeJS.Timeout | undefined;
  const now = (): Instant => performance.now();
  return {
    now,
    wallMs: () => Date.now(),
    alarm(at, ring) {
      clearTimeout(timer);
      // Rounded up: a timer that fires a fraction early would find nothing due and be set again.
      if (at !== null) timer = setTimeout(ring, Math.min(longestTimerMs, Math.max(0, Math.ceil(at - now()))));
    },
  };
}

export function contextOf(clock: Clock): Context {
  return { now: clock.now(), wallMs: clock.wallMs(), rand: Math.random, id: randomUUID };
}
