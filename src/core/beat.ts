import type { Instant } from './model.js';

/** At the next beat of `intervalMs` after the last probe began; at once when that has passed. */
export const nextProbe = (startedAt: Instant, intervalMs: number, at: Instant): Instant => Math.max(at, startedAt + intervalMs);
