/**
 * A deadline may have passed while nobody watched: the supervisor was stopped, or its loop hung. Then no engine is judged by it before it has been probed
 * once more, since what it did meanwhile nobody has seen.
 */

import type { Probing } from './life.js';
import type { Instant } from './model.js';
import type { Scene } from './turn.js';

/** Until when to wait for a fresh probe, and what else `moreMs` is for; null: the last probe is as recent as probes ever are. */
export function freshProbeBy(
  { startedAt }: Probing,
  everyMs: number,
  { now, spec: { health } }: Scene,
  moreMs = 0,
): Instant | null {
  if (health.path === 'none') return null;
  const longestMs = everyMs + health.timeoutMs + lagMs;
  return now - startedAt > longestMs ? now + longestMs + moreMs : null;
}

/** Over this a loop's lag is a stall. */
const lagMs = 1_000;
