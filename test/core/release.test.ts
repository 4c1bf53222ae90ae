/** From an engine's end to the next launch on its devices. */

import { describe, expect, it } from 'vitest';
import type { DevicesObservation } from '../../src/core/facts.js';
import type { RecordedEngine } from '../../src/core/state.js';
import { deviceOf } from '../rig/launch.js';
import { poolSpec, supervisorSpec } from '../rig/specs.js';
import { again } from './again.js';
import { Bench } from './bench.js';
import { holds, instanceOf, looked, maskOf } from './looks.js';

const gib = 2 ** 30;
const gpu = deviceOf('0', { vramFreeBytes: 20 * gib });
const start = (more = {}) => new Bench([poolSpec('chat', 1, { masks: [maskOf('0')], ...more })], { devices: [gpu] });

/** Of an earlier supervisor, and without a place in this inventory. */
const left: RecordedEngine = {
  ...{ key: 'old/r0', incarnation: 1, instance: 'old-1', identity: null, startedAt: { at: 0, wallMs: 0 }, port: 1, entry: '' },
  ...{ devices: [gpu], stop: { signal: 'SIGTERM', graceMs: 1 } },
};

describe('a look at the devices', () => {
  it('is taken every device_poll, one at a time', () => {
    const bench = new Bench([poolSpec('chat', 1, { masks: [maskOf('0')], autostart: false })], { devices: [gpu] });
    const begunAt = bench.now;
    expect(bench.wake().did()).toEqual(['observe']);
    expect(bench.now - begunAt).toBe(supervisorSpec.devicePollMs);
    expect(bench.give({ type: 'woke' }).did()).toEqual([]);
    bench.now += 60_000;
    expect(bench.give({ type: 'woke' }).did()).toEqual([]);
    const answeredAt = looked(bench, [gpu]).now;
    expect(bench.wake().did()).toEqual(['observe']);
    expect(bench.now - answeredAt).toBe(supervisorSpec.devicePollMs);
  });

  it('is never taken where no replica has a device', () => {
    const bench = new Bench([poolSpec('chat', 1)]).ready();
    bench.pass(600_000);
    expect(bench.did()).not.toContain('observe');
    expect(bench.state.devices.lookOut).toBe(false);
  });

  it('is taken at once when an engine is ready, and when it has ended', () => {
    const bench = start().ready();
    expect(bench.did()).toContain('observe');
    looked(bench, [gpu], []);
    expect(bench.did()).not.toContain('observe');
    bench.now += 1;
    expect(bench.exited().did()).toContain('observe');
  });

  it('ends with the supervisor', () => {
    const bench = start().ready();
    looked(bench, [gpu], []).give({ type: 'shutdown-requested', because: 'SIGTERM', rung: 'stop', exit: 0, correlationId: null });
    bench.now += 60_000;
    expect(bench.give({ type: 'woke' }).did()).not.toContain('observe');
  });
});

describe('a launch after an end', () => {
  const ended = (more = {}) => {
    const bench = start(more).ready();
    looked(bench, [gpu], [holds(bench, 'chat/r0', gpu, 6 * gib)]);
    const lingering = { ...holds(bench, 'chat/r0', gpu, 6 * gib), program: null };
    bench.now += 1;
    return { bench: bench.exited(), lingering };
  };

  it('waits for a look that began after that end', () => {
    const { bench } = ended();
    bench.wake();
    expect(bench.view()).toMatchObject({ state: 'preparing', why: 'waits until its memory on GPU 0 is given back' });
    expect(looked(bench, [gpu], []).did()).toContain('check');
  });

  it('waits while that engine is still listed, and looks every half second', () => {
    const { bench, lingering } = ended();
    looked(bench, [gpu], [lingering]).wake();
    looked(bench, [gpu], [lingering]);
    for (const _ of Array.from({ length: 3 })) {
      expect(bench.view().why).toBe('waits until its last engine gives back 6.0 GiB on GPU 0');
      const before = bench.now;
      expect(bench.wake().did()).toEqual(['observe']);
      expect(bench.now - before).toBeLessThanOrEqual(500);
      looked(bench, [gpu], [lingering]);
    }
    expect(looked(bench, [gpu], []).did()).toContain('check');
  });

  it('waits at most ten seconds; then the preflight decides', () => {
    const { bench, lingering } = ended();
    const endedAt = bench.now;
    looked(bench, [gpu], [lingering]).wake();
    looked(bench, [gpu], [lingering]);
    while (!bench.did().includes('check')) {
      expect(bench.now - endedAt).toBeLessThanOrEqual(10_600);
      bench.wake();
      looked(bench, [gpu], [lingering]);
    }
    expect(bench.now - endedAt).toBeGreaterThanOrEqual(10_000);
  });

  it('waits for as much as the pool needs, and names who has it', () => {
    const { bench } = ended({ vramBytes: 10 * gib });
    const full = { ...gpu, vramFreeBytes: 4 * gib };
    const stranger = { uuid: gpu.uuid, pid: 812, program: 'python3', usedBytes: 16 * gib, instance: null };
    looked(bench, [full], [stranger]).wake();
    looked(bench, [full], [stranger]);
    expect(bench.view().why).toBe('waits for memory on GPU 0, held by pid 812 (python3) with 16.0 GiB');
    while (bench.view().state === 'preparing') {
      bench.wake();
      looked(bench, [full], [stranger]);
    }
    expect(bench.view()).toMatchObject({ state: 'backoff', crash_count: 1, restarts_total: 0 });
    expect(bench.view().last_error).toContain('and 4.0 GiB are free; held by pid 812 (python3) with 16.0 GiB');
  });

  it.each<[string, Partial<DevicesObservation>]>([
    ['fails', { tool: 'failing', note: 'nvidia-smi hangs' }],
    ['is gone', { tool: 'none', note: 'nvidia-smi is not on PATH', devices: [] }],
  ])('does not wait for a tool that %s', (_, how) => {
    const { bench } = ended();
    bench.give({
      type: 'devices-observed',
      observation: { devices: [gpu], tool: 'working', note: null, processes: null, askedAt: bench.now, ...how },
    });
    expect(bench.wake().did()).toContain('check');
  });

  it('does not wait where the devices are another', () => {
    const bench = new Bench([poolSpec('chat', 2, { masks: [maskOf('0'), maskOf('1')] })], { devices: [gpu, deviceOf('1')] });
    bench.ready().ready('chat/r1');
    looked(bench, [gpu, deviceOf('1')], []);
    bench.now += 1;
    bench.exited();
    expect(bench.view('chat/r1').state).toBe('ready');
    expect(bench.state.freed).toMatchObject([{ key: 'chat/r0', uuids: [gpu.uuid] }]);
  });

  it('waits for a look where a neighbour has just ended, too', () => {
    const shared = { masks: [maskOf('0')], share: true, vramBytes: 4 * gib };
    const pools = [poolSpec('chat', 1, shared), poolSpec('code', 1, shared)];
    const bench = new Bench(pools, { devices: [gpu] }).ready();
    expect(bench.view('code/r0').why).toBe('waits until it is seen what chat/r0 has left of its devices');
    bench.now += 1;
    bench.exited();
    expect(bench.view('code/r0').why).toBe('waits until it is seen what chat/r0 has left of its devices');
    expect(looked(bench, [gpu], []).did()).toContain('check');
  });

  it('waits for a look where a neighbour has died while it loaded, and nobody knows yet how', () => {
    const shared = { masks: [maskOf('0')], share: true, vramBytes: 4 * gib };
    const bench = new Bench([poolSpec('chat', 1, shared), poolSpec('code', 1, shared)], { devices: [gpu] });
    looked(bench, [gpu], []).checked().spawned();
    bench.now += 1;
    bench.give({ type: 'died', ...bench.of() });
    expect(bench.did()).not.toContain('check');
    expect(bench.view('code/r0').why).toBe('waits until it is seen what chat/r0 has left of its devices');
    expect(looked(bench, [gpu], []).did()).toContain('check');
  });

  it('waits for what an engine without a place in the inventory had', () => {
    const bench = start();
    const queued = bench.ask('stop').ask('start');
    queued.state = { ...queued.state, leftovers: [left] };
    const replica = { ...bench.replica(), life: { state: 'preparing', phase: 'queued', cause: 'start', since: 0 } as const };
    const pool = queued.state.pools.get('chat');
    if (pool === undefined) throw new Error('no pool');
    queued.state = { ...queued.state, pools: new Map([['chat', { ...pool, replicas: [replica] }]]) };
    expect(bench.give({ type: 'leftovers-gone' }).did()).toContain('observe');
    expect(bench.view().why).toBe('waits until the memory of old/r0 on GPU 0 is given back');
    expect(looked(bench, [gpu], []).did()).toContain('check');
  });

  it('goes on waiting for its own engine where one without a place in the inventory ends after it', () => {
    const { bench, lingering } = ended();
    bench.state = { ...bench.state, leftovers: [left] };
    bench.give({ type: 'leftovers-gone' });
    looked(bench, [gpu], [lingering]).wake();
    expect(bench.view().why).toBe('waits until its last engine gives back 6.0 GiB on GPU 0');
  });

  it('waits for what an engine may have had that an earlier supervisor launched and nobody finds', () => {
    const bench = again(start().checked());
    expect(bench.give({ type: 'unspawned', ...bench.of() }).did()).toContain('observe');
    expect(bench.view().why).toBe('waits until its memory on GPU 0 is given back');
    expect(looked(bench, [gpu], []).did()).toContain('check');
  });

  it('of an operator waits as well', () => {
    const bench = start().ready();
    looked(bench, [gpu], []);
    const instance = instanceOf(bench, 'chat/r0');
    bench.ask('restart', { now: true }).exited().swept();
    expect(bench.view().why).toBe('waits until its memory on GPU 0 is given back');
    looked(bench, [gpu], [{ uuid: gpu.uuid, pid: 100, program: null, usedBytes: null, instance }]);
    expect(bench.view().why).toBe('waits until its last engine gives back GPU 0');
    expect(looked(bench, [gpu], []).did()).toContain('check');
  });
});
