/** Virtual GPUs: who uses their memory, when they are sick or gone, and when the tool does not answer. */

import type { DevicesObservation } from '../../src/core/messages.js';
import type { Device, DeviceProcess } from '../../src/core/model.js';
import type { Process } from './processes.js';

const gib = 2 ** 30;
const totalBytes = 24 * gib;
/** What one engine uses on each of its devices. */
const usedBytes = 6 * gib;

export class Gpus {
  readonly sick = new Set<string>();
  readonly gone = new Set<string>();
  toolFails = false;

  constructor(private readonly count: number) {}

  get indexes(): readonly string[] {
    return Array.from({ length: this.count }, (_, index) => String(index));
  }

  observe(living: Iterable<Process>, askedAt: number): DevicesObservation {
    if (this.toolFails) return { devices: [], tool: 'failing', note: 'nvidia-smi hangs', processes: null, askedAt };
    const used = new Map<string, number>();
    const processes: DeviceProcess[] = [];
    for (const { isLeader, launch, pid, instance } of living) {
      if (!isLeader) continue;
      for (const { index, uuid } of launch.devices) {
        used.set(index, (used.get(index) ?? 0) + usedBytes);
        processes.push({ uuid, pid, program: 'engine', usedBytes, instance });
      }
    }
    const devices = this.indexes
      .filter((index) => !this.gone.has(index))
      .map((index) => this.device(index, used.get(index) ?? 0));
    return { devices, tool: 'working', note: null, processes, askedAt };
  }

  private device(index: string, used: number): Device {
    return {
      index,
      uuid: `GPU-${index}`,
      name: 'virtual',
      vendor: 'nvidia',
      vramTotalBytes: totalBytes,
      vramFreeBytes: Math.max(0, totalBytes - used),
      computeCapability: null,
      utilizationPercent: null,
      temperatureCelsius: null,
      powerWatts: null,
      mig: false,
      pciAddress: null,
      eccErrors: null,
      ailment: this.sick.has(index) ? { text: 'is sick', cure: null } : null,
    };
  }
}
