/** Events in, counts out. */

import { describe, expect, it, onTestFinished, test } from 'vitest';
import type { CrashClass } from '../../src/core/crash.js';
import type { Event } from '../../src/core/events.js';
import { systemClock } from '../../src/shell/clock.js';
import { makeRuntime } from '../../src/shell/runtime.js';
import { type Metric, metricTable } from '../../src/telemetry/metric-table.js';
import { parseExposition } from '../rig/exposition.js';
import { exitOf } from '../rig/facts.js';
import { begun, inventoryOf, poolSpec } from '../rig/specs.js';
import { poolView, replicaView, statusView } from '../rig/views.js';
import { gpu, launch, metricsOf, served, stage, whose } from './stage.js';

describe('counters', () => {
  it('of known pools and devices begin at 0, for every value of their label', async () => {
    const replicas = [replicaView(), replicaView({ replica_id: 'r1' })];
    const on = stage(statusView([poolView('chat', replicas)], { devices: [gpu, { ...gpu, uuid: 'b' }, { ...gpu, uuid: 'c' }] }));
    const families = parseExposition(await on.text());
    for (const [name, { type, of, values = [''] }] of Object.entries<Metric>(metricTable)) {
      if (type !== 'counter') continue;
      const samples = [...(families.get(name)?.samples.values() ?? [])];
      expect(
        samples.map(({ value }) => value),
        name,
      ).toEqual(Array(values.length * { pool: 1, replica: 2, device: 3, supervisor: 1 }[of]).fill(0));
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

  it('of leases count what became of them, by pool; a refusal for want of a pool is about none', async () => {
    const on = stage();
    on.tell(
      { event: 'lease.granted' },
      { event: 'lease.granted', replica_id: 'r1' },
      { event: 'lease.released' },
      { event: 'lease.expired' },
      { event: 'lease.lost' },
      { event: 'lease.refused', result: 'NO_FREE_SLOT' },
    );
    on.metrics.count({ event: 'lease.refused', level: 'debug', result: 'POOL_NOT_FOUND' });
    const counted = { granted: 2, released: 1, expired: 1, lost: 1, refused: 1 };
    expect(await on.told('lease_total')).toEqual(
      Object.fromEntries(Object.entries(counted).map(([outcome, count]) => [`{pool_id="chat",outcome="${outcome}"}`, count])),
    );
  });

  it('of drains count those that ended, and how long they took, by pool; one that failed has drained nothing', async () => {
    const on = stage();
    const ended = (result: string, duration_ms: number) => ({ event: 'drain.finished', result, duration_ms }) as const;
    on.tell(
      { event: 'drain.started', active_leases: 1 },
      ended('drained', 400),
      { ...ended('drained', 22_000), replica_id: 'r1' },
      ended('forced', 300_000),
      ended('cancelled', 7),
      ...['failed', 'interrupted'].map((result) => ended(result, 9)),
    );
    const counted = { drained: 2, forced: 1, cancelled: 1 };
    expect(await on.told('drain_total')).toEqual(
      Object.fromEntries(Object.entries(counted).map(([outcome, count]) => [`{pool_id="chat",outcome="${outcome}"}`, count])),
    );
    const { samples } = parseExposition(await on.text()).get('pool_drain_duration_ms') ?? {};
    const shown = (name: string, labels: string) => samples?.get(`pool_drain_duration_ms_${name}{${labels}}`)?.value;
    const drained = 'pool_id="chat",outcome="drained"';
    expect([shown('sum', drained), shown('count', drained), shown('bucket', `le="500",${drained}`)]).toEqual([22_400, 2, 1]);
    expect(shown('sum', 'pool_id="chat",outcome="forced"')).toBe(300_000);
  });

  it('of reloads count how they ended, why they failed, and how long they took', async () => {
    const on = stage();
    const ended = { event: 'reload.finished', duration_ms: 3_000 } as const;
    on.tell(
      { event: 'reload.started' },
      { ...ended, result: 'reloaded' },
      { ...ended, result: 'unchanged', duration_ms: 0 },
      { event: 'reload.rolled_back', because: 'exit' },
      { ...ended, result: 'rolled_back', because: 'exit' },
      { ...ended, result: 'rollback_failed', because: 'deadline' },
      { ...ended, result: 'drain_timeout', because: 'drain_timeout' },
      // Nothing was begun, or others ended it: these have no outcome among those of the contract.
      { ...ended, result: 'failed', because: 'model' },
      { ...ended, result: 'cancelled', because: 'cancelled' },
    );
    const pool = 'pool_id="chat"';
    const counted = (words: readonly string[], label: string) =>
      Object.fromEntries(words.map((word) => [`{${pool},${label}="${word}"}`, 1]));
    expect(await on.told('reload_total')).toEqual(
      counted(['reloaded', 'unchanged', 'rolled_back', 'rollback_failed', 'drain_timeout'], 'outcome'),
    );
    expect(await on.told('reload_success_total')).toEqual({ [`{${pool}}`]: 1 });
    expect(await on.told('reload_failure_total')).toEqual(
      counted(['model', 'drain_timeout', 'exit', 'deadline', 'cancelled'], 'reason'),
    );
    const { samples } = parseExposition(await on.text()).get('pool_reload_duration_ms') ?? {};
    expect(samples?.get(`pool_reload_duration_ms_sum{${pool},outcome="reloaded"}`)?.value).toBe(3_000);
  });

  it('of storms count what held restarts back, and no warning', async () => {
    const metrics = metricsOf(() => statusView([poolView('chat', [])]));
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
    [
      'whose model is not there, or not the right one, failed for it, and for nothing else',
      [
        preparing,
        { ...failed, obstacle: 'model' },
        preparing,
        { ...failed, obstacle: 'digest' },
        preparing,
        { ...waits, obstacle: 'download' },
        preparing,
        { ...waits, obstacle: 'memory' },
        preparing,
        { ...failed, obstacle: 'program' },
      ],
      0,
      { model: 3, preflight: 2 },
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
    onTestFinished(() => runtime.close());
    const metrics = metricsOf(() => statusView([poolView('chat', [replicaView()], { engine: 'command' })]));
    runtime.onEvent((event) => metrics.count(event));
    runtime.give({ type: 'woke' });
    clock.alarm(null, () => {});
    const samples = [...(parseExposition(await metrics.text()).get('preload_failure_total')?.samples ?? [])];
    const counted = samples.filter(([, { value }]) => value !== 0);
    expect(counted.map(([series, { value }]) => [series, value])).toEqual([
      ['preload_failure_total{pool_id="chat",replica_id="r0",engine="command",reason="spawn"}', 1],
    ]);
  });

  it('that became ready took as long as its process lived until then', async () => {
    const on = stage();
    on.tell(...launch, { ...served, uptime_seconds: 4.25 });
    // One that an earlier supervisor had started, and one that recovers, are no launches.
    on.tell({ ...served, because: 'adopted' }, { event: 'replica.ready', from: 'unhealthy', to: 'ready', because: 'recovered' });
    on.tell({ ...served, replica_id: 'r1', uptime_seconds: 9 });
    const { samples } = parseExposition(await on.text()).get('preload_duration_ms') ?? {};
    const shown = (name: string, labels = '') => samples?.get(`preload_duration_ms_${name}{${labels}pool_id="chat"}`)?.value;
    expect([shown('sum'), shown('count')]).toEqual([4_250, 1]);
    expect([shown('bucket', 'le="2000",'), shown('bucket', 'le="5000",')]).toEqual([0, 1]);
  });

  it('of one replica is none of another', async () => {
    const on = stage();
    on.tell(...launch, { ...crashed, replica_id: 'r1' }, { ...crashed, pool_id: 'code' }, served);
    expect(await on.told('preload_success_total')).toEqual({ [`{${whose}}`]: 1 });
    expect(await on.told('preload_failure_total')).toEqual({});
  });
});
