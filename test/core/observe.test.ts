/** The devices as they are known: found, lost, unhealthy, reset, and what the kernel says of them. */

import { describe, expect, it } from 'vitest';
import type { DeviceReport } from '../../src/core/facts.js';
import type { Device } from '../../src/core/model.js';
import { deviceOf } from '../rig/launch.js';
import { poolSpec } from '../rig/specs.js';
import { Bench } from './bench.js';
import { looked, maskOf } from './looks.js';

const zero = deviceOf('0', { pciAddress: '0000:01:00', eccErrors: 0 });
const one = deviceOf('1', { pciAddress: '0000:02:00', eccErrors: 0 });
const start = () =>
  new Bench([poolSpec('chat', 2, { masks: [maskOf('0'), maskOf('1')] })], { devices: [zero, one] }).ready().ready('chat/r1');
const report = (bench: Bench, more: Partial<DeviceReport> = {}) =>
  bench.give({
    type: 'device-reported',
    report: {
      pciAddress: '0000:02:00',
      kind: 'error',
      word: 'xid_48',
      text: 'reported a memory error (Xid 48)',
      cure: 'reset',
      ...more,
    },
  });
const sick = (device: Device, cure: 'reset' | 'reboot' | null = 'reset'): Device => ({
  ...device,
  ailment: { text: 'needs a reset', cure },
});

describe('a device that vanishes', () => {
  it('is told with what to do, and takes down nobody but those on it', () => {
    const bench = start();
    looked(bench, [zero]);
    expect(bench.events).toMatchObject([
      { event: 'device.lost', level: 'error', device: one.uuid, hint: expect.stringContaining('reboot') },
    ]);
    bench.now += 1;
    bench.exited(undefined, true, 'chat/r1');
    looked(bench, [zero]).wake();
    expect(bench.view('chat/r1').last_error).toBe('GPU 1 (NVIDIA GeForce RTX 3090) of mask 1 is gone: its tool lists it no more');
    expect(bench.view('chat/r1')).toMatchObject({ state: 'backoff', why: expect.stringContaining('reboot if it stays away') });
    expect(bench.view()).toMatchObject({ state: 'ready', why: null });
  });

  it('was reset when it is back, and its replicas with it', () => {
    const bench = start();
    looked(bench, [zero]);
    bench.now += 1;
    bench.exited(undefined, true, 'chat/r1');
    looked(bench, [zero]).wake();
    looked(bench, [zero, one]);
    expect(bench.events).toMatchObject([{ event: 'device.reset', device: one.uuid, reason: 'is back' }]);
    expect(bench.wake().did()).toContain('check');
  });

  it('is missed by a mask "all" as well', () => {
    const all = { kind: 'all', written: 'all' } as const;
    const bench = new Bench([poolSpec('chat', 1, { masks: [all] })], { devices: [zero, one] }).ready();
    looked(bench, [zero]);
    bench.now += 1;
    bench.exited();
    looked(bench, [zero]).wake();
    expect(bench.view().last_error).toContain('GPU 1 (NVIDIA GeForce RTX 3090) of mask all is gone');
  });

  it('is not gone because its tool is', () => {
    const bench = start();
    const observation = {
      devices: [],
      tool: 'none',
      note: 'nvidia-smi is not on PATH',
      processes: null,
      askedAt: bench.now,
    } as const;
    expect(bench.give({ type: 'devices-observed', observation }).told()).toEqual([]);
    expect(bench.state.devices).toMatchObject({ tool: 'failing', devices: [zero, one] });
  });
});

describe('what the tool says', () => {
  it.each([
    ['reset', 'stop what uses it, run nvidia-smi --gpu-reset -i 1, then poolctl reset', 'device.reset'],
    ['reboot', 'reboot the machine', 'device.reset'],
    [null, 'see nvidia-smi -q -i 1', 'device.unhealthy'],
  ] as const)('of a sick device whose cure is %s keeps launches off it, until it is well', (cure, hint, healed) => {
    const bench = start();
    looked(bench, [zero, sick(one, cure)]);
    expect(bench.events).toMatchObject([{ event: 'device.unhealthy', level: 'error', reason: 'needs a reset', hint }]);
    expect(looked(bench, [zero, sick(one, cure)]).told()).toEqual([]);
    bench.now += 1;
    bench.exited(undefined, true, 'chat/r1');
    looked(bench, [zero, sick(one, cure)]).wake();
    expect(bench.view('chat/r1')).toMatchObject({
      state: 'backoff',
      why: expect.stringContaining(`of mask 1 needs a reset; ${hint}`),
    });
    expect(bench.view().state).toBe('ready');
    expect(looked(bench, [zero, one]).events).toMatchObject([{ event: healed, device: one.uuid }]);
    expect(bench.wake().did()).toContain('check');
  });

  it('of memory errors: more of them are an error, fewer are a reset', () => {
    const bench = start();
    const events = (eccErrors: number | null) => looked(bench, [zero, { ...one, eccErrors }]).events;
    expect(events(2)).toMatchObject([
      { event: 'device.error', reason: 'has 2 uncorrectable memory errors (ECC) since its last reset' },
    ]);
    expect(events(2)).toEqual([]);
    expect(events(0)).toMatchObject([{ event: 'device.reset', reason: 'was reset: its count of memory errors began anew' }]);
    expect(events(null)).toEqual([]);
    expect(events(5)).toEqual([]);
  });
});

describe('what the kernel says', () => {
  it('of an error that passes is told, and no more', () => {
    const bench = start();
    report(bench, { cure: null, text: 'reported a fault (Xid 31)' });
    expect(bench.events).toMatchObject([
      { event: 'device.error', level: 'warn', device: one.uuid, reason: 'reported a fault (Xid 31)' },
    ]);
    bench.exited(undefined, true, 'chat/r1');
    looked(bench, [zero, one]).wake();
    expect(bench.did()).toContain('check');
  });

  it('of one that only a reset cures keeps launches off the device', () => {
    const bench = start();
    expect(report(bench).events).toMatchObject([
      { event: 'device.unhealthy', level: 'error', hint: expect.stringContaining('--gpu-reset -i 1') },
    ]);
    expect(report(bench, { word: 'xid_95' }).told()).toEqual(['device.error']);
    bench.now += 1;
    bench.exited(undefined, true, 'chat/r1');
    looked(bench, [zero, one]).wake();
    expect(bench.view('chat/r1').last_error).toContain('of mask 1 reported a memory error (Xid 48)');
    expect(bench.view().state).toBe('ready');
  });

  it.each<[string, (bench: Bench) => unknown]>([
    ['the kernel tells of a reset', (bench) => report(bench, { kind: 'reset', cure: null, text: 'the driver has reset it' })],
    ['its count of memory errors begins anew', (bench) => looked(looked(bench, [zero, { ...one, eccErrors: 3 }]), [zero, one])],
    ['it goes and comes back', (bench) => looked(looked(bench, [zero]), [zero, one])],
  ])('is past when %s', (_, cure) => {
    const bench = report(start());
    cure(bench);
    expect(bench.heard('device.reset')).toHaveLength(1);
    expect(bench.state.devices.reported.size).toBe(0);
  });

  it('is past when an operator resets a replica there, and not one elsewhere', () => {
    const bench = report(start());
    bench.ask('reset', { replicaId: 'r0' });
    expect(bench.state.devices.reported.size).toBe(1);
    bench.ask('reset', { replicaId: 'r1', once: true });
    expect(bench.state.devices.reported.size).toBe(1);
    bench.ask('reset', { replicaId: 'r1' });
    expect(bench.state.devices.reported.size).toBe(0);
  });

  it('is denied by a driver that says itself what a device needs, and says nothing some seconds later', () => {
    const telling = { ...one, tellsRecovery: true };
    const bench = report(start());
    expect(looked(bench, [zero, telling]).told()).toEqual([]);
    bench.now += 5_000;
    expect(looked(bench, [zero, one]).told()).toEqual([]);
    expect(looked(bench, [zero, telling]).events).toMatchObject([{ event: 'device.unhealthy', result: 'recovered' }]);
    expect(bench.state.devices.reported.size).toBe(0);
  });

  it('of a device that nobody knows is told with its address', () => {
    const bench = report(start(), { pciAddress: '0000:0a:00' });
    expect(bench.events).toMatchObject([{ event: 'device.error', detail: 'the GPU at 0000:0a:00' }]);
  });
});
