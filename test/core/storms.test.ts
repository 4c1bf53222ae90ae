/** Many restarts at a time, and the wait for VRAM, as stories through step(). */

import { describe, expect, it } from 'vitest';
import type { Diagnosis } from '../../src/core/crash.js';
import type { PoolSpec, ReplicaKey } from '../../src/core/model.js';
import { diagnosisOf, exitOf, probeResult } from '../rig/facts.js';
import { deviceOf } from '../rig/launch.js';
import { poolSpec } from '../rig/specs.js';
import { Bench, crash } from './bench.js';

const plain = poolSpec('chat', 1);
const withRestart = (more: Partial<PoolSpec['restart']>): Partial<PoolSpec> => ({ restart: { ...plain.restart, ...more } });
const one = (more: Partial<PoolSpec> = {}) => new Bench([poolSpec('chat', 1, more)]);
const diedOf = (of: Diagnosis['class'], more: Partial<Diagnosis> = {}) => exitOf({ diagnosis: diagnosisOf(of, more) });
const calm = { limit: 999, windowMs: 60_000, warnAt: 999, trip: { count: 999, windowMs: 30_000 }, resetAfterMs: 600_000 };

describe('many restarts', () => {
  const quick = { ...plain.restart.backoff, initialMs: 1, factor: 1, minMs: 0, jitter: 0 };
  const tolerant = { ...plain.restart.breaker, threshold: 99, cudaThreshold: 99 };

  it('of eight replicas that die at once are no storm, open nothing, and are spread by chance', () => {
    const bench = new Bench([poolSpec('chat', 8)], { supervisor: { loads: { perDevice: 8, total: 8 } } });
    const keys = Array.from({ length: 8 }, (_, n): ReplicaKey => `chat/r${n}`);
    const launches = new Map(keys.map((key) => [key, bench.launch(key)]));
    for (const [key, { check, incarnation, instance }] of launches) {
      bench.give({
        type: 'checked',
        key,
        check,
        obstacles: [],
        startupDeadlineMs: 9_000,
        portKnownFree: true,
        modelBytes: null,
        listed: true,
      });
      bench.give({ type: 'spawned', key, incarnation, identity: { pid: 7, startTicks: 7, instance, logOffset: 0 } });
    }
    bench.wake();
    for (const key of keys) bench.probed(probeResult(), key);
    for (const [at, key] of keys.entries()) {
      bench.chance = at / 8;
      bench.exited(exitOf(), true, key);
    }
    expect(new Set(bench.heard('replica.backoff').map(({ backoff_ms }) => backoff_ms)).size).toBe(8);
    while (bench.spawns.length < 16) {
      bench.wake();
      for (const effect of bench.effects.filter(({ type }) => type === 'check'))
        if (effect.type === 'check') bench.checked(effect.launch.key);
    }
    expect(
      ['storm.limited', 'storm.tripped', 'breaker.changed'].map((name) => bench.heard(name as 'storm.limited').length),
    ).toEqual([0, 0, 0]);
  });

  it('the eleventh waits until the window allows it, with a warning', () => {
    const restart = { backoff: quick, breaker: tolerant, storm: { ...plain.restart.storm, trip: { count: 99, windowMs: 1 } } };
    const bench = crash(one(withRestart(restart)).ready(), 11).wake();
    const [, first] = bench.spawns;
    const warned = bench.heard('storm.warning');
    expect(warned).toMatchObject([{ level: 'warn', restart_count: 6, time_window_ms: 60_000, storm_kind: 'storm' }]);
    expect(bench.told()).toContain('storm.limited');
    expect(bench.view().state).toBe('backoff');
    expect(bench.view().why).toContain('10 restarts of chat in 60s');
    expect(bench.wake().now).toBe((first?.at ?? 0) + 60_000);
    expect(bench.checked().did()).toContain('spawn');
  });

  it('a trip opens the breakers of the pool, and names a storm of one class', () => {
    const storm = { ...calm, trip: { count: 3, windowMs: 30_000 } };
    const bench = crash(one(withRestart({ backoff: quick, breaker: tolerant, storm })).ready(), 3, diedOf('gpu_error'));
    bench.wake().checked();
    expect(bench.heard('storm.tripped')).toMatchObject([{ level: 'critical', storm_kind: 'cuda_storm', restart_count: 3 }]);
    expect(bench.view().breaker).toMatchObject({ state: 'closed', cuda: { state: 'open' } });
    bench.spawned().exited(diedOf('gpu_error'));
    expect(bench.view().state).toBe('broken');
  });

  it('a trip holds back those that only wait, and lets those that serve serve', () => {
    const storm = { ...calm, trip: { count: 4, windowMs: 30_000 } };
    const bench = new Bench([
      poolSpec('chat', 2, withRestart({ backoff: { ...quick, initialMs: 100 }, breaker: tolerant, storm })),
    ]);
    const other = bench.launch('chat/r1');
    bench.ready();
    for (let n = 0; n < 4; n += 1) {
      bench.exited();
      while (bench.replica().life.state === 'backoff') bench.wake();
      bench.ready();
    }
    expect(bench.view()).toMatchObject({ state: 'ready', breaker: { state: 'open' } });
    expect(bench.view('chat/r1')).toMatchObject({ state: 'broken' });
    const { key, check } = other;
    bench.give({
      type: 'checked',
      key,
      check,
      obstacles: [],
      startupDeadlineMs: 1,
      portKnownFree: true,
      modelBytes: null,
      listed: true,
    });
    expect(bench.did()).toEqual([]);
  });

  it('a trip while its engine serves is over after so much ready time as closes a breaker', () => {
    const storm = { ...calm, trip: { count: 4, windowMs: 30_000 } };
    const more = withRestart({ backoff: { ...quick, initialMs: 100 }, breaker: { ...tolerant, closeAfterMs: 60_000 }, storm });
    const bench = new Bench([poolSpec('chat', 2, more)]).ready('chat/r1').ready();
    // What ready time could earn it has earned before.
    bench.pass(120_000);
    for (let n = 0; n < 4; n += 1) {
      bench.exited();
      while (bench.replica().life.state === 'backoff') bench.wake();
      bench.checked().spawned().wake().probed();
    }
    const tripped = bench.now;
    expect(bench.view('chat/r1')).toMatchObject({ state: 'ready', breaker: { state: 'open' } });
    bench.pass(59_000);
    expect(bench.view('chat/r1').breaker.state).toBe('open');
    bench.pass(2_000);
    expect(bench.view('chat/r1')).toMatchObject({ state: 'ready', breaker: { state: 'closed' } });
    expect(bench.heard('breaker.changed').at(-1)).toMatchObject({ old_state: 'open', new_state: 'closed' });
    expect(bench.now).toBeLessThan(tripped + 61_001);
  });

  it('an operator asked for are neither restarts nor a storm', () => {
    const bench = one(withRestart({ storm: { ...plain.restart.storm, limit: 1, trip: { count: 1, windowMs: 1_000 } } })).ready();
    for (let n = 0; n < 5; n += 1) bench.ask('restart', { now: true }).exited().swept().ready();
    expect(bench.view()).toMatchObject({ state: 'ready', restarts_total: 0, breaker: { state: 'closed' } });
    expect(bench.heard('storm.limited')).toEqual([]);
  });

  it('restart_count ages out after storm.reset_after of stable running; the totals never', () => {
    const bench = one().ready().exited().wake().ready().pass(600_000);
    expect(bench.view()).toMatchObject({ restart_count: 0, restarts_total: 1, crashes_total: 1 });
  });
});

describe('after it ran out of VRAM', () => {
  it('waits until as much is free as was before', () => {
    const gpu = deviceOf('0', { vramFreeBytes: 20 * 2 ** 30 });
    const spec = poolSpec('chat', 1, { masks: [{ kind: 'list', written: '0', ids: ['0'] }] });
    const bench = new Bench([spec], { devices: [gpu] });
    const observe = (gib: number) =>
      bench.give({
        type: 'devices-observed',
        observation: {
          devices: [{ ...gpu, vramFreeBytes: gib * 2 ** 30 }],
          tool: 'working',
          note: null,
          processes: null,
          askedAt: bench.now,
        },
      });
    bench.ready();
    observe(4);
    bench.exited(diedOf('vram_oom')).wake();
    expect(bench.view().why).toContain('GPU 0 has 4.0 GiB free, 20.0 GiB were free before the launch that ran out of it');
    expect(observe(17).did()).toEqual([]);
    expect(observe(18).did()).toContain('check');
  });
});
