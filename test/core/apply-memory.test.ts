/** Memory of devices that an apply gives from one place to another. */

import { describe, expect, test } from 'vitest';
import type { DeviceProcess, PoolSpec } from '../../src/core/model.js';
import { deviceOf } from '../rig/launch.js';
import { poolSpec } from '../rig/specs.js';
import { apply, up, verified } from './applying.js';
import type { Bench } from './bench.js';
import { holds, looked, maskOf } from './looks.js';

const gib = 2 ** 30;
const [gpu, other] = [deviceOf('0', { vramFreeBytes: 20 * gib }), deviceOf('1', { vramFreeBytes: 20 * gib })];
const on = (poolId: string, more: Partial<PoolSpec> = {}, mask = '0'): PoolSpec =>
  poolSpec(poolId, 1, { model: '/models/a.gguf', masks: [maskOf(mask)], ...more });
const start = (...pools: readonly PoolSpec[]): Bench => looked(up(pools, { devices: [gpu, other] }), [gpu, other], []);

/** Pools that the file no longer has end at once; what their engine had is listed for a while yet. */
function without(bench: Bench, pools: readonly PoolSpec[], has: readonly DeviceProcess[]): Bench {
  bench.now += 1;
  apply(bench, pools).exited().swept();
  expect(bench.state.pools.has('chat')).toBe(false);
  return looked(bench, [gpu, other], has);
}

describe('after an apply', () => {
  test('a pool that was taken away and comes back waits for the memory of its last engine', () => {
    const bench = start(on('chat'));
    const lingering = holds(bench, 'chat/r0', gpu, 6 * gib);
    apply(without(bench, [], [lingering]), [on('chat')]);
    expect(looked(bench, [gpu, other], [lingering]).did()).not.toContain('check');
    expect(bench.view().why).toBe('waits until its last engine gives back 6.0 GiB on GPU 0');
    expect(looked(bench, [gpu, other], []).did()).toContain('check');
  });

  test('a pool of another name on the same devices waits for what the one before had there', () => {
    const bench = start(on('chat'));
    const lingering = holds(bench, 'chat/r0', gpu, 6 * gib);
    without(bench, [on('talk')], [lingering]);
    expect(bench.did()).not.toContain('check');
    expect(bench.view('talk/r0').why).toBe('waits until chat/r0 gives back 6.0 GiB on GPU 0');
    expect(looked(bench, [gpu, other], []).did()).toContain('check');
  });

  test('a pool that has more devices than were freed counts what is free on all of them', () => {
    const bench = start(on('chat'));
    const wide = on('talk', { masks: [maskOf('0', '1')], vramBytes: 30 * gib });
    expect(without(bench, [wide], []).did()).toContain('check');
    expect(bench.launch('talk/r0').devices).toHaveLength(2);
  });

  test('a pool that shares its devices does not wait for what a neighbour had that shared them too', () => {
    const bench = start(on('chat', { share: true }));
    const lingering = holds(bench, 'chat/r0', gpu, 6 * gib);
    expect(without(bench, [on('talk', { share: true })], [lingering]).did()).toContain('check');
  });

  test('a replica that has moved to other devices does not wait for what its last engine had', () => {
    const bench = start(on('chat'));
    const lingering = holds(bench, 'chat/r0', gpu, 6 * gib);
    verified(apply(bench, [on('chat', {}, '1')]))
      .exited()
      .swept();
    expect(bench.launch().devices).toMatchObject([{ index: '1' }]);
    expect(looked(bench, [gpu, other], [lingering]).view().why).toBe('checks before the launch');
  });

  test('the launch that is to show whether a new entry will do needs the memory that this one says', () => {
    const bench = start(on('chat', { vramBytes: 4 * gib }));
    verified(apply(bench, [on('chat', { vramBytes: 24 * gib })]))
      .exited()
      .swept();
    bench.now += 10_000;
    looked(bench, [gpu, other], []);
    expect(bench.heard('replica.backoff').at(-1)?.reason).toContain('needs 24.0 GiB of VRAM, and 20.0 GiB are free');
  });
});
