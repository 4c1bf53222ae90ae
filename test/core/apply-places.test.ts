/** Applies that move replicas: to other devices, to other ports, and to those of others. */

import { describe, expect, it } from 'vitest';
import type { PoolSpec } from '../../src/core/model.js';
import { deviceOf } from '../rig/launch.js';
import { poolSpec } from '../rig/specs.js';
import { allReady, apply, carryOut, chat, engines, operationOf, poolsOf, up, verified, well } from './applying.js';
import type { Bench } from './bench.js';
import { acquire } from './leasing.js';
import { maskOf } from './looks.js';
import { play } from './moves.js';

describe('an apply of other masks', () => {
  const gpus = [deviceOf('0'), deviceOf('1'), deviceOf('2')];
  const on = (...masks: string[]): PoolSpec => ({ ...chat, masks: masks.map((mask) => maskOf(mask)) });
  const withGpus = (...pools: readonly PoolSpec[]): Bench => up(pools, { devices: gpus });

  it('adds a replica', () => {
    const bench = carryOut(apply(withGpus(on('0')), [on('0', '1')]));
    play(bench, well, 20_000, (now) => poolsOf(now).every(({ replicas }) => replicas.every(({ ready }) => ready)));
    expect(poolsOf(bench)[0]?.replicas.map(({ device_mask, ready }) => [device_mask, ready])).toEqual([
      ['0', true],
      ['1', true],
    ]);
  });

  it('takes one away, drained', () => {
    const bench = carryOut(apply(withGpus(on('0', '1')), [on('0')]));
    expect(poolsOf(bench)[0]?.replicas.map(({ device_mask, ready }) => [device_mask, ready])).toEqual([['0', true]]);
    expect(poolsOf(bench)[0]).toMatchObject({ state: 'ready', device_masks: ['0'] });
  });

  it('moves each, and never two engines on one device', () => {
    const bench = apply(withGpus(on('0', '1')), [on('1', '2')]);
    verified(bench);
    neverTwoOnOne(bench);
    expect(operationOf(bench).outcome).toBe('applied');
    expect(poolsOf(bench)[0]?.replicas.map(({ device_mask, ready }) => [device_mask, ready])).toEqual([
      ['1', true],
      ['2', true],
    ]);
  });

  it('gives them back where the new engines do not start', () => {
    const bench = apply(withGpus(on('0', '1')), [{ ...on('2'), model: '/models/bad.gguf', modelId: 'bad' }]);
    carryOut(bench, (model) => (model === '/models/bad.gguf' ? 'crashes at once' : 'well'));
    expect(operationOf(bench).outcome).toBe('rolled_back');
    expect(poolsOf(bench)[0]?.replicas.map(({ device_mask, ready, goal }) => [device_mask, ready, goal])).toEqual([
      ['0', true, 'up'],
      ['1', true, 'up'],
    ]);
  });

  const embed = (mask: string): PoolSpec => poolSpec('embed', 1, { masks: [maskOf(mask)], model: '/models/e.gguf' });

  it('lets a pool that is new wait for the devices of one that is gone, until its leases have ended', () => {
    const bench = withGpus(on('0'), embed('1'));
    const lease = acquire(bench, { ttlMs: 30_000 });
    apply(bench, [embed('1'), { ...on('0'), poolId: 'talk' }]);
    expect(bench.view('talk/r0')).toMatchObject({ state: 'preparing', why: 'waits until chat/r0 has left GPU 0' });
    neverTwoOnOne(verified(bench));
    expect(bench.heard('lease.expired')).toMatchObject([{ lease_id: lease.id }]);
    allReady(bench);
    expect(engines(bench)).toEqual(['embed/r0 ready 1', 'talk/r0 ready 1']);
  });

  it('lets two pools change places', () => {
    const bench = withGpus(on('0'), embed('1'));
    acquire(bench, { ttlMs: 60_000 });
    neverTwoOnOne(verified(apply(bench, [on('1'), embed('0')])));
    expect(operationOf(bench).outcome).toBe('applied');
    expect(poolsOf(bench).map(({ device_masks, state }) => [device_masks, state])).toEqual([
      [['1'], 'ready'],
      [['0'], 'ready'],
    ]);
  });

  it('comes to an end also where one of two that change places cannot go back, since the other has its place', () => {
    const bench = withGpus(on('0'), embed('1'));
    apply(bench, [{ ...on('1'), model: '/models/bad.gguf', modelId: 'bad' }, embed('0')]);
    carryOut(bench, (model) => (model === '/models/bad.gguf' ? 'crashes at once' : 'well'), 3_600_000);
    expect(operationOf(bench)).toMatchObject({
      state: 'failed',
      outcome: 'rollback_failed',
      error: {
        message: 'cannot apply pools.chat: not even what ran before came back in pools.chat; the rest was applied',
        hint: 'poolctl logs chat/r0 --previous',
      },
    });
    expect(bench.view('embed/r0')).toMatchObject({ state: 'ready', device_mask: '0' });
    expect(bench.view()).toMatchObject({ state: 'preparing', why: 'waits until embed/r0 has left GPU 0' });
    // Supervision goes on with it: as soon as its place is free, it is back.
    bench.ask('stop', { poolId: 'embed' });
    play(bench, well, 60_000, (now) => now.view().ready);
    expect(bench.view()).toMatchObject({ state: 'ready', device_mask: '0', model_id: 'a' });
  });
});

describe('an apply of other ports', () => {
  const ports = (bench: Bench) => poolsOf(bench).flatMap(({ replicas }) => replicas.map(({ port, state }) => [port, state]));

  it('moves each replica to the next one, and waits until that is free', () => {
    const bench = up([{ ...chat, port: 9_000 }]);
    acquire(bench, { replicaId: 'r1', ttlMs: 60_000 });
    verified(apply(bench, [{ ...chat, port: 9_001 }]));
    play(bench, well, 30_000);
    expect(bench.view()).toMatchObject({ state: 'preparing', why: 'waits until chat/r1 has left port 9001' });
    carryOut(bench);
    expect(operationOf(bench).outcome).toBe('applied');
    expect(ports(bench)).toEqual([
      [9_001, 'ready'],
      [9_002, 'ready'],
    ]);
  });

  it('gives them back where the new engines do not start', () => {
    const bench = up([{ ...chat, port: 9_000 }]);
    apply(bench, [{ ...chat, port: 9_001, model: '/models/bad.gguf', modelId: 'bad' }]);
    carryOut(bench, (model) => (model === '/models/bad.gguf' ? 'crashes at once' : 'well'));
    expect(operationOf(bench).outcome).toBe('rolled_back');
    expect(ports(bench)).toEqual([
      [9_000, 'ready'],
      [9_001, 'ready'],
    ]);
  });

  it('to a fixed one and back again keeps that one: clients know it', () => {
    const bench = carryOut(apply(up([chat]), [{ ...chat, port: 9_000 }]));
    expect(ports(bench).map(([port]) => port)).toEqual([9_000, 9_001]);
    carryOut(apply(bench, [chat]));
    expect(ports(bench)).toEqual([
      [9_000, 'ready'],
      [9_001, 'ready'],
    ]);
  });
});

/** At any time of the apply. */
function neverTwoOnOne(bench: Bench): void {
  play(bench, well, 900_000, (now) => {
    const held = [...now.state.pools.values()].flatMap(({ replicas }) =>
      replicas.flatMap(({ life }) => ('engine' in life ? life.engine.launch.devices.map(({ uuid }) => uuid) : [])),
    );
    expect(new Set(held).size).toBe(held.length);
    return operationOf(now).state !== 'running';
  });
}
