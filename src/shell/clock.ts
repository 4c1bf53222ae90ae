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
  /** How late the last alarm rang, in ms: the lag of the event loop, measured by what is due anyway. */
  lagMs(): number;
};

/** setTimeout fires at once for anything longer. */
const longestTimerMs = 2 ** 31 - 1;

export function systemClock(): Clock {
  let timer: NodeJS.Timeout | undefined;
  let next: NodeJS.Immediate | undefined;
  let lagMs = 0;
  let setFor: Instant | null = null;
  let ringNow = (): void => {};
  // The same clock as `performance.now`, counted from the boot: what one supervisor wrote down, the next can read.
  const bootedMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();
  const now = (): Instant => bootedMs + performance.now();
  const rung = (): void => {
    setFor = null;
    ringNow();
  };
  const wait = (at: Instant): void => {
    // Rounded up: a timer that fires a fraction early would find nothing due and be set again.
    const waitMs = Math.min(longestTimerMs, Math.max(0, Math.ceil(at - now())));
    // The shortest timer takes a whole millisecond: half of what it takes to bring an engine back.
    if (waitMs === 0) {
      next = setImmediate(rung);
      return;
    }
    const dueAt = now() + waitMs;
    timer = setTimeout(() => {
      // Node counts whole milliseconds: from the end of one, three of them are little more than two.
      if (now() < at) return wait(at);
      lagMs = Math.max(0, now() - dueAt);
      rung();
    }, waitMs);
  };
  return {
    now,
    wallMs: () => Date.now(),
    alarm(at, ring) {
      ringNow = ring;
      // Most inputs change nothing of what is due next.
      if (at !== null && at === setFor) return;
      setFor = at;
      clearTimeout(timer);
      clearImmediate(next);
      if (at !== null) wait(at);
    },
    lagMs: () => lagMs,
  };
}

/** Chance as the core is given it. */
export type Chance = Pick<Context, 'rand' | 'id'>;

export function contextOf(clock: Clock, { rand, id }: Chance = systemChance): Context {
  return { now: clock.now(), wallMs: clock.wallMs(), rand, id };
}

const systemChance: Chance = { rand: Math.random, id: randomUUID };
