/** Events and a view in, Prometheus text out. */

import { describe, expect, it, test } from 'vitest';
import type { DeviceView, StatusView } from '../../src/api/wire.js';
import type { CrashClass } from '../../src/core/crash.js';
import type { Event } from '../../src/core/events.js';
import { systemClock } from '../../src/shell/clock.js';
import { makeRuntime } from '../../src/shell/runtime.js';
import { labelsOf, type Metric, metricTable } from '../../src/telemetry/metric-table.js';
import { makeMetrics } from '../../src/telemetry/metrics.js';
import { parseExposition, type Sample } from '../rig/exposition.js';
import { exitOf } from '../rig/facts.js';
import { begun, inventoryOf, poolSpec } from '../rig/specs.js';
import { poolView, replicaView, statusView } from '../rig/views.js';

const whose = 'pool_id="chat",replica_id="r0",engine="llamacpp"';

const gpu: DeviceView = {
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

function stage(first: StatusView = statusView([poolView('chat', [replicaView()])])) {
  let view = first;
  const metrics = makeMetrics(() => view);
  const text = () => metrics.text();
  return {
    text,
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

const launch = [
  { event: 'replica.preparing', from: 'stopped', to: 'preparing' },
  { event: 'replica.starting', from: 'preparing', to: 'starting', reason: 'start' },
] as const;
const served = { event: 'replica.ready', from: 'starting', to: 'ready' } as const;

describe('the exposition', () => {
  it('has every metric of the table with its type, its help and its labels, and no others', async () => {
    const on = stage(statusView([poolView('chat', [replicaView()])], { devices: [gpu] }));
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

describe('counters', () => {
  it('of known pools begin at 0, for every value of their label', async () => {
    const on = stage(statusView([poolView('chat', [replicaView(), replicaView({ replica_id: 'r1' })])]));
    const families = parseExposition(await on.text());
    for (const [name, { type, of, values = [''] }] of Object.entries<Metric>(metricTable)) {
      if (type !== 'counter') continue;
      const samples = [...(families.get(name)?.samples.values() ?? [])];
      expect(
        samples.map(({ value }) => value),
        name,
      ).toEqual(Array(values.length * (of === 'pool' ? 1 : 2)).fill(0));
    }
    expect([...(families.get('engine_crash_total')?.samples.keys() ?? [])].slice(0, 3)).toEqual(
      ['vram_oom', 'host_oom', 'gpu_error'].map((word) => `engine_crash_total{${whose},class="${word}"}`),
    );
  });

  it('keep what was counted before the first scrape', async () => {
    const on = stage();
    on.tell({ event: 'replica.crashed', crash_class: 'hang' }, { event: 'replica.crashed', crash_class: 'hang' });
    expect(await on.told('engine_crash_total')).toEqual({ [`{${whose},class="hang"}`]: 2 });
    expect(await on.told('replica_crashes_total')).toEqual({ [`{${whose}}`]: 2 });
  });

  it('take no word that is not in their table for a label', async () => {
    const on = stage();
    on.tell({ event: 'replica.crashed', crash_class: 'pid 4711' as CrashClass }, { event: 'replica.crashed' });
    on.tell({ event: 'replica.backoff', crash_reason: 'exit code 3' });
    expect(await on.told('engine_crash_total')).toEqual({ [`{${whose},class="unknown"}`]: 2 });
    expect(await on.told('restart_scheduled_total')).toEqual({ [`{${whose},crash_reason="unknown"}`]: 1 });
  });

  it('of waits leave out those of a preflight', async () => {
    const on = stage();
    on.tell(
      { event: 'replica.backoff', crash_reason: 'gpu_error', backoff_ms: 2_000 },
      { event: 'replica.backoff', crash_reason: 'health', backoff_ms: 500 },
      { event: 'replica.backoff', crash_reason: 'preflight', backoff_ms: 700 },
    );
    expect(await on.told('restart_scheduled_total')).toEqual({
      [`{${whose},crash_reason="gpu_error"}`]: 1,
      [`{${whose},crash_reason="health"}`]: 1,
    });
    const { samples } = parseExposition(await on.text()).get('backoff_delay_ms') ?? {};
    const shown = (name: string, labels: string) => samples?.get(`backoff_delay_ms_${name}{${labels}}`)?.value;
    const gpuErrors = 'pool_id="chat",crash_reason="gpu_error"';
    expect(shown('sum', gpuErrors)).toBe(2_000);
    expect(shown('count', gpuErrors)).toBe(1);
    expect(shown('bucket', `le="1000",${gpuErrors}`)).toBe(0);
    expect(shown('bucket', `le="2000",${gpuErrors}`)).toBe(1);
    expect(shown('bucket', `le="+Inf",${gpuErrors}`)).toBe(1);
    expect([...(samples?.keys() ?? [])].some((series) => series.includes('preflight'))).toBe(false);
  });

  test.each([
    ['crash', 1, 1],
    ['health', 2, 1],
    ['operator', 2, 1],
    ['operator', 1, 0],
    ['start', 7, 0],
    ['preflight', 2, 0],
  ])('of restarts: a launch because of %s, the %dth, counts %d', async (reason, incarnation, count) => {
    const on = stage();
    on.tell({ event: 'replica.starting', reason, incarnation });
    expect(await on.told('restart_total')).toEqual(count === 0 ? {} : { [`{${whose},reason="${reason}"}`]: count });
  });

  it('of readiness see it come and go, and nothing else', async () => {
    const on = stage();
    on.tell(
      ...launch,
      served,
      { event: 'replica.unhealthy', from: 'ready', to: 'unhealthy' },
      { event: 'replica.ready', from: 'unhealthy', to: 'ready', because: 'recovered' },
      { event: 'replica.crashed' },
      { event: 'replica.backoff', from: 'ready', to: 'backoff', crash_reason: 'exit' },
      { event: 'replica.stopped', from: 'backoff', to: 'stopped' },
    );
    expect(await on.told('readiness_transitions_total')).toEqual({
      [`{${whose},to="ready"}`]: 2,
      [`{${whose},to="unhealthy"}`]: 1,
      [`{${whose},to="backoff"}`]: 1,
    });
  });

  it('of breakers count each opening', async () => {
    const on = stage();
    const changed = { event: 'breaker.changed', breaker: 'general' } as const;
    on.tell(
      { ...changed, old_state: 'closed', new_state: 'open' },
      { ...changed, old_state: 'open', new_state: 'half-open' },
      { ...changed, old_state: 'half-open', new_state: 'open' },
      { ...changed, old_state: 'open', new_state: 'open' },
      { ...changed, old_state: 'open', new_state: 'closed' },
      { ...changed, breaker: 'cuda', old_state: 'closed', new_state: 'open' },
    );
    expect(await on.told('circuit_breaker_open_total')).toEqual({
      [`{${whose},breaker="general"}`]: 2,
      [`{${whose},breaker="cuda"}`]: 1,
    });
  });

  it('of storms count what held restarts back, and no warning', async () => {
    const metrics = makeMetrics(() => statusView([poolView('chat', [])]));
    const storm = { level: 'warn', pool_id: 'chat', storm_kind: 'oom_storm' } as const;
    for (const event of ['storm.warning', 'storm.limited', 'storm.tripped'] as const) metrics.count({ ...storm, event });
    metrics.count({ event: 'storm.limited', level: 'warn', storm_kind: 'device', device: gpu.uuid });
    const { samples } = parseExposition(await metrics.text()).get('restart_storm_total') ?? {};
    expect(samples?.get('restart_storm_total{pool_id="chat",kind="oom_storm"}')?.value).toBe(2);
    expect(samples?.get('restart_storm_total{pool_id="",kind="device"}')?.value).toBe(1);
    expect(samples?.get('restart_storm_total{pool_id="chat",kind="device"}')?.value).toBe(0);
  });
});

describe('a launch', () => {
  const [preparing] = launch;
  const crashed = { event: 'replica.crashed', crash_class: 'unknown', pid: 7 } as const;
  const unmade = { event: 'replica.crashed', crash_class: 'config' } as const;
  const backoff = { event: 'replica.backoff', to: 'backoff', crash_reason: 'unknown' } as const;
  const waits = { event: 'replica.backoff', from: 'preparing', to: 'backoff', crash_reason: 'preflight' } as const;
  const failed = { event: 'replica.failed', from: 'preparing', to: 'failed' } as const;

  test.each<readonly [string, readonly (Partial<Event> & Pick<Event, 'event'>)[], number, Record<string, number>]>([
    [
      'that becomes ready succeeded, once',
      [...launch, served, { event: 'replica.unhealthy' }, { event: 'replica.ready', because: 'recovered' }],
      1,
      {},
    ],
    [
      'that the preflight holds up failed, each time',
      [preparing, waits, preparing, waits, preparing, failed],
      0,
      { preflight: 3 },
    ],
    ['whose process cannot be made failed', [preparing, unmade, failed, preparing, unmade, backoff], 0, { spawn: 2 }],
    ['that exits before it is ready failed', [...launch, { event: 'probe.failed' }, crashed, backoff], 0, { exit: 1 }],
    [
      'that leaves processes behind is a failure too, once',
      [...launch, { event: 'replica.stopping', because: 'crashed' }, crashed, backoff],
      0,
      { exit: 1 },
    ],
    [
      'that takes too long failed',
      [...launch, { event: 'replica.stopping', because: 'deadline' }, crashed, backoff],
      0,
      { deadline: 1 },
    ],
    [
      'that somebody stops did neither',
      [
        ...launch,
        { event: 'replica.stopping', because: 'asked' },
        { event: 'replica.stopped' },
        preparing,
        { event: 'replica.stopped' },
      ],
      0,
      {},
    ],
    ['that is the first of all begins without a word: it waits', [waits], 0, { preflight: 1 }],
    ['and fails', [failed], 0, { preflight: 1 }],
    ['and cannot be made', [unmade, { ...backoff, from: 'preparing' }], 0, { spawn: 1 }],
    ['of an engine that was found alive was none of ours', [crashed, { ...backoff, from: 'ready' }], 0, {}],
    ['that was ready when it crashed succeeded', [...launch, served, crashed, backoff], 1, {}],
  ])('%s', async (_, events, successes, failures) => {
    const on = stage();
    on.tell(...events);
    expect(await on.told('preload_success_total')).toEqual(successes === 0 ? {} : { [`{${whose}}`]: successes });
    expect(await on.told('preload_failure_total')).toEqual(
      Object.fromEntries(Object.entries(failures).map(([reason, count]) => [`{${whose},reason="${reason}"}`, count])),
    );
  });

  it('whose process cannot be made is told so by the core itself', async () => {
    const clock = systemClock();
    const exit = exitOf({ code: null, spawnError: { errno: 'ENOENT', text: 'no such file' } });
    const runtime = makeRuntime(
      begun({ inventory: inventoryOf(poolSpec('chat', 1)), now: clock.now() }),
      clock,
      (effects, give) => {
        for (const effect of effects) {
          if (effect.type !== 'check' && effect.type !== 'spawn') continue;
          const { key, check, incarnation } = effect.launch;
          if (effect.type === 'spawn') give({ type: 'exited', key, incarnation, exit, empty: true });
          else
            give({
              type: 'checked',
              key,
              check,
              obstacles: [],
              startupDeadlineMs: 1_000,
              portKnownFree: true,
              modelBytes: null,
              listed: true,
            });
        }
      },
    );
    const metrics = makeMetrics(() => statusView([]));
    runtime.onEvent((event) => metrics.count(event));
    runtime.give({ type: 'woke' });
    clock.alarm(null, () => {});
    const samples = [...(parseExposition(await metrics.text()).get('preload_failure_total')?.samples ?? [])];
    expect(samples.map(([series, { value }]) => [series, value])).toEqual([
      ['preload_failure_total{pool_id="chat",replica_id="r0",engine="command",reason="spawn"}', 1],
    ]);
  });

  it('of one replica is none of another', async () => {
    const on = stage();
    on.tell(...launch, { ...crashed, replica_id: 'r1' }, { ...crashed, pool_id: 'code' }, served);
    expect(await on.told('preload_success_total')).toEqual({ [`{${whose}}`]: 1 });
    expect(await on.told('preload_failure_total')).toEqual({});
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
