/** Which of the models that were found could be served here, where, and why not the others. */

import type { Device } from '../core/model.js';
import type { Found, FoundEngine, FoundModel } from './found.js';

/** `masks`: the items of `device_masks`; a list in it is one replica over several devices. */
export type Placement = {
  readonly kind: 'each' | 'together' | 'cpu';
  readonly masks: readonly (string | readonly string[])[];
};

export type Candidate = {
  readonly model: FoundModel;
  /** In tokens: what is wished for, or all that the model was trained for. */
  readonly context: number;
  readonly trainedFor: number;
  /** With its context and what the engine works in; an estimate. */
  readonly needBytes: number;
  readonly placement: Placement;
};

/** A model that is not proposed; the reason goes on after its name and a colon. */
export type LeftOut = { readonly model: FoundModel; readonly why: string };

export const wishedContext = 16_384;

/** Those that fit, the one to propose first: one on each GPU before one over several before one on the CPU, and of each the biggest. */
export function candidates(found: Found): { readonly fitting: readonly Candidate[]; readonly leftOut: readonly LeftOut[] } {
  const engine = found.engines.find(({ kind, path, flaw }) => kind === 'llamacpp' && path !== null && flaw === null) ?? null;
  const devices = visible(found.devices, engine);
  const fitting: Candidate[] = [];
  const leftOut: LeftOut[] = [];
  for (const model of found.models) {
    const judged = judge(model, devices, found);
    if ('why' in judged) leftOut.push(judged);
    else fitting.push(judged);
  }
  return { fitting: fitting.sort(byPreference), leftOut };
}

const order = { each: 0, together: 1, cpu: 2 } as const;

function byPreference(a: Candidate, b: Candidate): number {
  return order[a.placement.kind] - order[b.placement.kind] || b.needBytes - a.needBytes || (a.model.ref < b.model.ref ? -1 : 1);
}

function judge(model: FoundModel, devices: readonly Device[], found: Found): Candidate | LeftOut {
  const [missing] = model.missing;
  if (missing !== undefined) return { model, why: `its part "${missing}" is not there` };
  if (!model.header.ok) return { model, why: model.header.error };
  const { architecture, contextLength, cacheBytesPerToken, tensorBytes, parameters } = model.header.value;
  if (parameters === 0) return { model, why: 'it has no weights' };
  if (tensorBytes !== null && model.bytes < tensorBytes)
    return { model, why: `it is cut off: its tensors take ${size(tensorBytes)}, and there are ${size(model.bytes)}` };
  if (contextLength === null || isOther(architecture))
    return { model, why: `it does not write text (architecture ${architecture ?? 'unknown'})` };
  const context = Math.min(wishedContext, contextLength);
  const ownBytes = (tensorBytes ?? model.bytes) + context * (cacheBytesPerToken ?? 0);
  const placement = place(ownBytes, devices, found.memoryBytes);
  if (placement !== null) return { model, context, trainedFor: contextLength, needBytes: ownBytes + workBytes, placement };
  const most = devices.length === 0 ? '' : 'neither the GPUs nor ';
  const why = `it needs about ${size(ownBytes + workBytes)} with ${tokens(context)} of context; ${most}half of the free memory has${most === '' ? ' not' : ''} that`;
  return { model, why };
}

/** What an engine works in, on each device: CUDA's own and the buffers of a computation. */
const workBytes = 768 * 2 ** 20;

/** On the CPU half of what is free now is left to the machine. */
function place(ownBytes: number, devices: readonly Device[], memoryBytes: number | null): Placement | null {
  const each = devices.filter((device) => roomOf(device) >= ownBytes + workBytes);
  if (each.length > 0) return { kind: 'each', masks: each.map((device) => maskOf(device, devices)) };
  const all = devices.reduce((sum, device) => sum + Math.max(0, roomOf(device) - workBytes), 0);
  if (devices.length > 1 && all >= ownBytes)
    return { kind: 'together', masks: [devices.map((device) => maskOf(device, devices))] };
  if (memoryBytes !== null && ownBytes + workBytes <= memoryBytes / 2) return { kind: 'cpu', masks: ['cpu'] };
  return null;
}

function roomOf({ vramFreeBytes, vramTotalBytes }: Device): number {
  return vramFreeBytes ?? vramTotalBytes ?? 0;
}

/** Two vendors count from 0, both: then only the UUID names it. */
function maskOf({ index, uuid }: Device, all: readonly Device[]): string {
  return all.filter((other) => other.index === index).length === 1 ? index : uuid;
}

/** The healthy ones that the engine can use: a build is for one vendor, unless it uses GPUs as graphics do. */
function visible(devices: readonly Device[], engine: FoundEngine | null): readonly Device[] {
  const healthy = devices.filter(({ ailment }) => ailment === null);
  const sees = engine?.sees ?? null;
  if (sees === null) return healthy;
  if (sees.length === 0) return [];
  const has = (name: string): boolean => sees.some((each) => each.startsWith(name));
  if (has('CUDA')) return healthy.filter(({ vendor }) => vendor === 'nvidia');
  return has('ROCm') || has('HIP') ? healthy.filter(({ vendor }) => vendor === 'amd') : healthy;
}

/** Models that see, hear, paint or turn a text into numbers. */
function isOther(architecture: string | null): boolean {
  return architecture === null || /bert|^clip$|^t5encoder$|^wavtokenizer|^flux$|^sd[13x]|^whisper/.test(architecture);
}

/** "9.8 GiB", "24 GiB". */
export function size(bytes: number): string {
  const [unit, factor] = bytes >= 2 ** 30 / 10 ? (['GiB', 2 ** 30] as const) : (['MiB', 2 ** 20] as const);
  return `${(bytes / factor).toFixed(1).replace(/\.0$/, '')} ${unit}`;
}

/** "16k", "1000". */
export function tokens(count: number): string {
  return count % 1024 === 0 ? `${count / 1024}k` : String(count);
}
