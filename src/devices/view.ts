/** Devices as they are shown, by a supervisor or without one. */

import { isLive } from '../core/life.js';
import type { Device } from '../core/model.js';
import type { Replica, State } from '../core/state.js';
import type { DeviceView } from '../core/views.js';

/** `ageSeconds`: of the numbers; null where nobody knows. `pools`: who uses it. */
export function viewDevice(device: Device, ageSeconds: number | null, pools: readonly string[]): DeviceView {
  return {
    index: device.index,
    uuid: device.uuid,
    name: device.name,
    vendor: device.vendor,
    vram_total_bytes: device.vramTotalBytes,
    vram_free_bytes: device.vramFreeBytes,
    compute_capability: device.computeCapability,
    utilization_percent: device.utilizationPercent,
    temperature_celsius: device.temperatureCelsius,
    power_watts: device.powerWatts,
    mig: device.mig,
    healthy: device.ailment === null,
    age_seconds: ageSeconds,
    pools,
  };
}

export function viewDevices(state: State, now: number): readonly DeviceView[] {
  const { devices, observedAt } = state.devices;
  const age = observedAt === null ? null : Math.round(now - observedAt) / 1000;
  return devices.map((device) => viewDevice(device, age, poolsOn(device.uuid, state)));
}

function poolsOn(uuid: string, { pools }: State): readonly string[] {
  const uses = ({ life }: Replica): boolean => isLive(life) && life.engine.launch.devices.some((device) => device.uuid === uuid);
  return [...pools.values()].filter(({ replicas }) => replicas.some(uses)).map(({ spec }) => spec.poolId);
}
