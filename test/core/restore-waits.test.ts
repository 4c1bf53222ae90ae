/** Waits, verdicts, operations and leftovers over a supervisor's death. */

import { describe, expect, it, test } from 'vitest';
import type { PoolSpec } from '../../src/core/model.js';
import { diagnosisOf, exitOf, probeResult } from '../rig/facts.js';
import { poolSpec } from '../rig/specs.js';
import { again } from './again.js';
import { Bench, crash } from './bench.js';

const one = (more: Partial<PoolSpec> = {}) => new Bench([poolSpec('chat', 1, more)]);
const gone = exitOf({ code: null });

const description = { engineVersion: 'b1', slotsTotal: 4, ctxMax: 4_096 };
const served = () => one().checked().spawned().wake().probed(probeResult({ description }));

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
    const broken = crash(one().ready(), 5);
    const bench = again(broken, { sameBoot: false, now: 10, wallMs: 1e12 + broken.now + laterMs });
    expect(bench.view()).toMatchObject({ state: 'broken', breaker: { state: 'open', failures: 5 } });
    const at = bench.wake().now;
    expect(Math.max(0, at - 10)).toBe(leftMs);
    expect(bench.view()).toMatchObject({ state: 'preparing', breaker: { state: 'half-open' } });
  });

  it('of a storm hold: the restarts of the window are still counted', () => {
    const bench = again(crash(one().ready(), 4).wake().ready());
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
    const bench = again(crash(one().ready(), 5), { clean: true }).give({ type: 'woke' });
    expect(bench.view()).toMatchObject({
      state: 'preparing',
      port: 18_100,
      crash_count: 0,
      restarts_total: 4,
      crashes_total: 5,
      breaker: { state: 'closed', failures: 0 },
    });
    // What the last one may have left behind is looked for before anything is launched.
    expect(bench.swept().launch().incarnation).toBe(6);
    expect(bench.state.pools.get('chat')?.restarts).toEqual([]);
  });
});

it('an operation under way is told as interrupted, and stays to be asked for', () => {
  const before = served();
  const { answer } = before.ask('restart', { now: true });
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

  test.each([
    ['are waited for by a shutdown', false, []],
    ['are left to the next supervisor by one that keeps engines', true, ['end']],
  ])('%s', (_, keep, ends) => {
    const bench = again(two(), { pools: [poolSpec('code', 1)] });
    bench.give({ type: 'unspawned', ...bench.of('code/r0') });
    bench.give({ type: 'shutdown-requested', because: 'SIGTERM', rung: 'stop', keep, exit: 0, correlationId: null });
    expect(bench.did().filter((each) => each === 'end')).toEqual(ends);
    expect(bench.give({ type: 'leftovers-gone' }).did()).toContain('end');
  });

  it('are still known to the next supervisor where this one did not get rid of them', () => {
    const bench = again(again(two(), { pools: [poolSpec('code', 1)] }));
    expect(bench.state.leftovers).toMatchObject([{ key: 'chat/r0' }]);
    expect(again(bench, { sameBoot: false }).state.leftovers).toEqual([]);
  });

  it('and that come back give no incarnation twice, and have lost no lifetime count', () => {
    const before = crash(one().ready(), 3);
    const [chat] = [...before.state.pools.values()].map(({ spec }) => spec);
    if (chat === undefined) throw new Error('no pool');
    const without = again(before, { pools: [poolSpec('other', 1)] });
    const back = again(without, { pools: [chat] });
    const { incarnation, crashesTotal, restartsTotal, crashCount } = back.replica();
    expect({ incarnation, crashesTotal, restartsTotal, crashCount }).toEqual({
      incarnation: 3,
      crashesTotal: 3,
      restartsTotal: 2,
      crashCount: 0,
    });
    expect(back.give({ type: 'leftovers-gone' }).launch().incarnation).toBe(4);
  });
});
