/** What an engine's own counters say. Asked for at most once a second: a llama-server that is asked more often keeps the requests of clients that have gone. */

import type { PerfCounters, Work } from '../core/facts.js';
import type { Launch } from '../core/messages.js';
import { adapters } from '../engines/index.js';
import { ask, type Door } from './probes.js';

export type Reading = Pick<Work, 'decoded' | 'inflight'> & { readonly counters: PerfCounters | null };

export type Meters = {
  /** As they are, or as they were less than a second ago. Never rejects; what the engine does not tell is null. */
  read(launch: Launch, door: Door): Promise<Reading>;
};

export function makeMeters(now: () => number): Meters {
  /** The last reading of each replica; an earlier incarnation's is of no use. */
  const last = new Map<string, { readonly instance: string; readonly at: number; readonly reading: Promise<Reading> }>();
  return {
    read(launch, door) {
      const { key, instance } = launch;
      const known = last.get(key);
      if (known?.instance === instance && now() - known.at < leastMs) return known.reading;
      const reading = readMeters(launch, door);
      last.set(key, { instance, at: now(), reading });
      return reading;
    },
  };
}

const leastMs = 1_000;
const nothing: Reading = { decoded: null, inflight: null, counters: null };

/** Every engine here has them on one page. */
async function readMeters({ spec }: Launch, door: Door): Promise<Reading> {
  const { decoded, inflight, perf } = adapters[spec.engine];
  const path = decoded?.path ?? inflight?.path ?? perf?.path;
  if (path === undefined) return nothing;
  const read = (body: string): Reading => ({
    decoded: decoded?.read(body) ?? null,
    inflight: inflight?.read(body) ?? null,
    counters: perf?.read(body) ?? null,
  });
  return (await ask(door, { path, read })) ?? nothing;
}
