/** Drains: what they wait for, when they end, how that is told, and what becomes of them when somebody changes their mind. */

import { describe, expect, it, test } from 'vitest';
import { viewOperation } from '../../src/core/operation-view.js';
import { viewPool } from '../../src/core/snapshot.js';
import { exitOf, probeResult } from '../rig/facts.js';
import { poolSpec } from '../rig/specs.js';
import { again } from './again.js';
import type { Bench } from './bench.js';
import { acquire, refusal, release, serving } from './leasing.js';

const { drain } = poolSpec('chat', 1);

const operationOf = (bench: Bench) => {
  const operation = [...bench.state.operations.values()].at(-1);
  if (operation === undefined) throw new Error('no operation');
  return viewOperation(operation, bench.state, (ms) => String(ms));
};
const poolOf = (bench: Bench) => {
  const pool = bench.state.pools.get('chat');
  if (pool === undefined) throw new Error('no pool');
  return viewPool(pool, bench.state, { now: bench.now, time: (ms) => String(ms) });
};
const gone = (bench: Bench, key: 'chat/r0' | 'chat/r1' = 'chat/r0') =>
  bench.exited(exitOf({ code: 0 }), true, key).swept([], key);
const alarm = (kind: 'sticky' | 'suspect') => ({ class: 'gpu_error', subclass: 'x', line: 1, text: 'CUDA error', kind }) as const;
const alarmed = (bench: Bench, kind: 'sticky' | 'suspect') => bench.give({ type: 'alarmed', ...bench.of(), alarm: alarm(kind) });

describe('a drain', () => {
  it('takes the handoff file away and refuses leases before anybody is told', () => {
    const bench = serving(4);
    const lease = acquire(bench);
    bench.polled(2).ask('drain', { deadlineMs: 60_000 });
    expect(bench.did()).toEqual(['remove-handoff', 'record']);
    expect(bench.view()).toMatchObject({
      state: 'draining',
      live: true,
      ready: false,
      draining: true,
      goal: 'down',
      slots_free: 0,
    });
    expect(bench.view()).toMatchObject({ why: '1 lease, 2 running requests, forced in 1m', url: null, active_leases: 1 });
    expect(refusal(bench)).toEqual({
      code: 'POOL_DRAINING',
      message: 'cannot lease "chat": it is being drained (chat/r0 is draining)',
      hint: 'poolctl start chat ends the drain',
    });
    expect(bench.lease({ type: 'lease-renewed', id: lease.id, ttlMs: null, correlationId: null }).ok).toBe(true);
  });

  it('does not tell of no requests by what the engine has said some seconds ago, but as soon as that is known', () => {
    const bench = serving(4, 2);
    for (const key of ['chat/r0', 'chat/r1'] as const) bench.polled(0, key);
    bench.now += 5_000;
    bench.ask('drain');
    expect(operationOf(bench)).toMatchObject({ inflight: null });
    bench.polled(2).polled(1, 'chat/r1');
    expect(operationOf(bench)).toMatchObject({ inflight: 3 });
    expect(operationOf(bench.polled(1))).toMatchObject({ inflight: 3 });
  });

  it('tells the steps that end before it does', () => {
    const bench = serving(4, 2).ask('drain');
    const { id } = [...bench.state.operations.values()][0] ?? {};
    const step = { event: 'operation.step', operation_id: id, kind: 'drain', pool_id: 'chat', detail: 'drain', result: 'done' };
    gone(bench.polled(0));
    expect(bench.heard('operation.step')).toMatchObject([{ ...step, replica_id: 'r0', reason: 'drained' }]);
    gone(bench.polled(0, 'chat/r1'), 'chat/r1');
    expect(bench.heard('operation.step')).toMatchObject([step, { ...step, replica_id: 'r1' }]);
  });

  it('with nothing in flight is over at once', () => {
    const bench = serving(4).polled(0).ask('drain');
    expect(bench.did()).toEqual(['remove-handoff', 'record', 'record', 'signal']);
    expect(bench.view()).toMatchObject({ state: 'stopping', draining: true, live: true, ready: false });
    expect(poolOf(bench)).toMatchObject({ draining: true, ready: false });
    gone(bench);
    expect(bench.view()).toMatchObject({ state: 'stopped', draining: false, live: false, goal: 'down' });
    expect(poolOf(bench)).toMatchObject({ state: 'stopped', draining: false });
    expect(operationOf(bench)).toMatchObject({ kind: 'drain', state: 'succeeded', outcome: 'drained', cut: 0, changed: true });
  });

  it('ends with the last lease, if the engine has said a moment ago that no request runs', () => {
    const bench = serving(4);
    const [one, other] = [acquire(bench), acquire(bench)];
    bench.polled(0).ask('drain');
    bench.now += 500;
    release(bench, one.id);
    expect(bench.view().state).toBe('draining');
    release(bench, other.id);
    expect(bench.view().state).toBe('stopping');
    expect(operationOf(bench)).toMatchObject({ active_leases: 2, cut: 0 });
  });

  it('asks for running requests at once, and then once a second, and never sooner', () => {
    const bench = serving(4).polled(1);
    bench.now += 400;
    bench.ask('drain');
    const asked: number[] = [];
    for (const startedAt = bench.now; bench.now < startedAt + 3_500; ) {
      bench.wake();
      if (!bench.did().includes('poll')) continue;
      asked.push(bench.now - startedAt);
      bench.now += 20;
      bench.polled(1);
    }
    expect(asked.map(Math.round)).toEqual([600, 1_620, 2_640, 3_660]);
    bench.wake().polled(0);
    expect(bench.view().state).toBe('stopping');
  });

  it('does not believe what was said before it began: a request without a lease may have come since', () => {
    const bench = serving(4).polled(0);
    bench.now += 300;
    bench.ask('drain');
    expect(bench.view().state).toBe('draining');
    bench.wake();
    expect(bench.did()).toContain('poll');
    expect(bench.polled(1).view()).toMatchObject({ state: 'draining', why: '1 running request, forced in 4m59s' });
  });

  it('does not take an old answer for a new one', () => {
    const bench = serving(4).polled(0);
    const lease = acquire(bench);
    bench.now += 5_000;
    bench.ask('drain');
    release(bench, lease.id);
    expect(bench.view()).toMatchObject({ state: 'draining', why: 'no lease, forced in 5m' });
    expect(bench.wake().did()).toContain('poll');
    bench.polled(1);
    expect(bench.view().why).toBe('1 running request, forced in 5m');
  });

  it('asks an engine that is otherwise never asked', () => {
    const bench = serving(4, 1, {}, { enginePollMs: null }).ask('drain');
    expect(bench.view().why).toMatch(/^its running requests are asked for, forced in/);
    expect(bench.wake().did()).toContain('poll');
    expect(bench.polled(0).view().state).toBe('stopping');
  });

  test.each<[string, (bench: Bench) => Bench]>([
    ['cannot tell', (bench) => bench.polled(null, 'chat/r0', false)],
    ['is not to be asked', (bench) => bench],
  ])('waits for leases alone where the engine %s', (name, told) => {
    const inflight = name === 'cannot tell' ? 'auto' : 'off';
    const bench = told(serving(4, 1, { drain: { ...drain, inflight } }));
    const lease = acquire(bench);
    bench.ask('drain');
    expect(bench.view().why).toBe('1 lease, forced in 5m');
    release(bench, lease.id);
    expect(bench.view().state).toBe('stopping');
  });

  it('names the deadline that it was given, however late a busy machine comes to it', () => {
    const bench = serving(4);
    acquire(bench);
    bench.polled(0).ask('drain', { deadlineMs: 300 });
    bench.now += 900;
    bench.give({ type: 'woke' });
    expect(bench.heard('lease.lost')).toMatchObject([{ reason: expect.stringContaining('deadline of 0.3s has passed') }]);
  });

  it('ends by its deadline all the same, and says how many leases it has cut', () => {
    const bench = serving(4);
    acquire(bench, { holder: 'nightly' });
    bench.polled(0).ask('drain', { deadlineMs: 20_000 });
    const begunAt = bench.now;
    while (bench.view().state === 'draining')
      for (const effect of bench.wake().effects) if (effect.type === 'poll') bench.polled(0);
    expect(bench.now - begunAt).toBe(20_000);
    expect(bench.events).toMatchObject([
      { event: 'replica.stopping', because: 'drained', result: 'forced' },
      { event: 'lease.lost' },
    ]);
    expect(bench.events[1]).toMatchObject({ holder: 'nightly', reason: expect.stringContaining('deadline of 20s has passed') });
    gone(bench);
    expect(operationOf(bench)).toMatchObject({ state: 'succeeded', outcome: 'forced', cut: 1, active_leases: 1 });
    expect(operationOf(bench).steps).toMatchObject([{ detail: 'forced' }]);
    expect(bench.heard('drain.finished')).toMatchObject([{ result: 'forced', detail: '1 lease cut', level: 'warn' }]);
  });

  it('whose engine counts a request for ever ends by its deadline', () => {
    const bench = serving(4).polled(3).ask('drain', { deadlineMs: 5_000 });
    while (bench.view().state === 'draining')
      for (const effect of bench.wake().effects) if (effect.type === 'poll') bench.polled(3);
    gone(bench);
    expect(operationOf(bench)).toMatchObject({ outcome: 'forced', cut: 0 });
  });

  test.each([
    ['nothing in flight', 0, 0, 'drained'],
    ['a lease', 1, 0, 'forced'],
    ['a request', 0, 1, 'forced'],
  ] as const)('with no time, and %s, is over at once', (_, leases, inflight, outcome) => {
    const bench = serving(4).polled(inflight);
    for (let n = 0; n < leases; n += 1) acquire(bench);
    bench.now += 5_000;
    bench.ask('drain', { deadlineMs: 0 });
    expect(bench.view().state).toBe('stopping');
    gone(bench);
    expect(operationOf(bench)).toMatchObject({ outcome, cut: leases });
  });

  it('is a warning where work is in flight, with the number of leases', () => {
    const busy = serving(4);
    acquire(busy);
    busy.ask('drain');
    expect(busy.heard('drain.started')).toMatchObject([{ level: 'warn', active_leases: 1 }]);
    expect(busy.heard('replica.draining')).toMatchObject([{ level: 'warn', active_leases: 1 }]);
    const idle = serving(4).polled(0).ask('drain');
    expect(idle.heard('drain.started')).toMatchObject([{ level: 'info', active_leases: 0 }]);
  });

  it('is joined by a second one; the earlier deadline counts, unless it extends', () => {
    const bench = serving(4);
    acquire(bench);
    const { answer } = bench.polled(0).ask('drain', { deadlineMs: 60_000 });
    expect(bench.ask('drain', { deadlineMs: 90_000 }).answer).toEqual(answer);
    expect(bench.view().why).toBe('1 lease, forced in 1m');
    expect(bench.ask('drain', { deadlineMs: 30_000 }).answer).toEqual(answer);
    expect(bench.view().why).toBe('1 lease, forced in 30s');
    bench.ask('drain', { deadlineMs: 90_000, extend: true });
    expect(bench.view().why).toBe('1 lease, forced in 1m30s');
    expect(bench.state.operations.size).toBe(1);
  });

  it('of a pool beside one of its replicas ends with both', () => {
    const bench = serving(4, 2);
    bench.polled(0).polled(0, 'chat/r1');
    acquire(bench, { ttlMs: 3_600_000 });
    bench.ask('drain', { replicaId: 'r0' }).ask('drain');
    expect(bench.view('chat/r1').state).toBe('stopping');
    expect([...bench.state.operations.values()].map(({ state }) => state)).toEqual(['running', 'running']);
    gone(bench, 'chat/r1');
    while (bench.view().state === 'draining') bench.wake();
    gone(bench);
    expect([...bench.state.operations.values()].map(({ outcome }) => outcome)).toEqual(['forced', 'forced']);
  });

  test.each<[string, (bench: Bench) => Bench, string]>([
    [
      'of a starting engine stops it at once',
      (bench) => bench.ask('restart', { now: true }).exited().swept().checked().spawned(),
      'stopping',
    ],
    ['of one that waits to launch ends that', (bench) => bench.ask('restart', { now: true }).exited().swept(), 'stopped'],
    ['ends a wait', (bench) => bench.exited(), 'stopping'],
    ['of a stopped one changes nothing', (bench) => bench.ask('stop').exited().swept(), 'stopped'],
  ])('%s', (_, prepared, state) => {
    const bench = prepared(serving(4)).ask('drain');
    expect(bench.view()).toMatchObject({ state, goal: 'down' });
    if (state === 'stopping') gone(bench);
    expect(operationOf(bench)).toMatchObject({ kind: 'drain', outcome: 'drained', cut: 0 });
  });

  test.each([
    ['with leases', 2, 'forced'],
    ['without', 0, 'drained'],
  ] as const)('ends with a crash; %s', (_, leases, outcome) => {
    const bench = serving(4).polled(1);
    for (let n = 0; n < leases; n += 1) acquire(bench);
    bench.ask('drain').exited();
    const lost = bench.events.filter(({ event }) => event === 'lease.lost');
    expect(lost.map(({ reason }) => reason)).toEqual(Array(leases).fill(expect.stringMatching(/^exited with code 1 after /)));
    bench.swept();
    expect(bench.view()).toMatchObject({ state: 'stopped', crash_count: 1 });
    expect(operationOf(bench)).toMatchObject({ state: 'succeeded', outcome, cut: leases });
  });

  it('goes on under probes that fail, and restarts nothing', () => {
    const bench = serving(4);
    acquire(bench, { ttlMs: 3_600_000 });
    bench.polled(0).ask('drain', { deadlineMs: 600_000 });
    bench.pass(300_000, probeResult({ verdict: 'failed', detail: 'HTTP 500' }));
    expect(bench.view()).toMatchObject({ state: 'draining', active_leases: 1 });
  });

  it('of an engine that a sticky error condemns lasts no longer than that has', () => {
    const bench = serving(4);
    acquire(bench);
    alarmed(bench, 'sticky').ask('drain', { deadlineMs: 600_000 });
    expect(bench.view().why).toMatch(/forced in 10s$/);
  });
});

describe('a drain that is cancelled by a start', () => {
  const draining = () => {
    const bench = serving(4);
    acquire(bench);
    return bench.polled(1).ask('drain');
  };

  it('leaves the engine serving, with its leases', () => {
    const bench = draining();
    const drained = operationOf(bench);
    bench.ask('start');
    expect(bench.view()).toMatchObject({ state: 'ready', goal: 'up', active_leases: 1, incarnation: 1 });
    expect(bench.did()).toEqual(['write-handoff', 'record']);
    expect(bench.heard('drain.finished')).toMatchObject([{ result: 'cancelled', operation_id: drained.operation_id }]);
    expect(acquire(bench).key).toBe('chat/r0');
    expect(operationOf(bench)).toMatchObject({ kind: 'start', outcome: 'ready', changed: true });
  });

  it('launches it again where the stop has begun', () => {
    const bench = serving(4).polled(0).ask('drain').ask('start');
    expect(bench.view()).toMatchObject({ state: 'stopping', goal: 'up' });
    gone(bench);
    expect(bench.did()).toContain('check');
    bench.ready();
    expect(bench.view()).toMatchObject({ state: 'ready', incarnation: 2, restart_count: 0, crash_count: 0 });
  });

  it('is unhealthy where it has failed its probes meanwhile', () => {
    const bench = draining();
    bench.pass(120_000, probeResult({ verdict: 'failed', detail: 'HTTP 500' })).ask('start');
    expect(bench.view()).toMatchObject({ state: 'unhealthy', ready: false });
  });

  it('is unhealthy where its log told of a sticky error meanwhile, and is restarted', () => {
    const bench = alarmed(draining(), 'sticky');
    expect(bench.view().state).toBe('draining');
    bench.ask('start');
    expect(bench.view()).toMatchObject({ state: 'unhealthy', why: expect.stringContaining('CUDA error') });
  });

  it('is ready where it was unhealthy and has passed its probes meanwhile', () => {
    const bench = draining()
      .ask('start')
      .pass(35_000, probeResult({ verdict: 'failed' }));
    expect(bench.view().state).toBe('unhealthy');
    bench.ask('drain').pass(60_000).ask('start');
    expect(bench.view().state).toBe('ready');
    expect(bench.replica().life).toMatchObject({ stableAt: expect.any(Number) });
  });

  it('by a reset is cancelled as well', () => {
    expect(draining().ask('reset').view()).toMatchObject({ state: 'ready', goal: 'up' });
  });

  it('asks no oftener than before the drain', () => {
    const bench = draining().ask('start');
    const { life } = bench.replica();
    expect('polling' in life && life.polling.at).toBe(bench.now + 10_000);
  });
});

describe('stop, restart and shutdown beside a drain', () => {
  it('a stop cuts it short, and its leases', () => {
    const bench = serving(4);
    acquire(bench);
    bench.ask('drain').ask('stop');
    expect(bench.view()).toMatchObject({ state: 'stopping', active_leases: 0 });
    expect(bench.heard('drain.finished')).toMatchObject([{ result: 'cancelled' }]);
    gone(bench);
    expect(operationOf(bench)).toMatchObject({ kind: 'stop', outcome: 'stopped', cut: 1, active_leases: 1 });
  });

  it('a restart drains one replica after another, and launches each', () => {
    const bench = serving(4, 2);
    const lease = acquire(bench);
    bench.polled(0).polled(0, 'chat/r1').ask('restart', { deadlineMs: 30_000 });
    expect(bench.view()).toMatchObject({ state: 'draining', goal: 'up', why: '1 lease, forced in 30s' });
    expect(bench.view('chat/r1')).toMatchObject({ state: 'ready' });
    expect(poolOf(bench)).toMatchObject({ draining: false, ready: true });
    bench.now += 100;
    release(bench, lease.id);
    gone(bench);
    bench.ready();
    expect(bench.view()).toMatchObject({ state: 'ready', incarnation: 2, restart_count: 0 });
    expect(bench.view('chat/r1').state).toBe('draining');
    expect(bench.wake().did()).toContain('poll');
    gone(bench.polled(0, 'chat/r1'), 'chat/r1');
    bench.ready('chat/r1');
    expect(operationOf(bench)).toMatchObject({ kind: 'restart', outcome: 'ready', cut: 0 });
  });

  it('a restart that drains one replica does not load, whatever another does', () => {
    const bench = serving(4, 2);
    acquire(bench);
    bench.exited(exitOf({ code: 1 }), true, 'chat/r1');
    while (bench.view('chat/r1').state === 'backoff') bench.wake();
    bench.checked('chat/r1').spawned(102, 'chat/r1').ask('restart');
    expect(bench.view()).toMatchObject({ state: 'draining' });
    expect(bench.view('chat/r1')).toMatchObject({ state: 'starting' });
    expect(operationOf(bench)).toMatchObject({ state: 'running', startup_deadline_ms: null });
  });

  it('a start does not cut the drain of a restart short', () => {
    const bench = serving(4);
    acquire(bench);
    bench.ask('restart').ask('start');
    expect(bench.view()).toMatchObject({ state: 'draining', goal: 'up' });
    bench.ask('reset');
    expect(bench.view()).toMatchObject({ state: 'draining', goal: 'up' });
  });

  it('a drain takes a restart over: nothing is launched again', () => {
    const bench = serving(4);
    const lease = acquire(bench);
    bench.polled(0).ask('restart').ask('drain');
    expect(bench.view()).toMatchObject({ state: 'draining', goal: 'down' });
    release(bench, lease.id);
    gone(bench);
    expect(bench.view().state).toBe('stopped');
    expect([...bench.state.operations.values()].map(({ kind, outcome }) => [kind, outcome])).toEqual([
      ['restart', 'cancelled'],
      ['drain', 'drained'],
    ]);
  });

  const shutdown = { type: 'shutdown-requested', because: 'SIGTERM', exit: 0, correlationId: null } as const;

  it('a shutdown drains for so long at most, and a second one stops at once', () => {
    const bench = serving(4, 1, {}, { shutdownDeadlineMs: 30_000 });
    acquire(bench);
    bench.polled(1).give({ ...shutdown, rung: 'drain' });
    expect(bench.view()).toMatchObject({ state: 'draining', why: '1 lease, 1 running request, forced in 30s' });
    expect(refusal(bench).code).toBe('SHUTTING_DOWN');
    bench.give({ ...shutdown, rung: 'stop' });
    expect(bench.view().state).toBe('stopping');
    gone(bench);
    expect(bench.did()).toContain('end');
    expect(operationOf(bench)).toMatchObject({ kind: 'shutdown', outcome: 'stopped', cut: 1 });
  });

  it('a shutdown that keeps the engines drains those that die with it, and a second one may take their time away', () => {
    const { isolate } = poolSpec('chat', 1);
    const bench = serving(4, 1, { isolate: { ...isolate, dieWithSupervisor: true } });
    acquire(bench);
    bench.polled(1).give({ ...shutdown, rung: 'drain', keep: true, deadlineMs: 60_000 });
    bench.give({ ...shutdown, rung: 'drain', keep: true, deadlineMs: 5_000 });
    expect(bench.view()).toMatchObject({ state: 'draining', why: '1 lease, 1 running request, forced in 5s' });
  });

  it('a shutdown whose deadline passes is forced, and says so', () => {
    const bench = serving(4);
    acquire(bench);
    bench.polled(0).give({ ...shutdown, rung: 'drain', deadlineMs: 2_000 });
    while (bench.view().state === 'draining')
      for (const effect of bench.wake().effects) if (effect.type === 'poll') bench.polled(0);
    gone(bench);
    expect(operationOf(bench)).toMatchObject({ kind: 'shutdown', outcome: 'forced', cut: 1 });
    expect(bench.did()).toContain('end');
  });
});

describe('a drain whose supervisor dies', () => {
  const unmet = () => again(serving(4).polled(1).ask('drain', { deadlineMs: 60_000 }));
  const met = (bench: Bench): number => {
    bench.give({ type: 'adopted', ...bench.of() });
    const { life } = bench.replica();
    return life.state === 'draining' ? life.deadline - bench.now : Number.NaN;
  };

  it.each([
    ['a later deadline', { deadlineMs: 90_000 }, 55_000],
    ['an earlier one', { deadlineMs: 30_000 }, 30_000],
    ['a later one that extends it', { deadlineMs: 90_000, extend: true }, 90_000],
  ])('and that is asked for with %s before its engine is met is over as if it had been met', (_, wish, left) => {
    expect(met(unmet().ask('drain', wish))).toBe(left);
  });

  it('and that is called off before its engine is met is forgotten', () => {
    expect(met(unmet().ask('start'))).toBeNaN();
    expect(met(unmet().ask('start').ask('drain', { deadlineMs: 90_000 }))).toBe(90_000);
  });

  it('goes on under the next one: the engine is asked, and its leases are lost', () => {
    const bench = serving(4);
    acquire(bench);
    const next = again(bench.polled(1).ask('drain', { deadlineMs: 60_000 }), { now: bench.now + 10_000 });
    expect(next.told()).toContain('lease.lost');
    expect(next.view()).toMatchObject({ state: 'starting', goal: 'down' });
    next.give({ type: 'adopted', ...next.of() });
    expect(next.view()).toMatchObject({ state: 'draining', goal: 'down', adopted: true });
    expect(next.view().why).toBe('its running requests are asked for, forced in 50s');
    expect(next.wake().did()).toContain('poll');
    expect(next.polled(1).view().why).toBe('1 running request, forced in 50s');
    next.now += 1_000;
    next.give({ type: 'woke' });
    expect(next.polled(0).view().state).toBe('stopping');
    gone(next);
    expect(next.view()).toMatchObject({ state: 'stopped', goal: 'down' });
  });

  it.each([true, false])('leaves an engine that went with it stopped (group empty: %s)', (empty) => {
    const { isolate } = poolSpec('chat', 1);
    const bench = serving(4, 1, { isolate: { ...isolate, dieWithSupervisor: true } });
    acquire(bench);
    const next = again(bench.ask('drain')).exited(exitOf(), empty);
    if (!empty) next.wake();
    expect(next.swept().view()).toMatchObject({ state: 'stopped', goal: 'down', crash_count: 0 });
  });

  it('in the middle of a restart leaves the engine serving', () => {
    const bench = serving(4);
    acquire(bench);
    const next = again(bench.polled(0).ask('restart'));
    next.give({ type: 'adopted', ...next.of() }).probed();
    expect(next.view()).toMatchObject({ state: 'ready', goal: 'up', incarnation: 1 });
  });

  test.each([
    ['waits for its requests, too', {}, 'draining'],
    ['does not wait where it is not to', { now: true }, 'stopping'],
  ] as const)('a restart before the next supervisor has probed the engine %s', (_, how, state) => {
    const next = again(serving(4).polled(1));
    next.give({ type: 'adopted', ...next.of() }).ask('restart', how);
    expect(next.view()).toMatchObject({ state, goal: 'up' });
  });

  it('a drain before the next supervisor has met the engine waits for its requests, too', () => {
    const next = again(serving(4).polled(1));
    next.ask('drain');
    expect(next.view()).toMatchObject({ state: 'draining' });
    next.give({ type: 'adopted', ...next.of() });
    expect(next.told()).toEqual(['replica.adopted']);
  });
});
