/** Devices as they are shown, by a supervisor or without one. */

import { isLive } from '../core/life.js';
import { type Ailment, type Device, type DeviceProcess, replicaId } from '../core/model.js';
import type { Replica } from '../core/replica.js';
import type { State } from '../core/state.js';
import type { DeviceProcessView, DeviceView } from '../core/views.js';

/** What is known of a device beside what it says itself. */
export type Surroundings = {
  /** Of the numbers; null where nobody knows. */
  readonly ageSeconds: number | null;
  /** Whose masks have it, and that run. */
  readonly pools: readonly string[];
  /** Of all devices; null where the tools cannot tell. */
  readonly processes: readonly DeviceProcess[] | null;
  readonly replicaOf: (instance: string) => Pick<DeviceProcessView, 'pool_id' | 'replica_id'> | null;
  /** What others than its tool say of it. */
  readonly reported: Ailment | null;
};

/** Nobody supervises: the tools alone are known. */
export function viewUnsupervised(device: Device, processes: Surroundings['processes']): DeviceView {
  return viewDevice(device, { ageSeconds: 0, pools: [], processes, replicaOf: () => null, reported: null });
}

export function viewDevices(state: State, now: number): readonly DeviceView[] {
  const { devices, observedAt, processes, reported } = state.devices;
  const ageSeconds = observedAt === null ? null : Math.round(now - observedAt) / 1000;
  const engines = new Map(
    [...state.pools.values()].flatMap(({ spec, replicas }) => replicas.flatMap((replica) => who(spec.poolId, replica))),
  );
  const replicaOf = (instance: string): ReturnType<Surroundings['replicaOf']> => engines.get(instance) ?? null;
  const lost = [...state.devices.lost.values()].map((device) => ({ ...device, ...unknownNumbers, ailment: gone }));
  return [...devices, ...lost].map((device) => {
    const { uuid } = device;
    return viewDevice(device, {
      ageSeconds,
      pools: poolsOn(uuid, state),
      processes,
      replicaOf,
      reported: reported.get(uuid) ?? null,
    });
  });
}

/** One that was there and is listed no more stays in sight, as what it is. */
const gone: Ailment = { text: 'is gone: its tool lists it no more', cure: null };
const unknownNumbers = { vramFreeBytes: null, utilizationPercent: null, temperatureCelsius: null, powerWatts: null };

function viewDevice(device: Device, { ageSeconds, pools, processes, replicaOf, reported }: Surroundings): DeviceView {
  const ailment = device.ailment ?? reported;
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
    healthy: ailment === null,
    ailment: ailment?.text ?? null,
    age_seconds: ageSeconds,
    pools,
    processes:
      processes
        ?.filter(({ uuid }) => uuid === device.uuid)
        .sort((one, other) => (other.usedBytes ?? -1) - (one.usedBytes ?? -1))
        .map(({ pid, program, usedBytes, instance }) => ({
          pid,
          program,
          used_bytes: usedBytes,
          ...((instance === null ? null : replicaOf(instance)) ?? { pool_id: null, replica_id: null }),
        })) ?? null,
  };
}

function who(poolId: string, { index, life }: Replica): readonly [string, { pool_id: string; replica_id: string }][] {
  return isLive(life) ? [[life.engine.launch.instance, { pool_id: poolId, replica_id: replicaId(index) }]] : [];
}

function poolsOn(uuid: string, { pools }: State): readonly string[] {
  const uses = ({ life }: Replica): boolean => isLive(life) && life.engine.launch.devices.some((device) => device.uuid === uuid);
  return [...pools.values()].filter(({ replicas }) => replicas.some(uses)).map(({ spec }) => spec.poolId);
}
