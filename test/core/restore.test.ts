/** What a supervisor's death leaves, and what the next one makes of it. */

import { describe, expect, it, test } from 'vitest';
import type { Input } from '../../src/core/messages.js';
import type { PoolSpec } from '../../src/core/model.js';
import { diagnosisOf, exitOf, identityOf, probeResult } from '../rig/facts.js';
import { poolSpec } from '../rig/specs.js';
import { type Again, restoredFrom, written } from './again.js';
import { Bench } from './bench.js';

const plain = poolSpec('chat', 1);
const one = (more: Partial<PoolSpec> = {}) => new Bench([poolSpec('chat', 1, more)]);
const gone = exitOf({ code: null });

/** Killed and begun again, so much later. */
function again(bench: Bench, more: Again = {}): Bench {
  const now = more.now ?? bench.now + 5_000;
  const restored = restoredFrom(written(bench.state, bench.now), bench.state, { ...more, now });
  const next = new Bench([]);
  next.now = now;
  return next.resume(restored);
}

const adopted = (bench: Bench) => bench.give({ type: 'adopted', ...bench.of() });
const crashed = (bench: Bench, times: number): Bench => {
  for (let n = 0; n < times; n += 1) {
    if (n > 0) bench.wake().ready();
    bench.exited();
  }
  return bench;
};
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
    if (!empty) bench.wake().swept();
    expect(bench.did()).toContain('check');
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

  it('of a restart that waited to launch waits on', () => {
    const queued = new Bench([poolSpec('chat', 6)]);
    const bench = again(queued).give({ type: 'woke' });
    expect(bench.view('chat/r5')).toMatchObject({ state: 'preparing' });
  });
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
    const down: Input = { type: 'shutdown-requested', because: 'SIGTERM', kill: false, exit: 0, correlationId: null };
    const bench = again(served().give(down));
    expect(bench.view()).toMatchObject({ state: 'stopping', goal: 'up' });
    expect(bench.state.shutdown).toBeNull();
    expect(bench.exited(gone).swept().did()).toContain('check');
    const after = again(served().give(down).exited().swept()).give({ type: 'woke' });
    expect(after.view()).toMatchObject({ state: 'preparing', goal: 'up' });
  });
});

describe('waits and verdicts', () => {
  it('hold in the same boot, to the instant', () => {
    const waiting = one().ready().exited();
    const bench = again(waiting, { now: waiting.now + 400 });
    expect(bench.view()).toMatchObject({ state: 'backoff', crash_count: 1, backoff: { attempt: 1 } });
    expect(bench.wake().now).toBe(waiting.now + 1_000);
  });

  test.each([
    [100_000, 200_000],
    [500_000, 0],
    [-50_000, 300_000],
  ])('of an open breaker go on by the wall clock in another boot: %d ms later, %d are left', (laterMs, leftMs) => {
    const broken = crashed(one().ready(), 5);
    const bench = again(broken, { sameBoot: false, now: 10, wallMs: 1e12 + broken.now + laterMs });
    expect(bench.view()).toMatchObject({ state: 'broken', breaker: { state: 'open', failures: 5 } });
    const at = bench.wake().now;
    expect(Math.max(0, at - 10)).toBe(leftMs);
    expect(bench.view()).toMatchObject({ state: 'preparing', breaker: { state: 'half-open' } });
  });

  it('of a storm hold: the restarts of the window are still counted', () => {
    const bench = again(crashed(one().ready(), 4).wake().ready());
    expect(bench.state.pools.get('chat')?.restarts).toHaveLength(4);
    expect(bench.view()).toMatchObject({ restarts_total: 4, crashes_total: 4 });
  });

  it('of a failure for good hold, until its entry changes', () => {
    const failed = one()
      .checked()
      .spawned()
      .exited(exitOf({ diagnosis: diagnosisOf('config') }));
    expect(again(failed).give({ type: 'woke' }).view()).toMatchObject({ state: 'failed', crash_count: 1 });
    const bench = again(failed, { pools: [poolSpec('chat', 1, { args: ['--new'] })] }).give({ type: 'woke' });
    expect(bench.view()).toMatchObject({ state: 'preparing', crash_count: 0, crashes_total: 1, last_error: null });
  });

  it('of a stop hold; one that ended by itself stays so unless it is named', () => {
    expect(again(served().ask('stop').exited().swept()).give({ type: 'woke' }).view()).toMatchObject({
      state: 'stopped',
      goal: 'down',
    });
    const ended = served().exited(exitOf({ code: 0 }));
    expect(again(ended).give({ type: 'woke' }).view()).toMatchObject({ state: 'stopped', goal: 'up' });
    expect(
      again(ended, { named: ['chat'] })
        .give({ type: 'woke' })
        .view().state,
    ).toBe('preparing');
  });

  it('begin afresh after a clean end, but for ports and lifetime counts', () => {
    const bench = again(crashed(one().ready(), 5), { clean: true }).give({ type: 'woke' });
    expect(bench.view()).toMatchObject({
      state: 'preparing',
      port: 18_100,
      crash_count: 0,
      restarts_total: 4,
      crashes_total: 5,
      breaker: { state: 'closed', failures: 0 },
    });
    expect(bench.launch().incarnation).toBe(6);
    expect(bench.state.pools.get('chat')?.restarts).toEqual([]);
  });
});

it('an operation under way is told as interrupted, and stays to be asked for', () => {
  const before = served();
  const { answer } = before.ask('restart');
  if (answer?.ok !== true) throw new Error('refused');
  const bench = again(before);
  expect(bench.events.at(-1)).toMatchObject({ event: 'operation.finished', result: 'interrupted', kind: 'restart' });
  expect(bench.state.operations.get(answer.operationId)).toMatchObject({
    state: 'failed',
    interrupted: true,
    outcome: 'interrupted',
  });
  expect(bench.exited(gone).swept().ready().view()).toMatchObject({ state: 'ready', crash_count: 0 });
});

describe('engines of places that are no more', () => {
  const two = () => {
    const bench = new Bench([poolSpec('chat', 1), poolSpec('code', 1)]);
    bench.ready();
    return bench;
  };

  it('are leftovers, and nothing is launched before they are gone', () => {
    const bench = again(two(), { pools: [poolSpec('code', 1)] });
    bench.give({ type: 'unspawned', ...bench.of('code/r0') });
    expect(bench.state.leftovers).toMatchObject([{ key: 'chat/r0', identity: { pid: 100 } }]);
    expect(bench.did()).toEqual([]);
    expect(bench.give({ type: 'leftovers-gone' }).did()).toContain('check');
    expect(bench.state.leftovers).toEqual([]);
  });

  it('are still known to the next supervisor where this one did not get rid of them', () => {
    const bench = again(again(two(), { pools: [poolSpec('code', 1)] }));
    expect(bench.state.leftovers).toMatchObject([{ key: 'chat/r0' }]);
    expect(again(bench, { sameBoot: false }).state.leftovers).toEqual([]);
  });
});
