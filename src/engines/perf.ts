/** Reading an engine's own counters of its speed from its page of metrics. */

import type { PerfCounters } from '../core/facts.js';
import type { Question } from './adapter.js';
import { sumOfSeries, unlessEmpty } from './answers.js';

/** Two series: how many, and how many seconds they took together. */
type Pair = { readonly count: string; readonly seconds: string };

/** Of each list the first whose two series are both there: engines have renamed theirs. */
export function countersFrom(series: {
  readonly tokens: readonly Pair[];
  readonly firstTokens: readonly Pair[];
}): Question<PerfCounters> {
  return {
    path: '/metrics',
    read(body) {
      const [tokens, tokenSeconds] = firstOf(series.tokens, body);
      const [firstTokens, firstTokenSeconds] = firstOf(series.firstTokens, body);
      return unlessEmpty({ tokens, tokenSeconds, firstTokens, firstTokenSeconds });
    },
  };
}

export function histogram(name: string): Pair {
  return { count: `${name}_count`, seconds: `${name}_sum` };
}

function firstOf(pairs: readonly Pair[], body: string): readonly [number | null, number | null] {
  for (const { count, seconds } of pairs) {
    const counted = sumOfSeries(body, count);
    const took = sumOfSeries(body, seconds);
    if (counted !== null && took !== null) return [counted, took];
  }
  return [null, null];
}
