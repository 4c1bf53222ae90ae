/** The metrics of one supervisor, for Prometheus. A reader of events and of the view: it touches no engine, and has no clock and no timer. */

import type { StatusView } from '../api/wire.js';
import type { Event } from '../core/events.js';
import { makeCounters } from './counters.js';
import { gaugesOf } from './gauges.js';

export type Metrics = {
  /** To be told of every event, once. */
  count(event: Event): void;
  /** All metrics as Prometheus reads them (text format 0.0.4), as things stand now. */
  text(): Promise<string>;
};

/** `view` is asked once a scrape. */
export function makeMetrics(view: () => StatusView): Metrics {
  const counters = makeCounters();
  return {
    count: (event) => counters.count(event),
    async text() {
      const seen = view();
      counters.know(seen.pools);
      const parts = await Promise.all([counters.registry.metrics(), gaugesOf(seen).metrics()]);
      return parts.join('\n');
    },
  };
}
