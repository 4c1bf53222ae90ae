/** What a llama-server, and everything that speaks its HTTP API, tells of itself. */

import type { Description } from '../core/facts.js';
import type { Question } from './adapter.js';
import { countAt, sumOfSeries, textAt, unlessEmpty } from './answers.js';
import { countersFrom } from './perf.js';

/** Build, slots and context. Behind an API key it answers 401: then nothing is told. */
export const props: Question<Partial<Description>> = {
  path: '/props',
  read: (body) =>
    unlessEmpty({
      engineVersion: textAt(body, 'build_info'),
      slotsTotal: countAt(body, 'total_slots'),
      ctxMax: countAt(body, 'default_generation_settings', 'n_ctx'),
    }),
};

/**
 * Running plus waiting requests, from /metrics. Not from /slots: that wakes a server that sleeps. To be asked at most once a second: any
 * faster and llama-server keeps the requests of vanished clients running.
 */
export const runningRequests: Question<number> = {
  path: '/metrics',
  read: (body) => sumOfSeries(body, 'llamacpp:requests_processing', 'llamacpp:requests_deferred'),
};

/** Moves with every step, unlike the token counters, which stand still until a request ends. */
export const decodeSteps: Question<number> = {
  path: '/metrics',
  read: (body) => sumOfSeries(body, 'llamacpp:n_decode_total'),
};

/** They move only when a request ends; how long a first token took it does not count. */
export const speed = countersFrom({
  tokens: [{ count: 'llamacpp:tokens_predicted_total', seconds: 'llamacpp:tokens_predicted_seconds_total' }],
  firstTokens: [],
});

/** No prompt is cached for it: nobody comes back with this one. */
export const oneToken = { path: '/completion', body: { prompt: 'a', n_predict: 1, cache_prompt: false } } as const;
