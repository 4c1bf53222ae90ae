/** Is an engine where its mask puts it? */

import { describe, expect, it } from 'vitest';
import type { Device } from '../../src/core/model.js';
import { deviceOf } from '../rig/launch.js';
import { poolSpec } from '../rig/specs.js';
import { Bench } from './bench.js';
import { holds, looked, maskOf } from './looks.js';

const gib = 2 ** 30;
const [zero, one] = [deviceOf('0'), deviceOf('1')];
const both = [zero, one];

function ready(ids: string[], { listed = true, devices = both }: { listed?: boolean; devices?: readonly Device[] } = {}) {
  const masks = ids.length === 0 ? [{ kind: 'cpu', written: 'cpu' } as const] : [maskOf(...ids)];
  const bench = new Bench([poolSpec('chat', 1, { masks })], { devices });
  const { key, check } = bench.launch();
  const facts = { obstacles: [], startupDeadlineMs: 60_000, portKnownFree: true, modelBytes: null, listed };
  return bench
    .give({ type: 'checked', key, check, ...facts })
    .spawned()
    .wake()
    .probed();
}

const own = (bench: Bench, ...devices: readonly Device[]) => devices.map((device) => holds(bench, 'chat/r0', device, 6 * gib));
const stranger = { uuid: zero.uuid, pid: 812, program: 'python3', usedBytes: gib, instance: null };

describe('an engine on its mask', () => {
  it.each([[['0']], [['0', '1']], [[]]])('%j is where it should be, and nothing is told', (ids) => {
    const bench = ready(ids);
    const on = both.filter(({ index }) => ids.includes(index));
    looked(bench, both, [...own(bench, ...on), stranger]);
    expect(bench.told()).toEqual([]);
    expect(bench.view()).toMatchObject({ state: 'ready', why: null });
  });

  it('that holds nothing there runs on the CPU: told once, as an error, and said in why', () => {
    const bench = ready(['0']);
    looked(bench, both, [stranger]);
    const reason = 'holds no memory on GPU 0: does it run on the CPU?';
    expect(bench.events).toMatchObject([{ event: 'device.mismatch', level: 'error', reason, pool_id: 'chat', device_mask: '0' }]);
    expect(bench.view()).toMatchObject({ state: 'ready', ready: true, why: reason });
    expect(looked(bench, both, [stranger]).told()).toEqual([]);
    expect(looked(bench, both, own(bench, zero)).told()).toEqual([]);
    expect(bench.view().why).toBeNull();
    expect(looked(bench, both, []).told()).toEqual(['device.mismatch']);
  });

  it('that holds memory on one of two is missing from the other', () => {
    const bench = ready(['0', '1']);
    looked(bench, both, own(bench, one));
    expect(bench.view().why).toBe('holds no memory on GPU 0');
  });

  it('that holds memory elsewhere has left its mask', () => {
    const bench = ready(['1']);
    looked(bench, both, own(bench, zero, one));
    expect(bench.view().why).toBe('holds memory on GPU 0, outside its mask');
    looked(bench, both, own(bench, zero));
    expect(bench.view().why).toBe('holds no memory on GPU 1: does it run on the CPU?; holds memory on GPU 0, outside its mask');
  });

  it('cpu may hold memory nowhere', () => {
    const bench = ready([]);
    looked(bench, both, own(bench, one));
    expect(bench.heard('device.mismatch')).toMatchObject([{ reason: 'holds memory on GPU 1, outside its mask' }]);
  });
});

describe('nothing is said', () => {
  it('where the tool cannot tell', () => {
    const bench = ready(['0']);
    expect(looked(bench, both, null).told()).toEqual([]);
    expect(bench.view().why).toBeNull();
  });

  it('by a look that began before it was ready', () => {
    const bench = ready(['0']);
    const askedAt = bench.now - 1;
    bench.give({ type: 'devices-observed', observation: { devices: both, tool: 'working', note: null, processes: [], askedAt } });
    expect(bench.told()).toEqual([]);
  });

  it('of what the tool does not list, as Vulkan; but that it is elsewhere counts', () => {
    const bench = ready(['0'], { listed: false });
    expect(looked(bench, both, []).told()).toEqual([]);
    expect(looked(bench, both, own(bench, one)).told()).toEqual(['device.mismatch']);
  });

  it('of slices', () => {
    const slice = deviceOf('0:0', { mig: true, uuid: 'MIG-1' });
    const bench = ready(['0:0'], { devices: [slice] });
    expect(looked(bench, [slice], []).told()).toEqual([]);
  });

  it('of a device that is gone', () => {
    const bench = ready(['0', '1']);
    looked(bench, [one], own(bench, one));
    expect(bench.told()).toEqual(['device.lost']);
  });
});

describe('layers', () => {
  const told = (layers: number, ids = ['0']) => {
    const bench = ready(ids);
    return bench.give({ type: 'offloaded', ...bench.of(), offload: { layers, of: 33 } }).events;
  };

  it('that were left to the CPU are a warning', () => {
    const reason = 'has 20 of 33 layers on its devices, the others on the CPU';
    expect(told(20)).toMatchObject([{ event: 'device.mismatch', level: 'warn', reason }]);
    expect(told(33)).toEqual([]);
    expect(told(0, [])).toEqual([]);
  });
});
