/** Virtual GPUs: who uses their memory, for how long it stays taken after an end, when they are sick or gone, and when the tool does not answer. */

import type { DevicesObservation } from '../../src/core/facts.js';
import type { Device, DeviceProcess } from '../../src/core/model.js';
import type { Process } from './processes.js';

const gib = 2 ** 30;
const totalBytes = 14 * gib;
/** What one engine uses on each of its devices, once it has loaded and before. */
const usedBytes = 6 * gib;
const loadingBytes = 2 * gib;

export class Gpus {
  readonly sick = new Set<string>();
  readonly gone = new Set<string>();
  /** By index: what somebody else's programs use. */
  readonly strangers = new Map<string, number>();
  toolFails = false;
  /** When anything but our own engines last changed. */
  changedAt = Number.NEGATIVE_INFINITY;
  private ended: { readonly process: Process; readonly until: number }[] = [];

  constructor(private readonly count: number) {}

  get indexes(): readonly string[] {
    return Array.from({ length: this.count }, (_, index) => String(index));
  }

  observe(living: readonly Process[], askedAt: number, now: number): DevicesObservation {
    if (this.toolFails) return { devices: [], tool: 'failing', note: 'nvidia-smi hangs', processes: null, askedAt };
    const processes = this.users(living, now).flatMap(({ process, bytes }): readonly DeviceProcess[] =>
      process.launch.devices.map(({ uuid }) => ({
        ...{ uuid, pid: process.pid, program: 'engine' },
        ...{ usedBytes: bytes, instance: process.instance },
      })),
    );
    const devices = this.indexes
      .filter((index) => !this.gone.has(index))
      .map((index) => this.device(index, this.freeBytes(index, living, now)));
    return { devices, tool: 'working', note: null, processes, askedAt };
  }

  freeBytes(index: string, living: readonly Process[], now: number): number {
    const own = this.users(living, now).filter(({ process }) => process.launch.devices.some((device) => device.index === index));
    const used = own.reduce((sum, { bytes }) => sum + bytes, this.strangers.get(index) ?? 0);
    return Math.max(0, totalBytes - used);
  }

  /** The driver gives the memory of a dead engine back in its own time. */
  leave(process: Process, until: number): void {
    this.ended.push({ process, until });
  }

  /** Engines that have ended and still hold their memory. */
  lingering(now: number): readonly Process[] {
    return this.ended.filter(({ until }) => until > now).map(({ process }) => process);
  }

  private users(living: readonly Process[], now: number): readonly { readonly process: Process; readonly bytes: number }[] {
    this.ended = this.ended.filter(({ until }) => until > now);
    const own = [...living.filter(({ isLeader }) => isLeader), ...this.ended.map(({ process }) => process)];
    return own.map((process) => ({ process, bytes: process.loadedAt === null ? loadingBytes : usedBytes }));
  }

  private device(index: string, vramFreeBytes: number): Device {
    return {
      index,
      uuid: `GPU-${index}`,
      name: 'virtual',
      vendor: 'nvidia',
      vramTotalBytes: totalBytes,
      vramFreeBytes,
      computeCapability: null,
      utilizationPercent: null,
      temperatureCelsius: null,
      powerWatts: null,
      mig: false,
      pciAddress: `0000:0${index}:00`,
      eccErrors: null,
      ailment: this.sick.has(index) ? { text: 'is sick', cure: null } : null,
      tellsRecovery: false,
    };
  }
}
