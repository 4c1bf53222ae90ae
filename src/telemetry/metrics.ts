/** The metrics of one supervisor, for Prometheus. A reader of events, inputs and the view: it touches no engine, and has no clock and no timer. */

import type { StatusView } from '../api/wire.js';
import type { Event } from '../core/events.js';
import type { Input } from '../core/messages.js';
import type { State } from '../core/state.js';
import { makeCounters } from './counters.js';
import { gaugesOf, type Memory } from './gauges.js';

export type Metrics = {
  /** To be told of every event, once. */
  count(event: Event): void;
  /** To be told of every input, once, with the state that it led to. */
  hear(input: Input, after: State): void;
  /** All metrics as Prometheus reads them (text format 0.0.4), as things stand now. */
  text(): Promise<string>;
};

/** Asked once a scrape, both. `memory`: what the kernel says of the machine's and of the trees of these processes; never rejects. */
export type MetricsWorld = {
  readonly view: () => StatusView;
  readonly memory: (pids: readonly number[]) => Promise<Memory>;
};

export function makeMetrics({ view, memory }: MetricsWorld): Metrics {
  const counters = makeCounters();
  return {
    count: (event) => counters.count(event),
    hear: (input, after) => counters.hear(input, after),
    async text() {
      const seen = view();
      // In one turn with the look at who is there: whoever comes while the kernel is asked is not forgotten.
      counters.know(seen);
      const gauges = gaugesOf(seen, await memory(pidsOf(seen)));
      const parts = await Promise.all([counters.text(), gauges.metrics()]);
      return parts.join('\n');
    },
  };
}

/** A number whose engine has ended may be a stranger's by now. */
function pidsOf({ pools }: StatusView): readonly number[] {
  return pools.flatMap(({ replicas }) => replicas.flatMap(({ pid, live }) => (live && pid !== null ? [pid] : [])));
}
