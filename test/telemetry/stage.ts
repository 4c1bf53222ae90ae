/** Metrics on a stage: a view that can change, events told, text read. */

import type { DeviceView, StatusView } from '../../src/api/wire.js';
import type { Event } from '../../src/core/events.js';
import type { metricTable } from '../../src/telemetry/metric-table.js';
import { type Metrics, makeMetrics } from '../../src/telemetry/metrics.js';
import { parseExposition, type Sample } from '../rig/exposition.js';
import { poolView, replicaView, statusView } from '../rig/views.js';

/** The first labels of chat/r0. */
export const whose = 'pool_id="chat",replica_id="r0",engine="llamacpp"';

export const gpu: DeviceView = {
  index: '0',
  uuid: 'GPU-8932f937-aaaa',
  name: 'NVIDIA H100',
  vendor: 'nvidia',
  vram_total_bytes: 85_520_809_984,
  vram_free_bytes: 1_024,
  compute_capability: '9.0',
  utilization_percent: null,
  temperature_celsius: null,
  power_watts: null,
  mig: false,
  healthy: true,
  ailment: null,
  age_seconds: 1,
  pools: ['chat'],
  processes: null,
};

const memory = { residentBytes: new Map([[4121, 3_000]]), availableBytes: 1_000, totalBytes: 2_000 };

export function metricsOf(view: () => StatusView, asked: (pids: readonly number[]) => void = () => {}): Metrics {
  return makeMetrics({
    view,
    memory: async (pids) => {
      asked(pids);
      return memory;
    },
  });
}

export function stage(first: StatusView = statusView([poolView('chat', [replicaView()])])) {
  let view = first;
  const asked: (readonly number[])[] = [];
  const metrics = metricsOf(
    () => view,
    (pids) => asked.push(pids),
  );
  const text = () => metrics.text();
  return {
    text,
    metrics,
    /** The processes whose memory each scrape has asked for. */
    asked,
    see(next: StatusView) {
      view = next;
    },
    tell(...events: (Partial<Event> & Pick<Event, 'event'>)[]) {
      for (const event of events)
        metrics.count({ level: 'info', pool_id: 'chat', replica_id: 'r0', engine: 'llamacpp', incarnation: 1, ...event });
    },
    /** Series of a metric that are not 0, as they are written. */
    async told(name: keyof typeof metricTable): Promise<Record<string, number>> {
      const samples = parseExposition(await text()).get(name)?.samples ?? new Map<string, Sample>();
      return Object.fromEntries(
        [...samples].filter(([, { value }]) => value !== 0).map(([series, { value }]) => [series.slice(name.length), value]),
      );
    },
  };
}

export const launch = [
  { event: 'replica.preparing', from: 'stopped', to: 'preparing' },
  { event: 'replica.starting', from: 'preparing', to: 'starting', reason: 'start' },
] as const;
export const served = { event: 'replica.ready', from: 'starting', to: 'ready' } as const;
