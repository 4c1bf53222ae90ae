/** VRAM before a launch: what is free, less what launches in progress take; and what an OOM teaches. */

import { describe, expect, it } from 'vitest';
import type { DeviceProcess } from '../../src/core/model.js';
import fc from '../rig/chance.js';
import { diagnosisOf, exitOf } from '../rig/facts.js';
import { deviceOf } from '../rig/launch.js';
import { poolSpec } from '../rig/specs.js';
import { Bench } from './bench.js';
import { holds, looked, maskOf } from './looks.js';

const gib = 2 ** 30;
const needing = (vramGib: number | null, more = {}) => ({
  vramBytes: vramGib === null ? null : vramGib * gib,
  share: true,
  masks: [maskOf('0')],
  ...more,
});
const stranger = (usedGib: number | null, more: Partial<DeviceProcess> = {}): DeviceProcess => ({
  uuid: deviceOf('0').uuid,
  pid: 812,
  program: 'python3',
  usedBytes: usedGib === null ? null : usedGib * gib,
  instance: null,
  ...more,
});
const gpu = (freeGib: number | null, index = '0') =>
  deviceOf(index, { vramTotalBytes: 24 * gib, vramFreeBytes: freeGib === null ? null : Math.round(freeGib * gib) });

describe('less is free than it needs', () => {
  it('waits in backoff, names what was needed, what was found and who holds it, and counts no crash', () => {
    const bench = new Bench([poolSpec('chat', 1, needing(9))], { devices: [gpu(6)] });
    const why = 'cannot load on GPU 0: it needs 9.0 GiB of VRAM, and 6.0 GiB are free';
    expect(bench.view()).toMatchObject({ state: 'backoff', last_error: why, crash_count: 0, restart_count: 0 });
    expect(bench.view().why).toMatch(`${why}; free the device, or lower "vram"; try 2 in `);
    looked(bench, [gpu(6)], [stranger(15), stranger(2, { pid: 813, program: null }), stranger(null, { pid: 814 })]).wake();
    expect(bench.view().last_error).toBe(
      `${why}; held by pid 812 (python3) with 15.0 GiB, pid 813 with 2.0 GiB, pid 814 (python3)`,
    );
    expect(bench.replica().breakers.general.failures).toBe(0);
  });

  it('starts by itself when the memory is free', () => {
    const bench = new Bench([poolSpec('chat', 1, needing(9))], { devices: [gpu(6)] });
    looked(bench, [gpu(10)], []).wake();
    expect(bench.did()).toContain('check');
    bench.ready();
    expect(bench.view()).toMatchObject({ state: 'ready', restarts_total: 0, crashes_total: 0 });
  });

  it('says that it can never fit', () => {
    const bench = new Bench([poolSpec('chat', 1, needing(30))], { devices: [gpu(24)] });
    expect(bench.view().why).toContain('GPU 0 has 24.0 GiB in all: lower "vram", or give the replica more devices');
  });

  it.each([
    ['nobody knows what is free', gpu(null), needing(9)],
    ['nobody says what it needs', gpu(1), needing(null)],
    ['exactly so much is free', gpu(9), needing(9)],
  ])('launches where %s', (_, device, spec) => {
    expect(new Bench([poolSpec('chat', 1, spec)], { devices: [device] }).did()).toContain('check');
  });
});

describe('several devices', () => {
  const both = { masks: [maskOf('0', '1')] };

  it('are counted together where the engine divides the model', () => {
    const on = (vram: number) => new Bench([poolSpec('chat', 1, needing(vram, both))], { devices: [gpu(4), gpu(5, '1')] });
    expect(on(9).did()).toContain('check');
    expect(on(9.1).view().last_error).toBe('cannot load on GPU 0,1: it needs 9.1 GiB of VRAM, and 9.0 GiB are free');
  });

  it('are counted one by one under a split, the smallest ruling', () => {
    const split = { ...both, tensorSplit: [0.75, 0.25] };
    const on = (...free: [number, number]) =>
      new Bench([poolSpec('chat', 1, needing(8, split))], { devices: [gpu(free[0]), gpu(free[1], '1')] });
    expect(on(6, 2).did()).toContain('check');
    expect(on(5.9, 20).view().last_error).toBe('cannot load on GPU 0: it needs 6.0 GiB of VRAM, and 5.9 GiB are free');
    expect(on(20, 1.9).view().last_error).toBe('cannot load on GPU 1: it needs 2.0 GiB of VRAM, and 1.9 GiB are free');
  });
});

describe('two launches on one GPU', () => {
  const pools = [poolSpec('chat', 1, needing(9)), poolSpec('code', 1, needing(9))];
  const loads = { perDevice: 2, total: 4 };
  const claimed =
    'cannot load on GPU 0: it needs 9.0 GiB of VRAM, and 12.0 GiB are free; chat/r0, which loads, takes 9.0 GiB of them';

  it('do not both count the same free memory', () => {
    const bench = new Bench(pools, { devices: [gpu(12)], supervisor: { loads } });
    expect(bench.view('chat/r0').state).toBe('preparing');
    expect(bench.view('code/r0')).toMatchObject({ state: 'backoff', last_error: claimed });
  });

  it('nor when the first one is ready, before anybody has looked again', () => {
    const bench = new Bench(pools, { devices: [gpu(12)] });
    expect(bench.view('code/r0').why).toBe('waits to load on GPU 0 behind chat/r0');
    bench.ready();
    expect(bench.view('code/r0').why).toBe('waits until it is seen what chat/r0 has left of its devices');
    const seen = [holds(bench, 'chat/r0', gpu(3), 9 * gib)];
    looked(bench, [gpu(3)], seen).pass(1_000);
    expect(bench.view('code/r0').last_error).toContain('and 3.0 GiB are free; held by chat/r0 with 9.0 GiB');
  });

  it.each([
    ['asked to end', 1_000, /^asked to stop/],
    ['killed', 7_000, /^SIGKILL sent/],
  ] as const)('nor while the first one, which was loading, is %s and there yet', (_, ms, why) => {
    const bench = new Bench(pools, { devices: [gpu(12)], supervisor: { loads } });
    bench.checked('chat/r0').spawned(100, 'chat/r0').ask('stop').pass(ms);
    expect(bench.view('chat/r0')).toMatchObject({ state: 'stopping', why: expect.stringMatching(why) });
    expect(bench.view('code/r0')).toMatchObject({ state: 'backoff', last_error: claimed });
    bench.exited(undefined, true, 'chat/r0').swept([], 'chat/r0');
    looked(bench, [gpu(12)], []).pass(30_000);
    expect(bench.view('code/r0').state).toBe('preparing');
  });

  it('what is already seen in use is not claimed once more', () => {
    const bench = new Bench(pools, { devices: [gpu(24)], supervisor: { loads } });
    expect(bench.view('code/r0').state).toBe('preparing');
    const third = new Bench([...pools, poolSpec('more', 1, needing(8))], {
      devices: [gpu(20)],
      supervisor: { loads: { perDevice: 3, total: 4 } },
    });
    expect(third.view('more/r0').last_error).toContain('chat/r0, which loads, takes 9.0 GiB of them; code/r0, which loads');
    third.checked('chat/r0');
    looked(third, [gpu(14)], [holds(third, 'chat/r0', gpu(14), 6 * gib)]).wake();
    expect(third.view('more/r0').last_error).toContain('14.0 GiB are free; chat/r0, which loads, takes 3.0 GiB of them');
  });

  it('of equal needs never take more than is free, however they are ordered', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 2, maxLength: 6 }),
        fc.integer({ min: 1, max: 24 }),
        (needs, free) => {
          const specs = needs.map((need, n) => poolSpec(`p${n}`, 1, needing(need)));
          const bench = new Bench(specs, { devices: [gpu(free)], supervisor: { loads: { perDevice: 9, total: 9 } } });
          const launched = needs.filter((_, n) => bench.view(`p${n}/r0`).state === 'preparing');
          expect(launched.reduce((sum, need) => sum + need, 0)).toBeLessThanOrEqual(free);
          const most = needs.some((need) => need <= free);
          expect(launched.length > 0).toBe(most);
        },
      ),
    );
  });
});

describe('after it ran out of memory', () => {
  const oom = (askedBytes: number | null) => exitOf({ code: 1, diagnosis: diagnosisOf('vram_oom', { askedBytes }) });
  const start = () => new Bench([poolSpec('chat', 1, needing(null))], { devices: [gpu(20)] });

  it('what it held and asked for is its learnt need, and only advice', () => {
    const bench = start().checked().spawned();
    looked(bench, [gpu(14)], [holds(bench, 'chat/r0', gpu(14), 6 * gib)]).exited(oom(5 * gib));
    expect(bench.replica().vram.learntBytes).toBe(11 * gib);
    looked(bench, [gpu(18)], []).wake();
    expect(bench.did()).toContain('check');
    expect(bench.heard('replica.preparing').at(-1)).not.toMatchObject({ level: 'warn' });
    bench.checked().spawned();
    looked(bench, [gpu(18)], []).exited(oom(null));
    looked(bench, [gpu(10)], [stranger(10)]).ask('reset');
    expect(bench.heard('replica.preparing').at(-1)).toMatchObject({
      level: 'warn',
      detail:
        'may run out of memory (learnt from the last time): on GPU 0: it needs 11.0 GiB of VRAM, and 10.0 GiB are free; held by pid 812 (python3) with 10.0 GiB',
    });
    expect(bench.launch().devices).toHaveLength(1);
  });

  it('what it says to have held counts where no look at the devices has seen as much', () => {
    const said = exitOf({ code: 1, diagnosis: diagnosisOf('vram_oom', { askedBytes: 5 * gib, usedBytes: 9 * gib }) });
    const bench = start().checked().spawned();
    looked(bench, [gpu(14)], [holds(bench, 'chat/r0', gpu(14), 6 * gib)]).exited(said);
    expect(bench.replica().vram.learntBytes).toBe(14 * gib);
  });

  it('nothing is learnt where nobody knows anything', () => {
    const bench = start().checked().spawned().exited(oom(null));
    expect(bench.replica().vram.learntBytes).toBeNull();
  });

  it('another class teaches nothing', () => {
    const bench = start().checked().spawned();
    looked(bench, [gpu(14)], [holds(bench, 'chat/r0', gpu(14), 6 * gib)]);
    bench.exited(exitOf({ code: 1, diagnosis: diagnosisOf('gpu_error', { askedBytes: 5 * gib }) }));
    expect(bench.replica().vram.learntBytes).toBeNull();
  });
});
