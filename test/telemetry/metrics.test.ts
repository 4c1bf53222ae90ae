/** A view in, Prometheus text out. */

import { describe, expect, it, test } from 'vitest';
import type { StatusView } from '../../src/api/wire.js';
import { labelsOf, type Metric, metricTable } from '../../src/telemetry/metric-table.js';
import { parseExposition } from '../rig/exposition.js';
import { poolView, replicaView, statusView } from '../rig/views.js';
import { gpu, launch, served, stage, whose } from './stage.js';

describe('the exposition', () => {
  it('has every metric of the table with its type, its help and its labels, and no others', async () => {
    const perf = { tokens_per_s: 31.5, first_token_ms: 120 };
    const on = stage(statusView([poolView('chat', [replicaView({ perf })])], { devices: [gpu] }));
    on.tell({ event: 'replica.backoff', crash_reason: 'exit', backoff_ms: 1_000 });
    const families = parseExposition(await on.text());
    expect([...families.keys()].sort()).toEqual(Object.keys(metricTable).sort());
    for (const [name, { type, help, of, label }] of Object.entries<Metric>(metricTable)) {
      const family = families.get(name);
      expect({ name, type: family?.type, help: family?.help }).toEqual({ name, type, help });
      const labels = [...labelsOf[of], ...(label === undefined ? [] : [label])].sort();
      expect(family?.samples.size, name).toBeGreaterThan(0);
      for (const sample of family?.samples.values() ?? [])
        expect(
          Object.keys(sample.labels)
            .filter((key) => key !== 'le')
            .sort(),
          name,
        ).toEqual(labels);
    }
  });

  it('is, for one counter and one gauge, exactly this', async () => {
    const on = stage();
    on.tell({ event: 'replica.crashed', crash_class: 'vram_oom' });
    const text = await on.text();
    expect(text).toContain(
      `# HELP replica_crashes_total Crashes of the replica.\n# TYPE replica_crashes_total counter\nreplica_crashes_total{${whose}} 1\n`,
    );
    expect(text).toContain(
      `# HELP pool_ready 1 while any of its replicas serves.\n# TYPE pool_ready gauge\npool_ready{pool_id="chat"} 1\n`,
    );
  });

  it('stays in its form when a name has quotes, a backslash or a newline', async () => {
    const on = stage(statusView([poolView('a"b\\c\nd', [replicaView()])]));
    expect(
      parseExposition(await on.text())
        .get('pool_live')
        ?.samples.get('pool_live{pool_id="a\\"b\\\\c\\nd"}')?.value,
    ).toBe(1);
  });

  it('is the same again when nothing happened, and in scrapes at the same time', async () => {
    const on = stage();
    on.tell(...launch, served);
    const [a, b] = await Promise.all([on.text(), on.text()]);
    expect(b).toBe(a);
    expect(await on.text()).toBe(a);
  });
});

describe('gauges', () => {
  const seriesOf = async (view: StatusView, name: string): Promise<Record<string, number>> => {
    const { samples } = parseExposition(await stage(view).text()).get(name) ?? {};
    return Object.fromEntries([...(samples ?? [])].map(([series, { value }]) => [series.slice(name.length), value]));
  };

  it('show the present, and nothing of what is gone', async () => {
    const on = stage(statusView([poolView('chat', [replicaView({ state: 'starting' })])], { devices: [gpu] }));
    expect(await on.told('replica_state')).toEqual({ [`{${whose},state="starting"}`]: 1 });
    expect(await on.told('vram_free_bytes')).toEqual({ [`{device="${gpu.uuid}"}`]: 1_024 });
    on.see(statusView([poolView('chat', [replicaView({ state: 'ready' })])]));
    expect(await on.told('replica_state')).toEqual({ [`{${whose},state="ready"}`]: 1 });
    expect(await on.told('vram_free_bytes')).toEqual({});
  });

  it('leave out what is unknown, and keep what is 0', async () => {
    const replica = replicaView({ slots_total: null, slots_free: 0, inflight: null });
    const unknown = statusView([poolView('chat', [replica])], { devices: [{ ...gpu, vram_free_bytes: null, healthy: false }] });
    for (const name of ['slots_total', 'slots_free', 'engine_inflight_requests', 'vram_free_bytes'])
      expect(await seriesOf(unknown, name), name).toEqual({});
    expect(await seriesOf(unknown, 'vram_total_bytes')).toEqual({ [`{device="${gpu.uuid}"}`]: 85_520_809_984 });
    expect(await seriesOf(unknown, 'device_healthy')).toEqual({ [`{device="${gpu.uuid}"}`]: 0 });
    const starting = statusView([poolView('chat', [{ ...replica, ready: false, inflight: 0 }])]);
    expect(await seriesOf(starting, 'slots_free')).toEqual({ [`{${whose}}`]: 0 });
    expect(await seriesOf(starting, 'engine_inflight_requests')).toEqual({ [`{${whose}}`]: 0 });
  });

  it('tell counts, pools, breakers and the supervisor as the view has them', async () => {
    const breaker = {
      state: 'half-open',
      failures: 1,
      retry_at: null,
      cuda: { state: 'open', failures: 5, retry_at: null },
    } as const;
    const replica = replicaView({ restart_count: 3, slots_total: 4, slots_free: 1, inflight: 2, breaker });
    const view = statusView([poolView('chat', [replica], { live: true, ready: false, draining: true })]);
    const seen = { ...view, supervisor: { ...view.supervisor, event_loop_lag_ms: 12 } };
    expect(await seriesOf(seen, 'restart_count')).toEqual({ [`{${whose}}`]: 3 });
    expect(await seriesOf(seen, 'slots_total')).toEqual({ [`{${whose}}`]: 4 });
    expect(await seriesOf(seen, 'slots_free')).toEqual({ [`{${whose}}`]: 1 });
    expect(await seriesOf(seen, 'engine_inflight_requests')).toEqual({ [`{${whose}}`]: 2 });
    expect(await seriesOf(seen, 'circuit_breaker_state')).toEqual({
      [`{${whose},breaker="general"}`]: 2,
      [`{${whose},breaker="cuda"}`]: 1,
    });
    expect(await seriesOf(seen, 'pool_live')).toEqual({ '{pool_id="chat"}': 1 });
    expect(await seriesOf(seen, 'pool_ready')).toEqual({ '{pool_id="chat"}': 0 });
    expect(await seriesOf(seen, 'pool_draining')).toEqual({ '{pool_id="chat"}': 1 });
    expect(await seriesOf(seen, 'poolctl_build_info')).toEqual({ '{version="1.0.0"}': 1 });
    expect(await seriesOf(seen, 'poolctl_event_loop_lag_seconds')).toEqual({ '': 0.012 });
  });

  it('tell leases, work, the window of storms, and memory', async () => {
    const perf = { tokens_per_s: 31.5, first_token_ms: null };
    const storm = { restarts_in_window: 4, storming: false };
    const view = statusView([poolView('chat', [replicaView({ active_leases: 2, perf })], { storm })]);
    expect(await seriesOf(view, 'active_leases')).toEqual({ [`{${whose}}`]: 2 });
    expect(await seriesOf(view, 'perf_tokens_per_s')).toEqual({ [`{${whose}}`]: 31.5 });
    expect(await seriesOf(view, 'perf_first_token_ms')).toEqual({});
    expect(await seriesOf(view, 'restart_rate')).toEqual({ '{pool_id="chat"}': 4 });
    expect(await seriesOf(view, 'engine_resident_memory_bytes')).toEqual({ [`{${whose}}`]: 3_000 });
    expect(await seriesOf(view, 'host_memory_available_bytes')).toEqual({ '': 1_000 });
    expect(await seriesOf(view, 'host_memory_total_bytes')).toEqual({ '': 2_000 });
  });

  it('ask the kernel for the memory of those who live, once a scrape', async () => {
    const gone = replicaView({ replica_id: 'r1', state: 'stopping', live: false, pid: 77 });
    const on = stage(
      statusView([poolView('chat', [replicaView(), gone, replicaView({ replica_id: 'r2', live: false, pid: null })])]),
    );
    await on.text();
    expect(on.asked).toEqual([[4121]]);
  });
});

describe('the reader of expositions can fail', () => {
  const head = '# HELP a b\n# TYPE a counter\n';
  test.each([
    ['no end of line', `${head}a 1`],
    ['no TYPE', '# HELP a b\na 1\n'],
    ['no HELP', '# TYPE a counter\na 1\n'],
    ['a type that there is not', '# HELP a b\n# TYPE a count\n'],
    ['HELP twice', `${head}a 1\n${head}`],
    ['a series twice', `${head}a{x="1",y="2"} 1\na{y="2",x="1"} 1\n`],
    ['a label twice', `${head}a{x="1",x="2"} 1\n`],
    ['a stranger in the family', `${head}b 1\n`],
    ['a bare quote', `${head}a{x="1"2"} 1\n`],
    ['a comma too many', `${head}a{x="1",} 1\n`],
    ['a comma too few', `${head}a{x="1"y="2"} 1\n`],
    ['no number', `${head}a one\n`],
    ['a bad name', `${head}a-b 1\n`],
  ])('%s', (_, text) => {
    expect(() => parseExposition(text)).toThrow();
    expect(parseExposition(`${head}a{x="1"} 1\n`).get('a')?.samples.get('a{x="1"}')?.labels).toEqual({ x: '1' });
  });
});
