/** Looks at the devices, for the bench. */

import type { Device, DeviceProcess, MaskRef, ReplicaKey } from '../../src/core/model.js';
import type { Bench } from './bench.js';

export const maskOf = (...ids: string[]): MaskRef => ({ kind: 'list', written: ids.join(','), ids });

/** A working tool's answer to a look that has just begun. */
export function looked(bench: Bench, devices: readonly Device[], processes: readonly DeviceProcess[] | null = null): Bench {
  bench.now += 1;
  return bench.give({
    type: 'devices-observed',
    observation: { devices, tool: 'working', note: null, processes, askedAt: bench.now },
  });
}

/** The replica's present engine, or the one that is being made, as the tool lists it. */
export function holds(bench: Bench, key: ReplicaKey, { uuid }: Device, usedBytes: number): DeviceProcess {
  return { uuid, pid: 100, program: 'llama-server', usedBytes, instance: instanceOf(bench, key) };
}

export function instanceOf(bench: Bench, key: ReplicaKey): string {
  const { life } = bench.replica(key);
  const launch = 'engine' in life ? life.engine.launch : 'launch' in life ? life.launch : null;
  if (launch === null) throw new Error(`${key} has no engine`);
  return launch.instance;
}
