/** When an engine is asked for its running requests: now and then, every second while it is to go, and never too often. */

import type { Polling } from './life.js';
import type { Instant } from './model.js';

/** Of an engine that goes as soon as its requests have ended. More often would keep a dead client's request running (llama-server). */
const leavingEveryMs = 1_000;

/** What it has said counts for so long: one that is to go is asked every second, and its answer takes its time. */
const freshMs = 1_200;

export type Answered = { readonly inflight: number | null; readonly canTell: boolean };

/** `everyMs` null: it is not asked by the way. */
export function firstPolling(everyMs: number | null, at: Instant): Polling {
  return { at: everyMs === null ? null : at, out: false, toldAt: null, mute: false };
}

/** `leaving`: as soon as it may be asked again. */
export function nextPolling(
  { toldAt }: Polling,
  { inflight, canTell }: Answered,
  leaving: boolean,
  everyMs: number | null,
  at: Instant,
): Polling {
  const waitMs = leaving ? leavingEveryMs : everyMs;
  return {
    at: waitMs === null || !canTell ? null : at + waitMs,
    out: false,
    toldAt: inflight === null ? toldAt : at,
    mute: !canTell,
  };
}

export function isFresh({ toldAt }: Polling, at: Instant): boolean {
  return toldAt !== null && at - toldAt <= freshMs;
}

/** It is to go: ask now, or as soon as it may be asked again. */
export function pollingAtOnce(polling: Polling, at: Instant): Polling {
  if (polling.out || polling.mute) return polling;
  return { ...polling, at: polling.toldAt === null ? at : Math.max(at, polling.toldAt + leavingEveryMs) };
}

/** It is not to go after all. */
export function pollingByTheWay(polling: Polling, everyMs: number | null, at: Instant): Polling {
  return { ...polling, at: polling.out || polling.mute || everyMs === null ? null : at + everyMs };
}
