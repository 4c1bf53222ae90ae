/** Reloads: all replicas change their model, or none does; every step is undone, whoever fails, and whatever it was before. */

import { describe, expect, it, test } from 'vitest';
import { isLive } from '../../src/core/life.js';
import type { ReplicaKey } from '../../src/core/model.js';
import { viewOperation } from '../../src/core/operation-view.js';
import { viewPool } from '../../src/core/snapshot.js';
import { exitOf, probeResult } from '../rig/facts.js';
import { poolSpec } from '../rig/specs.js';
import { again, written } from './again.js';
import { Bench } from './bench.js';
import { acquire, release, serving } from './leasing.js';
import { type Manner, type Manners, play } from './moves.js';

const [a, b] = ['/models/a.gguf', '/models/b.gguf'];
const { reload } = poolSpec('chat', 1);
const withModel = { model: a, modelId: 'a' };

const start = (replicas: number, more: Parameters<typeof serving>[2] = {}): Bench =>
  serving(4, replicas, { ...withModel, ...more });
type More = { readonly drainMs?: number; readonly digest?: string; readonly correlationId?: string };
const ask = (bench: Bench, model = b, more: More = {}): Bench =>
  bench.give({
    type: 'reload-requested',
    poolId: 'chat',
    chosen: { model, modelDigest: more.digest ?? null, modelId: model === b ? 'b' : 'a' },
    drainMs: more.drainMs ?? null,
    correlationId: more.correlationId ?? null,
  });
const well: Manners = () => 'well';
/** The engine of the new model, on one replica. */
const badly =
  (manner: Manner, key: ReplicaKey): Manners =>
  (model, of) =>
    model === b && of === key ? manner : 'well';
const operationOf = (bench: Bench) => {
  const operation = [...bench.state.operations.values()].find(({ kind }) => kind === 'reload');
  if (operation === undefined) throw new Error('no reload');
  return viewOperation(operation, bench.state, (ms) => String(ms));
};
const failed = (bench: Bench): Bench => bench.probed(probeResult({ verdict: 'failed' }));
const poolOf = (bench: Bench) => {
  const pool = bench.state.pools.get('chat');
  if (pool === undefined) throw new Error('no pool');
  return viewPool(pool, bench.state, { now: bench.now, time: (ms) => String(ms) });
};
const models = (bench: Bench) => poolOf(bench).replicas.map(({ state, model_id }) => `${state} ${model_id}`);
const ended = (bench: Bench): boolean => operationOf(bench).state !== 'running';
/** With which models, while all goes well. */
const launchedUntilEnded = (bench: Bench): readonly (string | null)[] => {
  const launched: (string | null)[] = [];
  play(bench, well, 900_000, (now) => {
    for (const effect of now.effects) if (effect.type === 'spawn') launched.push(effect.launch.spec.model);
    return ended(now);
  });
  return launched;
};

describe('a reload', () => {
  it('touches nothing before the model is verified', () => {
    const bench = ask(start(2));
    expect(bench.did()).toEqual(['verify']);
    expect(models(bench)).toEqual(['ready a', 'ready a']);
    bench.verified();
    expect(models(bench)).toEqual(['draining a', 'ready a']);
    expect(bench.heard('reload.started')).toMatchObject([
      {
        model_from: 'a',
        model_to: 'b',
        strategy: 'rolling',
        replicas: ['r0', 'r1'],
        operation_id: operationOf(bench).operation_id,
      },
    ]);
  });

  it('of a model that is not there touches nothing, and says so', () => {
    const text = `cannot use the model "${b}": there is no such file`;
    const bench = ask(start(2)).verified({ obstacles: [{ what: 'model', text }] });
    expect(models(bench)).toEqual(['ready a', 'ready a']);
    expect(operationOf(bench)).toMatchObject({
      state: 'failed',
      outcome: 'failed',
      changed: false,
      error: { code: 'MODEL_UNAVAILABLE', why: 'there is no such file' },
    });
    expect(bench.state.pools.get('chat')?.reload).toBeNull();
  });

  it('of a model that could never fit touches nothing', () => {
    const bench = ask(start(1)).verified({ modelBytes: 100 * 2 ** 30, hostTotalBytes: 64 * 2 ** 30 });
    expect(operationOf(bench).error).toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      why: 'its tensors take 100.0 GiB, and chat/r0 (cpu) has 64.0 GiB in all',
    });
  });

  it('takes one replica after another, so that the pool serves throughout', () => {
    const bench = play(ask(start(3)).verified(), well, 60_000, (now) => {
      expect(poolOf(now).replicas.filter(({ ready }) => ready).length).toBeGreaterThanOrEqual(2);
      return ended(now);
    });
    expect(models(bench)).toEqual(['ready b', 'ready b', 'ready b']);
    expect(operationOf(bench)).toMatchObject({ state: 'succeeded', outcome: 'reloaded', changed: true, cut: 0 });
    expect(operationOf(bench).steps).toMatchObject([
      { replica_id: 'r0', step: 'switch to b', state: 'done' },
      { replica_id: 'r1', step: 'switch to b', state: 'done' },
      { replica_id: 'r2', step: 'switch to b', state: 'done' },
    ]);
    expect(poolOf(bench)).toMatchObject({ model_id: 'b', model_ref: b, override: { model_ref: b, file_model_ref: a } });
    expect(poolOf(bench)).toMatchObject({ restarts_total: 0, crashes_total: 0 });
  });

  it('recreates all at once where it is told to', () => {
    const bench = ask(start(2, { reload: { ...reload, strategy: 'recreate' } })).verified();
    expect(models(bench)).toEqual(['draining a', 'draining a']);
    expect(models(play(bench, well, 60_000, ended))).toEqual(['ready b', 'ready b']);
  });

  it('is done only when the new engine has been healthy for min_healthy', () => {
    const bench = ask(start(1)).verified();
    const at: number[] = [];
    play(bench, well, 60_000, (now) => {
      if (now.view().state === 'starting' && now.view().why?.startsWith('healthy')) at.push(now.now);
      return ended(now);
    });
    expect(bench.now - (at[0] ?? 0)).toBe(reload.minHealthyMs);
  });

  it('keeps ports, masks and the name that the inventory gives', () => {
    const bench = start(2, { modelIdGiven: true });
    const ports = poolOf(bench).replicas.map(({ port }) => port);
    play(ask(bench).verified({ name: 'Tiny B' }), well, 60_000, ended);
    expect(poolOf(bench).replicas.map(({ port }) => port)).toEqual(ports);
    expect(poolOf(bench).model_id).toBe('a');
  });

  it('takes the name from the file of the model', () => {
    expect(poolOf(play(ask(start(1)).verified({ name: 'Tiny B' }), well, 60_000, ended)).model_id).toBe('Tiny B');
  });

  it('to the same model and digest changes nothing', () => {
    const bench = start(2);
    acquire(bench);
    expect(ask(bench, a).did()).toEqual([]);
    expect(operationOf(bench)).toMatchObject({ state: 'succeeded', outcome: 'unchanged', changed: false, active_leases: 1 });
    expect(bench.heard('reload.finished')).toMatchObject([{ result: 'unchanged', duration_ms: 0 }]);
  });

  it('back to the model of the file ends the override', () => {
    const bench = play(ask(start(1)).verified(), well, 60_000, ended);
    bench.state = { ...bench.state, operations: new Map() };
    play(ask(bench, a).verified(), well, 60_000, ended);
    expect(poolOf(bench)).toMatchObject({ model_ref: a, override: null });
  });

  it('waits for leases and running requests, and takes no new ones meanwhile', () => {
    const bench = start(1);
    const lease = acquire(bench);
    play(ask(bench).verified(), well, 10_000);
    expect(bench.view()).toMatchObject({ state: 'draining', why: expect.stringMatching(/^1 lease, at most 4m50s$/) });
    expect(
      bench.give({ type: 'lease-requested', poolId: 'chat', replicaId: null, ttlMs: 1_000, holder: null, correlationId: null })
        .answer,
    ).toMatchObject({ ok: false, refusal: { code: 'POOL_DRAINING', hint: expect.stringContaining('comes back by itself') } });
    release(bench, lease.id);
    play(bench, well, 60_000, ended);
    expect(operationOf(bench)).toMatchObject({ outcome: 'reloaded', cut: 0, active_leases: 1 });
  });
});

it('with no time to wait takes those that have nothing to wait for', () => {
  const { drain } = poolSpec('chat', 1);
  const bench = play(ask(start(2, { drain: { ...drain, inflight: 'off' } }), b, { drainMs: 0 }).verified(), well, 60_000, ended);
  expect(operationOf(bench)).toMatchObject({ outcome: 'reloaded' });
});

describe('the drain of a reload that is not over in time', () => {
  it('leaves the original serving, with its leases', () => {
    const bench = start(1);
    acquire(bench, { ttlMs: 3_600_000 });
    play(ask(bench, b, { drainMs: 20_000 }).verified(), well, 60_000, ended);
    expect(operationOf(bench)).toMatchObject({
      state: 'failed',
      outcome: 'drain_timeout',
      cut: 0,
      error: { code: 'DRAIN_TIMEOUT' },
    });
    expect(bench.view()).toMatchObject({ state: 'ready', incarnation: 1, active_leases: 1, model_id: 'a' });
    expect(acquire(bench).key).toBe('chat/r0');
    expect(poolOf(bench).override).toBeNull();
  });

  it('takes back the replicas that were switched before', () => {
    const bench = start(2);
    acquire(bench, { replicaId: 'r1', ttlMs: 3_600_000 });
    play(ask(bench, b, { drainMs: 20_000 }).verified(), well, 120_000, ended);
    expect(operationOf(bench)).toMatchObject({ outcome: 'drain_timeout', cut: 0 });
    expect(models(bench)).toEqual(['ready a', 'ready a']);
    expect(bench.view('chat/r1')).toMatchObject({ incarnation: 1, active_leases: 1 });
    expect(bench.view()).toMatchObject({ incarnation: 3, crash_count: 0 });
  });
});

it('carries the id of the request that it comes from in all that is told of it', () => {
  for (const manners of [well, badly('crashes at once', 'chat/r1')]) {
    const bench = play(ask(start(2), b, { correlationId: 'trace-1' }).verified(), manners, 900_000, ended);
    const { operation_id } = operationOf(bench);
    const names = ['operation.started', 'reload.started', 'reload.finished', 'operation.finished'] as const;
    const told = [...names.flatMap((name) => bench.heard(name)), ...bench.heard('reload.rolled_back')];
    expect(told).toHaveLength(manners === well ? 4 : 5);
    for (const event of told) expect(event).toMatchObject({ correlation_id: 'trace-1', operation_id });
  }
});

describe('a new model that does not work', () => {
  const cases: readonly [Manner, string][] = [
    ['crashes at once', 'exit'],
    ['loads for ever', 'deadline'],
    ['is obstructed', 'spawn'],
  ];
  for (const strategy of ['rolling', 'recreate'] as const)
    for (const replica of ['chat/r0', 'chat/r1', 'chat/r2'] as const)
      test.each(cases)(`(${strategy}) on ${replica}, since it %s, is taken back on all`, (manner, reason) => {
        const bench = start(3, { reload: { ...reload, strategy } });
        const before = poolOf(bench);
        play(ask(bench).verified(), badly(manner, replica), 900_000, ended);
        expect(operationOf(bench)).toMatchObject({ state: 'failed', outcome: 'rolled_back', error: { code: 'RELOAD_FAILED' } });
        expect(operationOf(bench).error?.message).toMatch(
          /^cannot reload chat: r\d did not start the new model; rolled back in [\dms.]+$/,
        );
        expect(bench.heard('reload.finished')).toMatchObject([{ result: 'rolled_back', because: reason }]);
        expect(models(bench)).toEqual(['ready a', 'ready a', 'ready a']);
        const after = poolOf(bench);
        for (const [n, was] of before.replicas.entries())
          expect(after.replicas[n]).toMatchObject({
            port: was.port,
            crash_count: 0,
            restart_count: 0,
            breaker: was.breaker,
            goal: 'up',
          });
        expect(after).toMatchObject({ override: null, restarts_total: 0, model_id: 'a' });
        expect(
          operationOf(bench)
            .steps.filter(({ step }) => step === 'back to a')
            .every(({ state }) => state === 'done'),
        ).toBe(true);
      });

  test.each<[string, (bench: Bench) => void, string]>([
    ['crashes', (bench) => void bench.exited(), 'exit'],
    ['turns unhealthy', (bench) => void failed(failed(failed(bench))), 'unhealthy'],
  ])('and %s after it was ready, while another is being switched, is taken back on both', (_, hurt, reason) => {
    const bench = play(ask(start(2)).verified(), well, 60_000, (now) => now.view('chat/r1').state === 'starting');
    expect(models(bench)).toEqual(['ready b', 'starting b']);
    hurt(bench);
    play(bench, well, 60_000, ended);
    expect(bench.heard('reload.finished')).toMatchObject([{ result: 'rolled_back', because: reason }]);
    expect(models(bench)).toEqual(['ready a', 'ready a']);
    expect(poolOf(bench)).toMatchObject({ crash_count: 0, restart_count: 0 });
  });

  it('that ends in peace after its switch has failed as well, also where the policy is always', () => {
    const { restart } = poolSpec('chat', 1);
    const bench = ask(start(2, { restart: { ...restart, policy: 'always' } })).verified();
    play(bench, well, 60_000, (now) => models(now)[1] === 'starting b');
    bench.exited(exitOf({ code: 0 }), true, 'chat/r0');
    play(bench, well, 60_000, ended);
    expect(operationOf(bench).outcome).toBe('rolled_back');
    expect(models(bench)).toEqual(['ready a', 'ready a']);
  });

  it('that crashes after its switch is not launched again, whoever goes back before it', () => {
    const bench = ask(start(2)).verified();
    play(bench, well, 60_000, (now) => models(now)[1] === 'starting b');
    bench.exited(exitOf(), true, 'chat/r0');
    expect(launchedUntilEnded(bench)).not.toContain(b);
    expect(models(bench)).toEqual(['ready a', 'ready a']);
  });

  it('that has died after its switch is not committed while it is being found out how', () => {
    const bench = ask(start(2)).verified();
    play(bench, well, 60_000, (now) => models(now)[1] === 'starting b');
    bench.give({ type: 'died', ...bench.of('chat/r0') });
    play(bench, well, 60_000, (now) => models(now)[1] === 'ready b' || ended(now));
    expect(ended(bench)).toBe(false);
    acquire(bench, { replicaId: 'r1' });
    bench.exited(exitOf(), true, 'chat/r0');
    expect(models(bench)[1]).toBe('draining b');
    expect(launchedUntilEnded(bench)).not.toContain(b);
    expect(operationOf(bench).outcome).toBe('rolled_back');
    expect(models(bench)).toEqual(['ready a', 'ready a']);
  });

  it('touches no replica whose turn had not come', () => {
    const bench = play(ask(start(3)).verified(), badly('crashes at once', 'chat/r1'), 900_000, ended);
    expect(bench.view('chat/r2')).toMatchObject({ incarnation: 1, state: 'ready' });
    expect(operationOf(bench).steps.map(({ replica_id, step, state }) => [replica_id, step, state])).toEqual([
      ['r0', 'switch to b', 'done'],
      ['r1', 'switch to b', 'failed'],
      ['r2', 'switch to b', 'failed'],
      ['r1', 'back to a', 'done'],
      ['r0', 'back to a', 'done'],
    ]);
  });

  it('and an old one that does not come back either: that is told, and supervision goes on with the old', () => {
    const bench = start(1, { restart: { ...poolSpec('chat', 1).restart, policy: 'never' } });
    play(ask(bench).verified(), () => 'crashes at once', 900_000, ended);
    expect(operationOf(bench)).toMatchObject({ outcome: 'rollback_failed', error: { code: 'RELOAD_FAILED' } });
    expect(poolOf(bench)).toMatchObject({ model_id: 'a', override: null, state: 'failed' });
  });

  it('whose engine would not die leaves a rollback that failed, and says so', () => {
    const bench = play(ask(start(1)).verified(), badly('hangs beyond death', 'chat/r0'), 900_000, ended);
    expect(operationOf(bench)).toMatchObject({ outcome: 'rollback_failed', error: { code: 'RELOAD_FAILED' } });
    expect(bench.view()).toMatchObject({ state: 'stuck', goal: 'up' });
    expect(operationOf(bench).steps.at(-1)).toMatchObject({ step: 'back to a', state: 'failed' });
  });
});

describe('a replica that does not run', () => {
  it('and was stopped changes its model, and stays down', () => {
    const bench = start(2).ask('stop', { replicaId: 'r1' });
    play(bench, well, 10_000);
    play(ask(bench).verified(), well, 60_000, ended);
    expect(models(bench)).toEqual(['ready b', 'stopped b']);
    expect(bench.view('chat/r1').goal).toBe('down');
    bench.ask('start', { replicaId: 'r1' });
    play(bench, well, 60_000, (now) => now.view('chat/r1').ready);
    expect(models(bench)).toEqual(['ready b', 'ready b']);
  });

  /** The second replica. */
  const failing = (bench: Bench, state: 'failed' | 'broken' | 'backoff'): Bench => {
    const manners: Manners = (_, key) => (key === 'chat/r1' ? 'crashes at once' : 'well');
    bench.exited(exitOf(), true, 'chat/r1');
    play(bench, manners, 400_000, (now) => now.view('chat/r1').state === state);
    expect(bench.view('chat/r1').state).toBe(state);
    return bench;
  };

  it('and drains for good is waited for: a start could call its old engine back', () => {
    const bench = start(2);
    const lease = acquire(bench);
    bench.give({ type: 'requested', verb: 'drain', poolId: 'chat', replicaId: 'r0', correlationId: null });
    play(ask(bench).verified(), well, 20_000, ended);
    expect(operationOf(bench).state).toBe('running');
    release(bench, lease.id);
    play(bench, well, 60_000, ended);
    expect(models(bench)).toEqual(['stopped b', 'ready b']);
  });

  it('and was stopped has earned nothing with the new model', () => {
    const bench = start(1).ask('stop');
    play(bench, well, 60_000);
    play(ask(bench).verified(), well, 60_000, ended);
    expect(bench.replica()).toMatchObject({ provenAt: null, attempt: 0 });
  });

  test.each(['broken', 'backoff'] as const)('and is %s is launched with the new model, without a drain', (state) => {
    const bench = failing(start(2), state);
    play(ask(bench).verified(), well, 120_000, ended);
    expect(models(bench)).toEqual(['ready b', 'ready b']);
    expect(poolOf(bench).breaker).toMatchObject({ state: 'closed', failures: 0 });
  });

  test.each(['broken', 'backoff'] as const)('and is %s is so again after a rollback', (state) => {
    const bench = failing(start(2), state);
    const before = bench.view('chat/r1');
    play(ask(bench).verified(), badly('crashes at once', 'chat/r1'), 900_000, ended);
    expect(operationOf(bench).outcome).toBe('rolled_back');
    const { breaker, crash_count, restart_count, goal, state: after } = bench.view('chat/r1');
    expect({ breaker, crash_count, restart_count, goal, state: after }).toEqual({
      breaker: before.breaker,
      crash_count: before.crash_count,
      restart_count: before.restart_count,
      goal: 'up',
      state,
    });
    expect(bench.view()).toMatchObject({ state: 'ready', model_id: 'a' });
  });
});

describe('another wish beside a reload', () => {
  const under = () => play(ask(start(2)).verified(), well, 60_000, (now) => now.view('chat/r1').state === 'starting');

  test.each(['start', 'restart', 'reset'] as const)('%s is refused', (verb) => {
    expect(under().ask(verb).answer).toMatchObject({ ok: false, refusal: { code: 'OPERATION_IN_PROGRESS' } });
  });

  it('another reload is refused', () => {
    expect(ask(under()).answer).toMatchObject({ ok: false, refusal: { code: 'OPERATION_IN_PROGRESS' } });
  });

  test.each(['stop', 'drain'] as const)('a %s of the pool wins: all is rolled back, and stays down', (verb) => {
    const bench = under().ask(verb);
    const told = bench.heard('reload.rolled_back');
    play(bench, well, 60_000, (now) => [...now.state.operations.values()].every(({ state }) => state !== 'running'));
    expect(operationOf(bench)).toMatchObject({
      state: 'failed',
      outcome: 'rolled_back',
      error: { message: expect.stringContaining(`cancelled by a ${verb}`) },
    });
    expect(models(bench)).toEqual(['stopped a', 'stopped a']);
    expect(poolOf(bench)).toMatchObject({ override: null });
    expect(told).toMatchObject([{ because: 'cancelled', reason: `cancelled by a ${verb}` }]);
    expect(bench.view().goal).toBe('down');
    play(bench.ask('start'), well, 60_000, (now) => now.view('chat/r1').ready && now.view().ready);
    expect(models(bench)).toEqual(['ready a', 'ready a']);
  });

  it('a drain of one that has the new model already waits for its leases', () => {
    const bench = under();
    const lease = acquire(bench);
    bench.give({ type: 'requested', verb: 'drain', poolId: 'chat', replicaId: 'r0', correlationId: null });
    expect(bench.view()).toMatchObject({ state: 'draining', active_leases: 1 });
    play(bench, well, 30_000);
    expect(bench.view()).toMatchObject({ state: 'draining', active_leases: 1 });
    release(bench, lease.id);
    play(bench, well, 60_000, ended);
    expect(models(bench)).toEqual(['stopped a', 'ready a']);
  });

  it('a stop of one replica takes the others back to serving', () => {
    const bench = under().ask('stop', { replicaId: 'r1' });
    play(bench, well, 60_000, (now) => [...now.state.operations.values()].every(({ state }) => state !== 'running'));
    expect(models(bench)).toEqual(['ready a', 'stopped a']);
  });

  it('a shutdown ends it', () => {
    const bench = under().give({ type: 'shutdown-requested', because: 'SIGTERM', rung: 'drain', exit: 0, correlationId: null });
    play(bench, well, 60_000);
    expect(models(bench)).toEqual(['stopped a', 'stopped a']);
    const error = { code: 'RELOAD_FAILED', message: 'cannot reload chat: it was cancelled by a shutdown' };
    expect(operationOf(bench)).toMatchObject({ state: 'failed', outcome: 'cancelled', error });
    expect(bench.heard('reload.finished')).toMatchObject([{ result: 'cancelled', because: 'cancelled' }]);
  });

  it('a shutdown that keeps the engines leaves the next supervisor what the old model had come to', () => {
    const bench = start(1);
    bench.exited(exitOf(), true);
    play(bench, well, 60_000, (now) => now.view().state === 'starting');
    expect(bench.replica().attempt).toBe(1);
    play(ask(bench).verified(), well, 60_000, (now) => now.view().model_id === 'b');
    const because = { because: 'SIGTERM', rung: 'drain', exit: 0, correlationId: null } as const;
    bench.give({ type: 'shutdown-requested', ...because, keep: true });
    expect(again(bench).replica()).toMatchObject({ attempt: 1, goal: 'up' });
  });

  it('a death after a shutdown in a rollback leaves those wanted up that are ended for it', () => {
    const bench = play(
      ask(start(1)).verified(),
      badly('is obstructed', 'chat/r0'),
      60_000,
      (now) => now.view().goal !== 'up' || ended(now),
    );
    bench.give({ type: 'shutdown-requested', because: 'SIGTERM', rung: 'stop', exit: 0, correlationId: null });
    expect(again(bench).replica().goal).toBe('up');
  });
});

describe('a supervisor that dies', () => {
  it('before the commit: the next one runs the old model everywhere, and the operation was interrupted', () => {
    const bench = play(ask(start(2)).verified(), well, 60_000, (now) => now.view('chat/r1').state === 'starting');
    expect(models(bench)).toEqual(['ready b', 'starting b']);
    const next = again(bench);
    expect(operationOf(next)).toMatchObject({ state: 'failed', outcome: 'interrupted', interrupted: true });
    play(next, well, 120_000);
    expect(models(next)).toEqual(['ready a', 'ready a']);
    expect(poolOf(next).override).toBeNull();
  });

  it('after the commit: the new model stays, with its engines, through another death as well', () => {
    const bench = play(ask(start(2)).verified(), well, 60_000, ended);
    const file = [poolSpec('chat', 2, withModel)];
    const next = again(again(bench, { pools: file }), { pools: file });
    expect(next.did()).toEqual(['adopt', 'adopt']);
    expect(poolOf(next)).toMatchObject({ model_id: 'b', override: { model_ref: b, file_model_ref: a } });
  });

  it('after the commit, with another model in the file: that is what counts', () => {
    const bench = play(ask(start(1)).verified(), well, 60_000, ended);
    const next = again(bench, { pools: [poolSpec('chat', 1, { model: '/models/c.gguf', modelId: 'c' })] });
    expect(poolOf(next)).toMatchObject({ model_id: 'c', override: null });
  });

  it('and a clean end: the file counts again', () => {
    const bench = play(ask(start(1)).verified(), well, 60_000, ended);
    const next = again(bench, { pools: [poolSpec('chat', 1, withModel)], clean: true });
    expect(poolOf(next)).toMatchObject({ model_id: 'a', override: null });
  });

  it('while a broken replica tries the new model: it is broken again, as it was', () => {
    const bench = start(2);
    bench.exited(exitOf(), true, 'chat/r1');
    play(
      bench,
      (_, key) => (key === 'chat/r1' ? 'crashes at once' : 'well'),
      400_000,
      (now) => now.view('chat/r1').state === 'broken',
    );
    const before = bench.view('chat/r1');
    play(ask(bench).verified(), badly('loads for ever', 'chat/r1'), 40_000, (now) => now.view('chat/r1').state === 'starting');
    expect(bench.view('chat/r1')).toMatchObject({ state: 'starting', model_id: 'b' });
    expect(again(bench).view('chat/r1')).toMatchObject({ crash_count: before.crash_count, breaker: before.breaker });
  });
});

it('that goes back is recorded with the ports of those that serve again, also of one that had none when its turn came', () => {
  const supervisor = { loads: { perDevice: 1, total: 1 } };
  const bench = ask(
    new Bench([poolSpec('chat', 2, { ...withModel, reload: { ...reload, strategy: 'recreate' } })], { supervisor }),
  );
  bench.verified().checked().spawned(100).wake();
  expect(bench.replica('chat/r1')).toMatchObject({ life: { state: 'preparing' }, portProven: false });
  const found = new Set<string>();
  play(bench, badly('crashes at once', 'chat/r0'), 900_000, (now) => {
    const { replicas } = written(now.state, now.now);
    for (const key of ['chat/r0', 'chat/r1'] as const) {
      const { life } = now.replica(key);
      if (!isLive(life) || life.engine.launch.spec.model === b) continue;
      found.add(key);
      expect({ key, port: replicas[key]?.port }).toEqual({ key, port: life.engine.launch.port });
    }
    return ended(now);
  });
  expect(operationOf(bench).outcome).toBe('rolled_back');
  expect([...found]).toEqual(['chat/r0', 'chat/r1']);
});
