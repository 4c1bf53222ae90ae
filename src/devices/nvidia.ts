/**
 * What nvidia-smi prints -> devices. The tool's output is a text for people that changes with the driver, so everything is optional here:
 * a cell that cannot be read is null, a row without a UUID is no device, and nothing throws.
 */

import type { Device } from '../core/model.js';
import { count, known, mebibytes, number } from './cells.js';
import { ailmentOf } from './nvidia-health.js';
import { pciAddress } from './pci.js';

/** Asked for in this order. Old drivers do not know all of them: see `unknownField`. */
export const gpuFields = [
  'index',
  'uuid',
  'name',
  'memory.total',
  'memory.free',
  'compute_cap',
  'utilization.gpu',
  'temperature.gpu',
  'power.draw',
  'mig.mode.current',
  'pci.bus_id',
  'ecc.errors.uncorrected.volatile.total',
  'gpu_recovery_action',
] as const;
export type GpuField = (typeof gpuFields)[number];

/** One line of the query: the device, and whether it is cut into MIG slices (then the slices are the devices, not this). */
export type GpuRow = { readonly device: Device; readonly migEnabled: boolean };

export type MigSlice = {
  readonly parentIndex: string;
  readonly position: string;
  readonly profile: string;
  readonly uuid: string;
};

/** Arguments of the query for `fields`. */
export const queryArgs = (fields: readonly GpuField[]): readonly string[] => [
  `--query-gpu=${fields.join(',')}`,
  '--format=csv,noheader,nounits',
];

/** Arguments that list what this driver's tool knows to answer. */
export const helpArgs: readonly string[] = ['--help-query-gpu'];

/** Arguments that list GPUs with their MIG slices, whose UUIDs the query does not tell. */
export const listArgs: readonly string[] = ['-L'];

/** Reads the query's rows. Headers, units and lines of warning are tolerated; `fields` are those that were asked for, in order. */
export function parseGpus(output: string, fields: readonly GpuField[]): readonly GpuRow[] {
  return output.split('\n').flatMap((line) => {
    const row = readRow(line, fields);
    return row === null ? [] : [row];
  });
}

function readRow(line: string, fields: readonly GpuField[]): GpuRow | null {
  const cells = line.split(',').map((cell) => cell.trim());
  const cell = (field: GpuField): string => cells[fields.indexOf(field)] ?? '';
  const index = cell('index');
  const uuid = cell('uuid');
  if (cells.length !== fields.length || !/^\d+$/.test(index) || !/^GPU-[0-9a-z-]+$/i.test(uuid)) return null;
  return {
    device: {
      index,
      uuid,
      name: known(cell('name')) ?? 'NVIDIA GPU',
      vendor: 'nvidia',
      vramTotalBytes: mebibytes(cell('memory.total')),
      vramFreeBytes: mebibytes(cell('memory.free')),
      computeCapability: known(cell('compute_cap')),
      utilizationPercent: number(cell('utilization.gpu')),
      temperatureCelsius: number(cell('temperature.gpu')),
      powerWatts: number(cell('power.draw')),
      mig: false,
      pciAddress: pciAddress(cell('pci.bus_id')),
      eccErrors: count(cell('ecc.errors.uncorrected.volatile.total')),
      ailment: ailmentOf(new Map(fields.map((field) => [field, cell(field)]))),
      tellsRecovery: known(cell('gpu_recovery_action')) !== null,
    },
    migEnabled: cell('mig.mode.current').toLowerCase() === 'enabled',
  };
}

/** Reads the slices from the list; both spellings of their UUIDs (`MIG-<uuid>`, and `MIG-GPU-<uuid>/1/0` of old drivers) are kept as they are. */
export function parseMigSlices(list: string): readonly MigSlice[] {
  const slices: MigSlice[] = [];
  let parentIndex: string | null = null;
  for (const line of list.split('\n')) {
    parentIndex = /^GPU (\d+):/.exec(line)?.[1] ?? parentIndex;
    const slice = /^\s+MIG\s+(\S+)\s+Device\s+(\d+):\s*\(UUID:\s*(MIG-[^)\s]+)\)/.exec(line);
    const [, profile, position, uuid] = slice ?? [];
    if (parentIndex !== null && profile !== undefined && position !== undefined && uuid !== undefined) {
      slices.push({ parentIndex, position, profile, uuid });
    }
  }
  return slices;
}

/**
 * The devices that a mask may name: a GPU cut into slices is replaced by them, since nothing can run on the whole of it any more. The
 * memory of a slice is unknown: the tool tells only the whole GPU's. What ails the GPU ails its slices.
 */
export function devicesOf(rows: readonly GpuRow[], slices: readonly MigSlice[]): readonly Device[] {
  return rows.flatMap(({ device, migEnabled }) => {
    if (!migEnabled) return [device];
    return slices.filter(({ parentIndex }) => parentIndex === device.index).map((slice) => sliceOf(device, slice));
  });
}

function sliceOf(parent: Device, { position, profile, uuid }: MigSlice): Device {
  return {
    ...parent,
    index: `${parent.index}:${position}`,
    uuid,
    name: `${parent.name} MIG ${profile}`,
    vramTotalBytes: null,
    vramFreeBytes: null,
    utilizationPercent: null,
    mig: true,
  };
}

/** The field that this driver's tool does not know, so that it can be asked again without it; null where that was not the complaint. */
export function unknownField(output: string): GpuField | null {
  const name = /Field "([^"]+)" is not a valid field to query/.exec(output)?.[1];
  return gpuFields.find((field) => field === name) ?? null;
}

/**
 * Those of our fields that this driver's tool says to know, from its own list of them (a line `"pci.bus_id" or "gpu_bus_id"`, an explanation,
 * an empty line); none where it is no such list.
 */
export function fieldsOf(help: string): readonly GpuField[] {
  const lines = help.split('\n').filter((line) => line.startsWith('"'));
  const names = new Set(lines.flatMap((line) => [...line.matchAll(/"([\w.]+)"/g)].map(([, name]) => name)));
  return gpuFields.filter((field) => names.has(field));
}

/** True when the tool itself says that it works and that there is nothing: a machine without a card, not a failure. */
export function saysNoDevices(output: string): boolean {
  return /No devices were found/i.test(output);
}

/** GPUs that the tool could not open while it listed the others ("0000:0B:00.0: Unknown Error"), each as it named them. */
export function unreachableGpus(output: string): readonly string[] {
  return [...output.matchAll(/Unable to determine the device handle for (?:GPU|gpu) ?(.*)/g)].map((match) =>
    (match[1] ?? '').trim(),
  );
}

/** Why the tool failed, in one line with what to do about it where that is known. */
export function explainFailure(output: string, code: number | null): string {
  const text = output
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line !== '');
  if (/Driver\/library version mismatch/i.test(output)) {
    return `nvidia-smi failed: ${text}; the driver was updated while the old one is loaded: reboot, or reload the nvidia kernel modules`;
  }
  if (/couldn't communicate with the NVIDIA driver/i.test(output)) {
    return 'nvidia-smi failed: the NVIDIA driver is not loaded; install it for the running kernel, or reboot';
  }
  return `nvidia-smi failed${code === null ? '' : ` with exit status ${code}`}${text === undefined ? '' : `: ${text.replace(/\.$/, '')}`}`;
}
