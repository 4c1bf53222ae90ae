/** How fast an engine answers, from what it has counted: smoothed, and unknown until it has counted something while we looked. Pure. */

import type { PerfCounters } from './facts.js';
import type { Instant } from './model.js';
import type { PerfView } from './views.js';

/** What is known of an engine's speed; made anew with each incarnation. */
export type Perf = {
  readonly tokens: Gauge | null;
  readonly firstTokens: Gauge | null;
};

/** Two counters that grow together, as they were when they last told something, and what they have told so far. */
type Gauge = {
  readonly count: number;
  readonly seconds: number;
  /** Seconds for each one counted. */
  readonly smoothed: { readonly secondsEach: number; readonly at: Instant } | null;
};

export const noPerf: Perf = { tokens: null, firstTokens: null };

/** After so long without a sample half of what was known has faded when the next one comes. */
const halfLifeMs = 60_000;

/** `counters` null: the engine did not say, and what is known stays. */
export function perfAfter(perf: Perf, counters: PerfCounters | null, at: Instant): Perf {
  if (counters === null) return perf;
  return {
    tokens: gaugeAfter(perf.tokens, counters.tokens, counters.tokenSeconds, at),
    firstTokens: gaugeAfter(perf.firstTokens, counters.firstTokens, counters.firstTokenSeconds, at),
  };
}

/** Null where nothing is known at all. */
export function viewPerf({ tokens, firstTokens }: Perf): PerfView | null {
  const perToken = tokens?.smoothed?.secondsEach ?? null;
  const first = firstTokens?.smoothed?.secondsEach ?? null;
  if (perToken === null && first === null) return null;
  return {
    tokens_per_s: perToken === null ? null : shown(1 / perToken),
    first_token_ms: first === null ? null : Math.round(first * 1000),
  };
}

/** Of several engines that do the same work: the mean of those that know. */
export function meanPerf(views: readonly (PerfView | null)[]): PerfView | null {
  const speed = mean(views.map((view) => view?.tokens_per_s ?? null));
  const first = mean(views.map((view) => view?.first_token_ms ?? null));
  if (speed === null && first === null) return null;
  return { tokens_per_s: speed === null ? null : shown(speed), first_token_ms: first === null ? null : Math.round(first) };
}

function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** More figures than these are noise; a slow engine keeps its own. */
const shown = (tokensPerSecond: number): number => Number(tokensPerSecond.toPrecision(4));

function gaugeAfter(gauge: Gauge | null, count: number | null, seconds: number | null, at: Instant): Gauge | null {
  if (count === null || seconds === null) return gauge;
  // One that went down was reset, and what was known is of another life.
  if (gauge === null || count < gauge.count || seconds < gauge.seconds) return { count, seconds, smoothed: null };
  const secondsEach = (seconds - gauge.seconds) / (count - gauge.count);
  // Both have to grow: until then the next look is compared with the same one as this.
  if (!(secondsEach >= leastSeconds && secondsEach <= mostSeconds)) return gauge;
  const { smoothed } = gauge;
  if (smoothed === null) return { count, seconds, smoothed: { secondsEach, at } };
  const kept = 2 ** (-(at - smoothed.at) / halfLifeMs);
  return { count, seconds, smoothed: { secondsEach: smoothed.secondsEach * kept + secondsEach * (1 - kept), at } };
}

/** Between a nanosecond and a day: what lies outside is no measurement. */
const leastSeconds = 1e-9;
const mostSeconds = 86_400;
