import { expect, it } from 'vitest';
import type { DeviceProcess } from '../../src/core/model.js';
import type { State } from '../../src/core/state.js';
import { viewDevices, viewUnsupervised } from '../../src/devices/view.js';
import { deviceOf } from '../rig/launch.js';
import { beginning, inventoryOf, poolSpec } from '../rig/specs.js';

const gpu = deviceOf('0');
const user = (pid: number, more: Partial<DeviceProcess> = {}): DeviceProcess => ({
  uuid: gpu.uuid,
  pid,
  program: 'python3',
  usedBytes: null,
  instance: null,
  ...more,
});

it('shows who uses a device and no other, the biggest first, those of unknown size last', () => {
  const users = [user(1), user(2, { usedBytes: 5 }), user(3, { uuid: 'GPU-other', usedBytes: 7 }), user(4, { usedBytes: 6 })];
  expect(viewUnsupervised(gpu, users).processes).toEqual([
    { pid: 4, program: 'python3', used_bytes: 6, pool_id: null, replica_id: null },
    { pid: 2, program: 'python3', used_bytes: 5, pool_id: null, replica_id: null },
    { pid: 1, program: 'python3', used_bytes: null, pool_id: null, replica_id: null },
  ]);
  expect(viewUnsupervised(gpu, [])).toMatchObject({ processes: [], pools: [], healthy: true, ailment: null });
  expect(viewUnsupervised(gpu, null).processes).toBeNull();
});

it('takes a process of an engine that no replica has for a stranger', () => {
  const state = observed({ processes: [user(1, { instance: 'of another supervisor' })] });
  expect(viewDevices(state, 3000)).toMatchObject([{ age_seconds: 2, processes: [{ pid: 1, pool_id: null, replica_id: null }] }]);
});

it("shows what its tool says is wrong with it, else what the kernel's log has told", () => {
  const fallen = { text: 'has fallen off the bus (Xid 79)', cure: 'reboot', at: 0 } as const;
  const sick = { text: 'needs a reset, as nvidia-smi says', cure: 'reset' } as const;
  const reported = new Map([[gpu.uuid, fallen]]);
  expect(viewDevices(observed({ reported }), 0)).toMatchObject([{ healthy: false, ailment: fallen.text }]);
  expect(viewDevices(observed({ reported, devices: [{ ...gpu, ailment: sick }] }), 0)).toMatchObject([{ ailment: sick.text }]);
});

function observed(more: Partial<State['devices']>): State {
  const state = beginning({ inventory: inventoryOf(poolSpec('chat', 1)), now: 0 });
  return { ...state, devices: { ...state.devices, devices: [gpu], tool: 'working', observedAt: 1000, ...more } };
}
