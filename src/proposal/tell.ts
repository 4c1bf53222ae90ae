/** What was found and why it was chosen, as sentences for people. */

import type { Device, DeviceProcess } from '../core/model.js';
import { type Candidate, type LeftOut, size, tokens } from './candidates.js';
import type { Found } from './found.js';

/** A line each: GPUs, engines, models, ports. */
export function foundLines(found: Found, fitting: readonly Candidate[], leftOut: readonly LeftOut[]): readonly string[] {
  return [gpuLine(found), ...engineLines(found), ...modelLines(found, fitting, leftOut), ...portLines(found)];
}

function gpuLine({ devices, processes, note }: Found): string {
  if (devices.length === 0) return `Found no GPU${note === null ? '' : ` (${note})`}: engines run on the CPU`;
  const list = devices.map((device) => gpuText(device, processes)).join(', ');
  return `Found ${counted(devices.length, 'GPU')}: ${list}${note === null ? '' : ` (${note})`}`;
}

function gpuText({ index, uuid, name, vramTotalBytes, vramFreeBytes, ailment }: Device, processes: Found['processes']): string {
  const short = name.replace(/^(?:NVIDIA|AMD) (?:GeForce |Radeon )?/, '');
  const total = vramTotalBytes === null ? '' : ` ${size(vramTotalBytes)}`;
  if (ailment !== null) return `${index} ${short}${total} (left out: ${ailment.text})`;
  const usedBytes = vramTotalBytes === null || vramFreeBytes === null ? 0 : vramTotalBytes - vramFreeBytes;
  if (usedBytes < worthTelling) return `${index} ${short}${total}`;
  const by = userOf(uuid, processes);
  return `${index} ${short}${total} (${size(usedBytes)} in use${by === null ? '' : `: ${by}`})`;
}

/** Less is in use on any GPU. */
const worthTelling = 300 * 2 ** 20;

/** The biggest. */
function userOf(uuid: string, processes: Found['processes']): string | null {
  const users = (processes ?? []).filter((each) => each.uuid === uuid);
  const [first] = [...users].sort((a: DeviceProcess, b: DeviceProcess) => (b.usedBytes ?? 0) - (a.usedBytes ?? 0));
  return first === undefined ? null : (first.program ?? `pid ${first.pid}`);
}

function engineLines({ engines, devices }: Found): readonly string[] {
  const there = engines.filter(({ path }) => path !== null);
  const missing = engines.filter(({ path }) => path === null).map(({ name }) => name);
  const found = there.map(({ name, version, path, flaw }) => {
    const told = flaw === null ? (version === null ? '' : ` ${version}`) : ` that does not run: ${flaw}`;
    return `${name}${told} (${path})`;
  });
  const absent = missing.length === 0 ? '' : `Not on PATH: ${missing.join(', ')}`;
  const blind =
    devices.length > 0 && there.some(({ sees }) => sees?.length === 0)
      ? ['llama-server sees none of the GPUs: it is a build for the CPU']
      : [];
  return [
    found.length === 0 ? `Found no engine. ${absent}` : `Found ${found.join(', ')}${absent === '' ? '' : `. ${absent}`}`,
    ...blind,
  ];
}

function modelLines(
  { models, places, whole }: Found,
  fitting: readonly Candidate[],
  leftOut: readonly LeftOut[],
): readonly string[] {
  const unseen = whole ? [] : [`Not all was looked at in the time there was; name the directory of your models: --models DIR`];
  const out = leftOut.slice(0, mostLeftOut).map(({ model, why }) => `Left out ${fileOf(model.ref)}: ${why}`);
  const more = leftOut.length > mostLeftOut ? [`Left out ${leftOut.length - mostLeftOut} more`] : [];
  if (models.length === 0) return [`Found no GGUF model in ${places.join(', ')}`, ...unseen];
  const [best] = fitting;
  const which = best === undefined ? 'none can be served here' : `${whyBest(best)}: ${nameAndNeed(best)}`;
  return [`Found ${counted(models.length, 'model')}; ${which}`, ...out, ...more, ...unseen];
}

const mostLeftOut = 5;

function whyBest({ placement, context }: Candidate): string {
  const where = { each: 'fits one GPU', together: 'fits all GPUs together', cpu: 'fits half of the free memory' }[placement.kind];
  return `the biggest that ${where} with ${tokens(context)} context`;
}

/** "qwen3-14b-q5_k_m.gguf (about 13 GiB)". */
export function nameAndNeed({ model, needBytes }: Candidate): string {
  return `${fileOf(model.ref)} (about ${size(needBytes)})`;
}

function portLines({ ports: { first, range } }: Found): readonly string[] {
  if (first === null) return ['No port of 18100-18999 is free: set supervisor.ports'];
  if (range !== null) return [`Ports 18100-18999 are taken; ${range} has enough that are free`];
  return first === 18_100 ? [] : [`Port 18100 is taken; ${first} is the first that is free`];
}

/** What is missing for a model to be served, and what brings it; none where nothing is missing. */
export function installLines({ engines, models }: Found, fitting: readonly Candidate[]): readonly string[] {
  const llama = engines.find(({ kind }) => kind === 'llamacpp');
  const ofHub = engines.find(({ kind, path, flaw }) => kind !== 'llamacpp' && path !== null && flaw === null);
  const canServe = llama !== undefined && llama.path !== null && llama.flaw === null;
  return [
    ...(llama?.path === null
      ? ['To serve a GGUF model install llama.cpp (llama-server on PATH): https://github.com/ggml-org/llama.cpp/releases']
      : []),
    ...(llama?.flaw == null ? [] : [`To serve a GGUF model mend ${llama.path}: ${llama.flaw}`]),
    ...(models.length > 0 && fitting.length > 0
      ? []
      : ['To get a model that fits: hf download Qwen/Qwen3-4B-GGUF Qwen3-4B-Q4_K_M.gguf --local-dir ~/models']),
    ...(ofHub === undefined || canServe
      ? []
      : [`A pool for ${ofHub.name} stands in the file as a comment: which model fits it is not worked out`]),
  ];
}

const fileOf = (ref: string): string => ref.slice(ref.lastIndexOf('/') + 1);

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
