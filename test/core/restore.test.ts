/** What a supervisor's death leaves, and what the next one makes of it. */

import { describe, expect, it, test } from 'vitest';
import type { Input } from '../../src/core/messages.js';
import type { PoolSpec } from '../../src/core/model.js';
import { diagnosisOf, exitOf, identityOf, probeResult } from '../rig/facts.js';
import { poolSpec } from '../rig/specs.js';
import { type Again, again, restoredFrom, written } from './again.js';
import { Bench } from './bench.js';
import { acquire, serving } from './leasing.js';

const plain = poolSpec('chat', 1);
const one = (more: Partial<PoolSpec> = {}) => new Bench([poolSpec('chat', 1, more)]);
const gone = exitOf({ code: null });

const adopted = (bench: Bench) => bench.give({ type: 'adopted', ...bench.of() });
const description = { engineVersion: 'b1', slotsTotal: 4, ctxMax: 4_096 };
const served = () => one().checked().spawned().wake().probed(probeResult({ description }));

describe('an engine that served', () => {
  it('is adopted: the same pid, incarnation and counters, ready after one good probe', () => {
    const before = one().ready().exited().wake().ready();
    const bench = again(before);
    expect(bench.effects).toMatchObject([{ type: 'adopt', identity: { pid: 100 }, launch: { incarnation: 2, port: 18_100 } }]);
    expect(bench.view()).toMatchObject({
      state: 'starting',
      live: true,
      pid: 100,
      incarnation: 2,
      adopted: true,
      crash_count: 1,
    });
    expect(bench.give({ type: 'woke' }).did()).toEqual([]);
    expect(adopted(bench).told()).toEqual(['replica.adopted']);
    expect(bench.wake().did()).toEqual(['probe']);
    expect(bench.probed().did()).toEqual(['write-handoff', 'record']);
    expect(bench.events).toMatchObject([{ event: 'replica.ready', because: 'adopted' }]);
    expect(bench.view()).toMatchObject({ state: 'ready', restart_count: 1, restarts_total: 1, ready_at: before.view().ready_at });
  });

  it('keeps what it said of itself and what its ready time has earned so far', () => {
    const bench = again(served().pass(59_000), { now: 65_000 });
    adopted(bench).wake().probed();
    expect(bench.view()).toMatchObject({ engine_version: 'b1', slots_total: 4 });
    expect(bench.replica().life).toMatchObject({ closeAt: 61_000, stableAt: 301_000 });
  });

  it('that does not answer has the patience of one that serves, and is unhealthy then', () => {
    const bench = adopted(again(served()));
    for (let n = 0; n < 3; n += 1) {
      expect(bench.view().state).toBe('starting');
      bench.wake().probed(probeResult({ verdict: 'failed', detail: 'no answer in 2s' }));
    }
    expect(bench.view()).toMatchObject({ state: 'unhealthy', live: true, crash_count: 0 });
    expect(bench.wake().probed().view().state).toBe('ready');
  });

  it('that is gone is a crash whose code nobody saw', () => {
    const bench = again(served()).exited(gone);
    expect(bench.view()).toMatchObject({
      state: 'backoff',
      crash_count: 1,
      last_exit: { code: null, signal: null, class: 'unknown' },
    });
    expect(bench.view().last_error).toContain('ended, and nobody saw how');
  });

  test.each([true, false])('that was to die with its supervisor and is gone is no crash (group empty: %s)', (empty) => {
    const spec = { isolate: { ...plain.isolate, dieWithSupervisor: true } };
    const bench = again(one(spec).ready()).exited(gone, empty);
    if (!empty) bench.wake();
    expect(bench.swept().did()).toContain('check');
    expect(bench.view()).toMatchObject({ state: 'preparing', crash_count: 0, breaker: { failures: 0 } });
  });

  test.each<[string, Again]>([
    ['whose entry has changed', { pools: [poolSpec('chat', 1, { args: ['--new'], stop: { signal: 'SIGINT', graceMs: 9 } })] }],
    ['where supervisor.adopt is false', { supervisor: { adopt: false } }],
  ])('%s is stopped as it was to be stopped then, and launched anew', (_, more) => {
    const bench = again(served(), more);
    expect(bench.effects).toMatchObject([
      { type: 'adopt' },
      { type: 'record' },
      { type: 'signal', rung: 'term', launch: { spec: { stop: plain.stop } } },
    ]);
    expect(bench.view()).toMatchObject({ state: 'stopping', live: true });
    bench.exited(gone).swept();
    expect(bench.view()).toMatchObject({ state: 'preparing', crash_count: 0 });
    expect(bench.launch()).toMatchObject({
      incarnation: 2,
      port: 18_100,
      spec: { args: more.pools === undefined ? [] : ['--new'] },
    });
  });

  it('and must go is waited for by all that want to launch', () => {
    const both = new Bench([poolSpec('chat', 1), poolSpec('code', 1)]);
    const bench = again(both.ready(), { supervisor: { adopt: false } });
    bench.give({ type: 'unspawned', ...bench.of('code/r0') });
    expect(bench.did()).toEqual([]);
    expect(bench.view('code/r0').why).toBe('waits until engines of an earlier supervisor are gone: chat/r0');
    expect(
      bench
        .exited(gone)
        .swept()
        .did()
        .filter((what) => what === 'check'),
    ).toHaveLength(2);
  });

  it('in another boot is gone without a word, and launched anew', () => {
    const bench = again(served(), { sameBoot: false, now: 10 }).give({ type: 'woke' });
    expect(bench.did()).toEqual(['check', 'record']);
    expect(bench.view()).toMatchObject({ crash_count: 0, port: 18_100 });
    expect(bench.launch().incarnation).toBe(2);
  });

  it('of a pool that is not named now is stopped', () => {
    const both = new Bench([poolSpec('chat', 1), poolSpec('code', 1)]);
    const bench = again(both.ready(), { named: ['code'] });
    expect(bench.view()).toMatchObject({ state: 'stopping', goal: 'down' });
    expect(bench.exited(gone).swept().view()).toMatchObject({ state: 'stopped', crash_count: 0 });
    expect(bench.view('code/r0').goal).toBe('up');
  });
});

describe('a launch under way', () => {
  it('that is loading has the rest of its deadline, and ten seconds at least', () => {
    const loading = one().checked().spawned();
    expect(again(loading).replica().life).toMatchObject({ state: 'starting', deadline: 121_000, resumed: null });
    expect(again(loading, { now: 200_000 }).replica().life).toMatchObject({ deadline: 210_000 });
  });

  test.each<[string, (bench: Bench) => Bench]>([
    ['whose checks ran', (bench) => bench],
    ['whose spawn was ordered', (bench) => bench.checked()],
  ])('%s is looked for, and loads on where it is found', (_, until) => {
    const bench = again(until(one()));
    expect(bench.effects).toMatchObject([{ type: 'seek', launch: { incarnation: 1 } }]);
    expect(bench.give({ type: 'woke' }).did()).toEqual([]);
    bench.give({ type: 'spawned', ...bench.of(), identity: identityOf(77, 'id1') });
    expect(bench.view()).toMatchObject({ state: 'starting', pid: 77, incarnation: 1, adopted: true });
    expect(bench.wake().probed().view().state).toBe('ready');
  });

  it('that is not found is made anew, under a number of its own', () => {
    const bench = again(one().checked());
    bench.give({ type: 'unspawned', ...bench.of() });
    expect(bench.launch().incarnation).toBe(2);
  });

  it('whose entry has changed is ended where it is found', () => {
    const bench = again(one().checked(), { pools: [poolSpec('chat', 1, { args: ['--new'] })] });
    bench.give({ type: 'spawned', ...bench.of(), identity: identityOf(77, 'id1') });
    expect(bench.effects).toMatchObject([{ type: 'record' }, { type: 'signal', rung: 'term' }]);
  });

  it('whose entry has changed is ended where it is found, whoever finds it', () => {
    const changed = { pools: [poolSpec('chat', 1, { args: ['--new'] })] };
    const bench = again(again(one().checked(), changed), changed);
    bench.give({ type: 'spawned', ...bench.of(), identity: identityOf(77, 'id1') });
    expect(bench.effects).toMatchObject([{ type: 'record' }, { type: 'signal', rung: 'term' }]);
  });

  it('of a restart that waited to launch waits on', () => {
    const queued = new Bench([poolSpec('chat', 6)]);
    const bench = again(queued).give({ type: 'woke' });
    expect(bench.view('chat/r5')).toMatchObject({ state: 'preparing' });
  });
});

it('an engine whose replica was recorded without a port has that of its launch: its leases name it, and nobody else is given it', () => {
  const bench = served();
  const record = written(bench.state, bench.now);
  const replicas = { 'chat/r0': { ...record.replicas['chat/r0'], port: null } };
  const { state } = restoredFrom({ ...record, replicas } as typeof record, bench.state);
  expect(state.pools.get('chat')?.replicas[0]).toMatchObject({ port: bench.view().port, portProven: true });
});

it.each(['stop', 'drain'] as const)(
  'a restart of the pool wins over a %s before it, also where its turn has not come',
  (verb) => {
    const bench = serving(4, 2);
    acquire(bench, { replicaId: 'r1' });
    bench.ask(verb, { replicaId: 'r1' }).ask('restart', { now: true });
    expect(bench.view('chat/r1').state).toBe(verb === 'stop' ? 'stopping' : 'draining');
    expect(again(bench).replica('chat/r1').goal).toBe('up');
  },
);

it('a restart of the pool that has not come to a stopped replica starts it', () => {
  const bench = serving(4, 2)
    .ask('stop', { replicaId: 'r1' })
    .ask('restart')
    .exited(exitOf({ code: 0 }), true, 'chat/r1');
  bench.give({ type: 'swept', ...bench.of('chat/r1'), left: [] });
  expect(bench.view('chat/r1').state).toBe('stopped');
  expect(again(bench).replica('chat/r1')).toMatchObject({ goal: 'up', life: { state: 'preparing', cause: 'start' } });
});

describe('an engine that was being ended', () => {
  it('is ended on, from the first rung', () => {
    const bench = again(served().ask('stop'));
    expect(bench.did()).toEqual(['adopt', 'record', 'signal']);
    expect(bench.exited(gone).swept().view()).toMatchObject({ state: 'stopped', goal: 'down', crash_count: 0 });
  });

  it('and whose leader was seen to end is only looked for, and its crash is counted once', () => {
    const bench = again(served().exited(exitOf({ code: 9 }), false));
    expect(bench.did()).toEqual([]);
    expect(bench.wake().did()).toEqual(['sweep']);
    expect(bench.swept().view()).toMatchObject({ state: 'backoff', crash_count: 1, last_exit: { code: 9 } });
  });

  it('and served under an entry that has changed since has proved nothing of the new one', () => {
    const bench = again(served().exited(exitOf({ code: 9 }), false), { pools: [poolSpec('chat', 1, { args: ['--new'] })] });
    bench.wake().swept().wake().checked().spawned();
    bench.exited(exitOf({ diagnosis: diagnosisOf('config', { restartable: false }) }));
    expect(bench.view().state).toBe('failed');
  });

  it('since it was unhealthy, and served under an entry that has changed since, has proved nothing of the new one', () => {
    const ending = served();
    while (ending.view().state !== 'stopping') ending.wake().probed(probeResult({ verdict: 'failed' }));
    const bench = again(ending, { pools: [poolSpec('chat', 1, { args: ['--new'] })] });
    bench.exited(gone).swept().wake().checked().spawned();
    bench.exited(exitOf({ diagnosis: diagnosisOf('config', { restartable: false }) }));
    expect(bench.view().state).toBe('failed');
  });

  it('and was stuck is looked for on', () => {
    const stuck = served().ask('stop');
    while (stuck.view().state !== 'stuck') {
      stuck.wake();
      if (stuck.did().includes('sweep')) stuck.swept([100]);
    }
    const bench = again(stuck);
    expect(bench.view()).toMatchObject({ state: 'stopping', live: true });
  });

  it('by a shutdown that was cut short is wanted as before', () => {
    const down: Input = { type: 'shutdown-requested', because: 'SIGTERM', rung: 'stop', exit: 0, correlationId: null };
    const bench = again(served().give(down));
    expect(bench.view()).toMatchObject({ state: 'stopping', goal: 'up' });
    expect(bench.state.shutdown).toBeNull();
    expect(bench.exited(gone).swept().did()).toContain('check');
    const after = again(served().give(down).exited().swept()).give({ type: 'woke' });
    expect(after.view()).toMatchObject({ state: 'preparing', goal: 'up' });
  });
});
