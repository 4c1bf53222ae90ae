/** What an apply must not do at the worst of moments; each was found by the simulator. */

import { expect, test } from 'vitest';
import type { PoolSpec, ReplicaKey } from '../../src/core/model.js';
import { exitOf, probeResult } from '../rig/facts.js';
import { deviceOf } from '../rig/launch.js';
import { poolSpec } from '../rig/specs.js';
import { again } from './again.js';
import { apply, carryOut, chat, code, engines, operationOf, poolsOf, up, verified, well } from './applying.js';
import { Bench } from './bench.js';
import { acquire, serving } from './leasing.js';
import { maskOf } from './looks.js';
import { play } from './moves.js';

const one = poolSpec('chat', 1, { model: '/models/a.gguf', modelId: 'a' });
const patient: PoolSpec = { ...one, stop: { ...one.stop, graceMs: 60_000 } };

test('a launch that is under way when policies change goes by the new ones, and the next supervisor knows its engine by them', () => {
  for (const phase of ['checking', 'spawning'] as const) {
    const bench = new Bench([one]);
    if (phase === 'spawning') bench.checked();
    expect(operationOf(apply(bench, [patient]))).toMatchObject({ outcome: 'applied' });
    if (phase === 'checking') expect(bench.checked().effects).toMatchObject([{ type: 'spawn', launch: { spec: patient } }]);
    bench.spawned().wake().probed();
    const after = again(bench, { pools: [patient] });
    expect(after.did()).toEqual(['adopt']);
    bench.ask('stop');
    expect(bench.view().why).toBe('asked to stop, SIGKILL in 1m');
  }
});

test('a startup deadline that is changed while the launch is checked counts', () => {
  const bench = new Bench([one]);
  apply(bench, [{ ...one, health: { ...one.health, startupDeadlineMs: 7_000 } }]);
  bench.checked().spawned();
  expect(bench.replica().life).toMatchObject({ state: 'starting', startupDeadlineMs: 7_000, deadline: bench.now + 7_000 });
});

test('an engine that was only looked for when policies changed is adopted by the supervisor after that', () => {
  const looking = again(new Bench([one]).checked(), { pools: [one] });
  expect(looking.did()).toEqual(['seek']);
  apply(looking, [patient]);
  const after = again(looking, { pools: [patient] }).spawned(100);
  expect(after.view().state).toBe('starting');
});

test('a drain of a pool that is taken out of the file meanwhile ends as drained', () => {
  const bench = up([chat, code]);
  acquire(bench, { ttlMs: 30_000 });
  bench.ask('drain');
  carryOut(apply(bench, [code]));
  expect(engines(bench)).toEqual(['code/r0 ready 1']);
  expect(bench.heard('drain.finished')).toMatchObject([{ result: 'drained' }]);
});

test('what was found out for a place that went is not taken for an answer to the one that came back', () => {
  const bench = new Bench([chat, code]);
  const { check } = bench.launch();
  const asked = { type: 'checked', key: 'chat/r0', check, startupDeadlineMs: 1_000, portKnownFree: true } as const;
  apply(bench, [code]);
  expect(bench.state.pools.has('chat')).toBe(false);
  apply(bench, [{ ...chat, args: ['-x'] }, code]);
  bench.give({ ...asked, obstacles: [], modelBytes: null, listed: true });
  expect(bench.did()).not.toContain('spawn');
  expect(bench.checked().effects).toMatchObject([{ type: 'spawn', launch: { spec: { args: ['-x'] } } }]);
});

test('a pool that is on its way out, since an engine of it would not die, is not wanted up again', () => {
  const bench = carryOut(apply(up(), [code]), (model) => (model === '/models/a.gguf' ? 'hangs beyond death' : 'well'));
  expect(bench.view().state).toBe('stuck');
  expect(operationOf(bench).state).not.toBe('running');
  for (const verb of ['start', 'restart', 'reset'] as const)
    expect(bench.ask(verb).answer).toMatchObject({ ok: false, refusal: { code: 'POOL_NOT_FOUND' } });
  const chosen = { model: '/models/b.gguf', modelDigest: null, modelId: 'b' };
  bench.give({ type: 'reload-requested', poolId: 'chat', chosen, drainMs: null, correlationId: null });
  expect(bench.answer).toMatchObject({ ok: false, refusal: { code: 'POOL_NOT_FOUND' } });
  for (const key of ['chat/r0', 'chat/r1'] as const) bench.exited(undefined, true, key).swept([], key);
  expect(bench.state.pools.has('chat')).toBe(false);
});

test('who shares its device no longer waits until its neighbour, that did, has left', () => {
  const on = (poolId: string, mask: string, share: boolean): PoolSpec =>
    poolSpec(poolId, 1, { model: '/models/a.gguf', masks: [maskOf(mask)], share });
  const bench = up([on('chat', '0', true), on('code', '0', true)], { devices: [deviceOf('0'), deviceOf('1')] });
  acquire(bench, { poolId: 'code', ttlMs: 60_000 });
  verified(apply(bench, [on('chat', '0', false), on('code', '1', true)]));
  play(bench, well, 20_000);
  expect(bench.view()).toMatchObject({ state: 'preparing', why: 'waits until code/r0 has left GPU 0' });
  carryOut(bench);
  expect(operationOf(bench).outcome).toBe('applied');
});

test('a restart to an entry that asks engines for no requests does not wait for their answers', () => {
  const bench = serving(4, 1, one);
  apply(bench, [{ ...one, args: ['-x'], drain: { ...one.drain, inflight: 'off' } }]);
  verified(bench);
  expect(bench.view().state).toBe('stopping');
});

test('a drain asks its engine for requests as soon as they count', () => {
  const off: PoolSpec = { ...one, drain: { ...one.drain, inflight: 'off' } };
  const bench = serving(4, 1, off, { enginePollMs: null });
  acquire(bench, { ttlMs: 60_000 });
  apply(bench.ask('drain'), [one], { enginePollMs: null });
  expect(bench.wake().did()).toContain('poll');
});

test('a restart watches new engines for as long as the new entry says', () => {
  const quick: PoolSpec = { ...one, reload: { ...one.reload, minHealthyMs: 0 } };
  const slow: PoolSpec = { ...quick, args: ['-x'], reload: { ...one.reload, minHealthyMs: 30_000 } };
  const bench = verified(apply(serving(4, 1, quick), [slow]));
  const [before] = [bench.now];
  carryOut(bench);
  expect(operationOf(bench).outcome).toBe('applied');
  expect(bench.now - before).toBeGreaterThanOrEqual(30_000);
});

test('a place whose engine has ended by itself is not given up before those are looked for who had left its group', () => {
  const ended = (key: ReplicaKey): Bench => up([chat, code]).exited(exitOf({ code: 0 }), true, key);
  const bench = ended('chat/r0');
  expect(bench.view().state).toBe('stopped');
  apply(bench.ask('stop', { replicaId: 'r1' }).exited(undefined, true, 'chat/r1').swept([], 'chat/r1'), [code]);
  expect(bench.state.pools.has('chat')).toBe(true);
  bench.swept();
  expect(bench.state.pools.has('chat')).toBe(false);
  const fewer = ended('chat/r1');
  verified(apply(fewer, [{ ...chat, masks: chat.masks.slice(0, 1) }, code]));
  play(fewer, well, 60_000);
  expect(poolsOf(fewer)[0]?.replicas).toHaveLength(2);
  fewer.swept([], 'chat/r1');
  expect(poolsOf(fewer)[0]?.replicas).toHaveLength(1);
});

test('a place whose engine would not die is not given up', () => {
  const bench = up([chat, code]);
  const stuck = play(bench.ask('stop', { replicaId: 'r1' }), () => 'hangs beyond death', 60_000);
  expect(stuck.view('chat/r1').state).toBe('stuck');
  carryOut(apply(stuck, [{ ...chat, masks: chat.masks.slice(0, 1) }, code]), (_, key) =>
    key === 'chat/r1' ? 'hangs beyond death' : 'well',
  );
  expect(operationOf(bench).outcome).toBe('rolled_back');
  expect(bench.view('chat/r1').state).toBe('stuck');
});

test('slots that are changed while an engine is asked for them are those of the file', () => {
  const probed = probeResult({ description: { engineVersion: null, slotsTotal: 4, ctxMax: null } });
  const bench = new Bench([one]).checked().spawned().wake();
  apply(bench, [{ ...one, slots: 6 }]);
  expect(bench.probed(probed).view()).toMatchObject({ state: 'ready', slots_total: 6 });
  const met = again(serving(4, 1, one), { pools: [one] });
  apply(met, [{ ...one, slots: 6 }]);
  met.give({ type: 'adopted', ...met.of() });
  for (let n = 0; n < 3; n += 1) met.wake().probed(probeResult({ verdict: 'failed', detail: 'HTTP 500' }));
  expect(met.view()).toMatchObject({ state: 'unhealthy', slots_total: 6 });
});

test('the devices of a pool that is new are looked at before it is launched there: nobody may have done so for long', () => {
  const bench = up([code], { devices: [deviceOf('0')] });
  bench.now += 3_600_000;
  apply(bench, [code, { ...one, masks: [maskOf('0')] }]);
  expect(bench.did()).toContain('observe');
  expect(bench.view()).toMatchObject({ state: 'preparing', why: 'waits until it is seen what is free on GPU 0' });
  play(bench, well, 60_000, (now) => now.view().ready);
  expect(bench.view().state).toBe('ready');
});

test('an engine whose restart is given up is asked for its health as before, also where the new entry would not have asked', () => {
  const bench = serving(4, 1, one);
  acquire(bench, { ttlMs: 3_600_000 });
  const drain = { ...one.drain, deadlineMs: 30_000 };
  verified(apply(bench, [{ ...one, args: ['-x'], drain, health: { ...one.health, path: 'none' } }]));
  bench.pass(60_000);
  expect(operationOf(bench).outcome).toBe('rolled_back');
  expect(bench.view().state).toBe('ready');
  for (let n = 0; n < 3; n += 1) bench.pass(one.health.intervalMs, probeResult({ verdict: 'failed', detail: 'HTTP 500' }));
  expect(bench.view().state).toBe('unhealthy');
});

test('of two that wait for one device, since one could not go back to it, one alone is launched there', () => {
  const on = (poolId: string, mask: string, more: Partial<PoolSpec> = {}): PoolSpec =>
    poolSpec(poolId, 1, { model: '/models/a.gguf', masks: [maskOf(mask)], ...more });
  const bench = up([on('chat', '0'), on('code', '1')], { devices: [deviceOf('0'), deviceOf('1')] });
  apply(bench, [on('chat', '1', { model: '/models/bad.gguf' }), on('code', '0')]);
  carryOut(bench, (model) => (model === '/models/bad.gguf' ? 'crashes at once' : 'well'), 3_600_000);
  expect(bench.view()).toMatchObject({ state: 'preparing', why: 'waits until code/r0 has left GPU 0' });
  verified(apply(bench, [on('chat', '0'), on('code', '0', { args: ['-x'] })]));
  const onGpu0 = (): readonly string[] =>
    [...bench.state.pools.values()].flatMap(({ replicas }) =>
      replicas.flatMap(({ key, life }) => {
        const launch = 'engine' in life ? life.engine.launch : 'launch' in life ? life.launch : null;
        return launch?.devices.some(({ index }) => index === '0') === true ? [key] : [];
      }),
    );
  play(bench, well, 120_000, () => {
    expect(onGpu0().length).toBeLessThan(2);
    return false;
  });
  expect(onGpu0()).toHaveLength(1);
});
