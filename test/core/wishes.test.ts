/** What operators ask of a replica, as stories through step(). */

import { describe, expect, it } from 'vitest';
import type { PoolSpec } from '../../src/core/model.js';
import { exitOf, identityOf } from '../rig/facts.js';
import { poolSpec } from '../rig/specs.js';
import { Bench } from './bench.js';

const one = (more: Partial<PoolSpec> = {}) => new Bench([poolSpec('chat', 1, more)]);

describe('stop, start, restart', () => {
  it('stop asks, kills after the grace, and ends in stuck when nothing helps', () => {
    const bench = one().ready().ask('stop');
    const signal = { type: 'signal', ordered: true };
    expect(bench.effects).toMatchObject([{ type: 'remove-handoff' }, { type: 'record' }, { ...signal, rung: 'term' }]);
    const begun = bench.now;
    expect(bench.wake().effects).toMatchObject([{ ...signal, rung: 'kill' }]);
    expect(bench.now - begun).toBe(5_000);
    while (bench.replica().life.state === 'stopping') {
      bench.wake();
      if (bench.did().includes('sweep')) bench.swept([100]);
    }
    expect(bench.view()).toMatchObject({ state: 'stuck', live: true });
    expect(bench.view().why).toContain('pid 100 would not die');
    bench.exited().swept();
    expect(bench.view()).toMatchObject({ state: 'stopped', goal: 'down', crash_count: 0 });
  });

  it('one that is gone is not called stuck, however long it takes to find out how it ended', () => {
    const bench = one().ready().ask('stop');
    while (bench.now < 60_000) {
      bench.wake();
      if (bench.did().includes('sweep')) bench.swept([]);
    }
    expect(bench.view().state).toBe('stopping');
    expect(bench.exited().swept().view()).toMatchObject({ state: 'stopped', crash_count: 0 });
  });

  it('an exit that we asked for is no crash', () => {
    const bench = one()
      .ready()
      .ask('stop')
      .exited(exitOf({ code: 1 }))
      .swept();
    expect(bench.view()).toMatchObject({ state: 'stopped', crash_count: 0, last_exit: { class: 'graceful', code: 1 } });
  });

  it('start while stopping launches again after the exit; restart counts no restart', () => {
    const bench = one().ready().ask('stop').ask('start').exited().swept();
    expect(bench.did()).toContain('check');
    bench.ready().ask('restart', { now: true }).exited().swept().ready();
    expect(bench.view()).toMatchObject({ state: 'ready', restart_count: 0, incarnation: 3 });
  });

  it('restart while the process is being made ends when that one is ready', () => {
    const bench = one();
    const launch = bench.checked().launch();
    const { answer: accepted } = bench.ask('restart', { now: true });
    if (accepted?.ok !== true) throw new Error('refused');
    const { key, incarnation, instance } = launch;
    bench
      .give({ type: 'spawned', key, incarnation, identity: identityOf(100, instance) })
      .wake()
      .probed();
    expect(bench.view()).toMatchObject({ state: 'ready', incarnation: 1 });
    expect(bench.state.operations.get(accepted.operationId)).toMatchObject({ state: 'succeeded', outcome: 'ready' });
  });

  it('restart starts who is stopped at once: nothing is lost by that, and whoever waits for ready may count on it', () => {
    const bench = new Bench([poolSpec('chat', 2, { autostart: false })]);
    bench.ask('restart');
    expect(['chat/r0', 'chat/r1'].map((key) => bench.view(key as 'chat/r0').goal)).toEqual(['up', 'up']);
    expect(bench.view('chat/r1').state).toBe('preparing');
  });

  it('restart takes one replica after another', () => {
    const bench = new Bench([poolSpec('chat', 2, { health: { ...poolSpec('chat', 1).health, path: 'none' } })]);
    for (const launch of bench.effects.flatMap((effect) => (effect.type === 'check' ? [effect.launch] : []))) {
      bench.give({
        type: 'checked',
        key: launch.key,
        check: launch.check,
        obstacles: [],
        startupDeadlineMs: 9_000,
        portKnownFree: true,
        modelBytes: null,
        listed: true,
      });
      const identity = identityOf(100 + launch.port, launch.instance);
      bench.give({ type: 'spawned', key: launch.key, incarnation: launch.incarnation, identity });
    }
    bench.wake().ask('restart', { now: true });
    expect(bench.effects.filter(({ type }) => type === 'signal')).toHaveLength(1);
    expect(bench.ask('restart', { now: true }).answer).toMatchObject({ ok: false, refusal: { code: 'OPERATION_IN_PROGRESS' } });
    bench.exited().swept().checked().spawned(200);
    while (bench.view().state === 'starting') bench.wake();
    expect(bench.effects.filter(({ type }) => type === 'signal')).toMatchObject([{ launch: { key: 'chat/r1' } }]);
  });

  it('stop during backoff and before the spawn launches nothing more', () => {
    const waiting = one().ready().exited();
    waiting.ask('stop');
    expect(waiting.swept().view()).toMatchObject({ state: 'stopped', goal: 'down' });
    const bench = one();
    const { key, check } = bench.launch();
    bench.ask('stop').give({
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
    expect(bench.view().state).toBe('stopped');
  });

  it('stop while the process is being made meets it when it is there', () => {
    const bench = one().checked();
    const launch = bench.launch();
    bench.ask('stop').give({ type: 'spawned', key: launch.key, incarnation: 1, identity: identityOf(5, 'i') });
    expect(bench.effects).toMatchObject([{ type: 'record' }, { type: 'signal', rung: 'term' }]);
  });

  it('names pools that do not exist', () => {
    const bench = one().give({ type: 'requested', verb: 'start', poolId: 'chta', replicaId: null, correlationId: null });
    expect(bench.answer).toMatchObject({ ok: false, refusal: { code: 'POOL_NOT_FOUND', hint: 'pools: chat' } });
  });

  it('a shutdown ends when the last engine is gone, and refuses everything meanwhile', () => {
    const bench = one().ready();
    bench.give({ type: 'shutdown-requested', because: 'SIGTERM', rung: 'stop', exit: 0, correlationId: null });
    expect(bench.ask('start').answer).toMatchObject({ ok: false, refusal: { code: 'SHUTTING_DOWN' } });
    expect(bench.exited(exitOf({ code: 0 })).did()).not.toContain('end');
    expect(bench.swept().effects.at(-1)).toEqual({ type: 'end', exit: 0 });
  });
});

it('a port that an engine still has is given to nobody else, also where its replica went back to having none', () => {
  const bench = new Bench([poolSpec('chat', 1), poolSpec('code', 1, { autostart: false })]).ready();
  const [chat, code] = [...bench.state.pools.values()];
  if (chat === undefined || code === undefined) throw new Error('two pools');
  const replicas = chat.replicas.map((replica) => ({ ...replica, port: null }));
  bench.state = { ...bench.state, pools: new Map(bench.state.pools).set('chat', { ...chat, replicas }) };
  bench.give({ type: 'requested', verb: 'start', poolId: 'code', replicaId: null, correlationId: null });
  expect([bench.view().port, bench.view('code/r0').port]).toEqual([18_100, 18_101]);
});
