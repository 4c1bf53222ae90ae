/** Streaks of equal probe results, and the verdict that a streak has proved. */

export type Thresholds = { readonly failure: number; readonly success: number };

export type Streak = { readonly passed: boolean; readonly length: number; readonly verdict: boolean };

/** Before the first probe: an engine that loads is unready until a probe passes; one that serves stays ready until enough fail. */
export const streakBefore = {
  startup: { passed: false, length: 0, verdict: false },
  serving: { passed: true, length: 0, verdict: true },
} as const satisfies Record<string, Streak>;

/** Adds one judged probe. The verdict turns only after `failure` misses, or `success` passes, in a row. */
export function observe(streak: Streak, passed: boolean, need: Thresholds): Streak {
  const length = streak.passed === passed ? streak.length + 1 : 1;
  const decided = length >= (passed ? need.success : need.failure);
  return { passed, length, verdict: decided ? passed : streak.verdict };
}
