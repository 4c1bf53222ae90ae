import type { BackoffSpec } from './model.js';

/**
 * The wait in ms before restart `n` (from 1). `rand` is in [0, 1). Jitter goes both ways below the cap, and only down from it, so `maxMs` is a
 * true ceiling; never under `minMs`. `multiplier` lengthens the wait before the cap.
 */
export function delayMs(
  { initialMs, factor, maxMs, minMs, jitter }: BackoffSpec,
  n: number,
  multiplier: number,
  rand: number,
): number {
  // The exponent is bounded because 2 ** 1024 is Infinity, and 0 * Infinity is not a wait.
  const wantedMs = initialMs * factor ** Math.min(n - 1, 200) * multiplier;
  const spread = wantedMs < maxMs ? 2 * rand - 1 : -rand;
  return Math.max(minMs, Math.min(maxMs, Math.round(Math.min(wantedMs, maxMs) * (1 + jitter * spread))));
}
