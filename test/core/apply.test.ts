/** Applies: only what has changed is touched; policies change live, engines one after another, and what cannot start leaves what ran. */

import { describe, expect, it } from 'vitest';
import { changesOf, planApply } from '../../src/core/apply.js';
import { withPolicies } from '../../src/core/live-update.js';
import type { PoolSpec } from '../../src/core/model.js';
import fc from '../rig/chance.js';
import { inventoryOf, poolSpec } from '../rig/specs.js';
import { again } from './again.js';
import { apply, carryOut, chat, code, engines, operationOf, poolsOf, up, well } from './applying.js';
import type { Bench } from './bench.js';
import { acquire } from './leasing.js';
import { maskOf } from './looks.js';
import { play } from './moves.js';

const planOf = (bench: Bench, pools: readonly PoolSpec[]) =>
  planApply(bench.state, inventoryOf(...pools)).map(({ poolId, action, changes }) => [
    poolId,
    action,
    ...changes.map(({ key, from, to }) => `${key}: ${from} -> ${to}`),
  ]);

describe('a plan', () => {
  it('says of each pool what becomes of it, and because of which keys', () => {
    const next = [
      { ...chat, drain: { ...chat.drain, deadlineMs: 600_000 }, health: { ...chat.health, timeoutMs: 3_000 } },
      { ...code, args: ['--ctx-size', '32768'], vramBytes: 2 ** 30 },
      poolSpec('embed', 1),
    ];
    expect(planOf(up(), next)).toEqual([
      ['chat', 'live-update', 'health.timeout: 2000 -> 3000', 'drain.deadline: 300000 -> 600000'],
      ['code', 'restart', 'vram: null -> 1073741824', 'args:  -> --ctx-size,32768'],
      ['embed', 'start'],
    ]);
    expect(planOf(up(), [code])).toEqual([
      ['code', 'keep'],
      ['chat', 'stop'],
    ]);
  });

  it('leaves nothing out: whatever differs in an entry is a change', () => {
    const other = (value: unknown): unknown =>
      typeof value === 'number'
        ? value + 1
        : typeof value === 'boolean'
          ? !value
          : typeof value === 'string'
            ? `${value}x`
            : Array.isArray(value)
              ? [...value, 'x']
              : value === null
                ? 'x'
                : value;
    const paths = leavesOf({ ...chat, modelIdGiven: true });
    fc.assert(
      fc.property(fc.constantFrom(...paths), (path) => {
        if (path[0] === 'poolId' || path[0] === 'modelIdGiven' || path[0] === 'masks') return true;
        const before = { ...chat, modelIdGiven: true };
        return changesOf(before, changed(before, path, other) as PoolSpec).length === 1;
      }),
      { numRuns: 300 },
    );
  });

  it('knows the names that stand in the file, and the units', () => {
    const next = {
      ...chat,
      health: { ...chat.health, generate: { everyMs: 5_000, timeoutMs: 1_000 } },
      env: { A: { value: '1' } },
      masks: [maskOf('0')],
    };
    expect(changesOf(chat, next).map(({ key, unit }) => [key, unit])).toEqual([
      ['health.generate.every', 'ms'],
      ['health.generate.timeout', 'ms'],
      ['device_masks', null],
      ['env.A', null],
    ]);
  });

  it('does not count a name that follows the model', () => {
    expect(changesOf(chat, { ...chat, model: '/models/b.gguf', modelId: 'b' }).map(({ key }) => key)).toEqual(['model']);
  });
});

const leavesOf = (value: object, path: readonly string[] = []): string[][] =>
  Object.entries(value).flatMap(([name, each]) =>
    typeof each === 'object' && each !== null && !Array.isArray(each) ? leavesOf(each, [...path, name]) : [[...path, name]],
  );
function changed(value: object, [name = '', ...rest]: readonly string[], how: (value: unknown) => unknown): object {
  const each = (value as Record<string, unknown>)[name];
  return { ...value, [name]: rest.length === 0 ? how(each) : changed(each as object, rest, how) };
}

describe('an apply', () => {
  it('of the same inventory changes nothing', () => {
    const bench = apply(up(), [chat, code]);
    expect(bench.did()).toEqual(['record']);
    expect(operationOf(bench)).toMatchObject({ state: 'succeeded', outcome: 'unchanged', changed: false });
  });

  it('touches no pool that has not changed', () => {
    const bench = carryOut(apply(up(), [chat, { ...code, args: ['-x'] }]));
    expect(engines(bench)).toEqual(['chat/r0 ready 1', 'chat/r1 ready 1', 'code/r0 ready 2']);
    expect(operationOf(bench)).toMatchObject({ state: 'succeeded', outcome: 'applied', changed: true });
    expect(operationOf(bench).steps).toMatchObject([{ step: 'restart code/r0', state: 'done' }]);
    expect(bench.heard('inventory.applied')).toMatchObject([{ result: 'applied' }]);
    expect(bench.heard('reload.finished')).toEqual([]);
  });

  it('restarts a pool that has changed one replica after another, drained', () => {
    const bench = apply(up(), [{ ...chat, args: ['-x'] }, code]);
    expect(bench.did()).toEqual(['record', 'verify']);
    bench.verified();
    expect(engines(bench)).toEqual(['chat/r0 draining 1', 'chat/r1 ready 1', 'code/r0 ready 1']);
    play(bench, well, 900_000, (now) => {
      expect(poolsOf(now)[0]?.ready).toBe(true);
      return operationOf(now).state !== 'running';
    });
    expect(engines(bench)).toEqual(['chat/r0 ready 2', 'chat/r1 ready 2', 'code/r0 ready 1']);
    expect(poolsOf(bench)[0]).toMatchObject({ restart_count: 0, crash_count: 0 });
  });

  it('changes policies of living engines, without touching them', () => {
    const next = { ...chat, drain: { ...chat.drain, deadlineMs: 60_000 }, stop: { ...chat.stop, graceMs: 1_000 }, slots: 7 };
    const bench = apply(up(), [next, code]);
    expect(operationOf(bench)).toMatchObject({ state: 'succeeded', outcome: 'applied', changed: true });
    expect(engines(bench)).toEqual(['chat/r0 ready 1', 'chat/r1 ready 1', 'code/r0 ready 1']);
    expect(bench.view()).toMatchObject({ slots_total: 7, slots_free: 7 });
    acquire(bench);
    expect(bench.ask('drain').view().why).toMatch(/forced in 1m$/);
    bench.ask('stop');
    expect(bench.view().why).toBe('asked to stop, SIGKILL in 1s');
    expect(withPolicies(chat, next)).toEqual(next);
  });

  it('starts a pool that is new, in the order of the file', () => {
    const bench = carryOut(apply(up(), [poolSpec('ask', 1), chat, code]));
    expect(operationOf(bench).outcome).toBe('applied');
    play(bench, well, 20_000, (now) => now.view('ask/r0').ready);
    expect(engines(bench)).toEqual(['ask/r0 ready 1', 'chat/r0 ready 1', 'chat/r1 ready 1', 'code/r0 ready 1']);
  });

  it('retires a pool that is gone: drained, stopped, and nothing is left of it but its numbers', () => {
    const bench = up();
    const lease = acquire(bench, { ttlMs: 30_000 });
    apply(bench, [code]);
    expect(bench.view()).toMatchObject({ state: 'draining', goal: 'down' });
    carryOut(bench);
    expect(engines(bench)).toEqual(['code/r0 ready 1']);
    expect(operationOf(bench)).toMatchObject({ outcome: 'applied', cut: 0 });
    expect(bench.heard('lease.expired')).toMatchObject([{ lease_id: lease.id }]);
    const back = carryOut(apply(bench, [chat, code]));
    play(back, well, 20_000, (now) => now.view().ready && now.view('chat/r1').ready);
    expect(engines(back)).toEqual(['chat/r0 ready 2', 'chat/r1 ready 2', 'code/r0 ready 1']);
  });

  it('cuts the leases of a pool that is gone at its deadline', () => {
    const bench = up([{ ...chat, drain: { ...chat.drain, deadlineMs: 5_000 } }, code]);
    acquire(bench, { ttlMs: 3_600_000 });
    carryOut(apply(bench, [code]));
    expect(operationOf(bench)).toMatchObject({ outcome: 'applied', cut: 1 });
  });

  it('that cannot start what is new leaves what ran, in that pool alone', () => {
    const bench = apply(up(), [
      { ...chat, model: '/models/bad.gguf', modelId: 'bad' },
      { ...code, args: ['-x'] },
    ]);
    carryOut(bench, (model) => (model === '/models/bad.gguf' ? 'crashes at once' : 'well'));
    expect(operationOf(bench)).toMatchObject({ state: 'failed', outcome: 'rolled_back', error: { code: 'RELOAD_FAILED' } });
    expect(poolsOf(bench).map(({ model_id, state }) => [model_id, state])).toEqual([
      ['a', 'ready'],
      ['c', 'ready'],
    ]);
    expect(bench.view('code/r0').incarnation).toBe(2);
  });

  it('is refused beside a reload, and a reload beside it', () => {
    const reload = {
      type: 'reload-requested',
      poolId: 'chat',
      chosen: { model: '/models/b.gguf', modelDigest: null, modelId: 'b' },
      drainMs: null,
      correlationId: null,
    } as const;
    expect(apply(up().give(reload), [code]).answer).toMatchObject({ ok: false, refusal: { code: 'OPERATION_IN_PROGRESS' } });
    const under = apply(up(), [{ ...chat, args: ['-x'] }, code]);
    expect(under.give(reload).answer).toMatchObject({ ok: false, refusal: { code: 'OPERATION_IN_PROGRESS' } });
    expect(apply(under, [code]).answer).toMatchObject({ ok: false, refusal: { code: 'OPERATION_IN_PROGRESS' } });
    expect(under.ask('restart').answer).toMatchObject({ ok: false, refusal: { code: 'OPERATION_IN_PROGRESS' } });
  });

  it('leaves a model that a reload has chosen standing, until the file names another', () => {
    const bench = up();
    bench.give({
      type: 'reload-requested',
      poolId: 'chat',
      chosen: { model: '/models/b.gguf', modelDigest: null, modelId: 'b' },
      drainMs: null,
      correlationId: null,
    });
    play(bench.verified(), well, 60_000, (now) => poolsOf(now)[0]?.override !== null);
    expect(planOf(bench, [chat, code])).toEqual([
      ['chat', 'keep'],
      ['code', 'keep'],
    ]);
    carryOut(apply(bench, [{ ...chat, args: ['-x'] }, code]));
    expect(poolsOf(bench)[0]).toMatchObject({ model_id: 'b', override: { model_ref: '/models/b.gguf' } });
    carryOut(apply(bench, [{ ...chat, model: '/models/z.gguf', modelId: 'z', args: ['-x'] }, code]));
    expect(poolsOf(bench)[0]).toMatchObject({ model_id: 'z', override: null, state: 'ready' });
  });

  it('under a supervisor that is killed: the next one runs what the file says', () => {
    const next = [{ ...chat, args: ['-x'] }];
    const bench = apply(up(), next);
    play(bench, well, 1_000);
    const after = again(bench, { pools: next });
    expect(operationOf(after)).toMatchObject({ outcome: 'interrupted' });
    for (const leftover of after.state.leftovers) expect(leftover.key).toBe('code/r0');
    after.give({ type: 'leftovers-gone' });
    play(after, well, 120_000, (now) => poolsOf(now).every(({ replicas }) => replicas.every(({ ready }) => ready)));
    expect(poolsOf(after).map(({ pool_id, state }) => [pool_id, state])).toEqual([['chat', 'ready']]);
  });
});

it('a pool that was on its way out under a supervisor that is killed runs under the next one, where the file has it again', () => {
  const bench = up();
  acquire(bench, { ttlMs: 3_600_000 });
  apply(bench, [code]);
  play(bench, well, 10_000);
  expect(engines(bench)).toEqual(['code/r0 ready 1', 'chat/r0 draining 1', 'chat/r1 stopped 1']);
  const after = again(bench, { pools: [chat, code] });
  for (const key of ['chat/r0', 'code/r0'] as const) play(after.give({ type: 'adopted', ...after.of(key) }), well, 100);
  play(after, well, 20_000, (now) => now.view('chat/r1').ready);
  expect(engines(after)).toEqual(['chat/r0 ready 1', 'chat/r1 ready 2', 'code/r0 ready 1']);
});

it('gives no incarnation twice to a place that goes and comes back', () => {
  const fewer = { ...chat, masks: chat.masks.slice(0, 1) };
  const bench = carryOut(apply(up(), [fewer, code]));
  expect(engines(bench)).toContain('chat/r0 ready 2');
  carryOut(apply(bench, [chat, code]));
  play(bench, well, 60_000);
  expect(engines(bench)).toContain('chat/r1 ready 2');
});
