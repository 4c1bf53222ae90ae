/** What an engine's flags have to do with how its model is divided over the devices of a mask. */

import type { EngineKind } from '../core/model.js';
import { flagCount, flagValue, hasFlag } from './flags.js';

/** What does not fit. `message` is a phrase that goes on after "cannot split the model of …:", `hint` what to do. */
export type SplitFault = { readonly message: string; readonly hint: string };

type Asked = { readonly args: readonly string[]; readonly ratios: readonly number[] | null };

/** Is there a flag by which the engine can be told to divide its model? */
export function takesSplit(engine: EngineKind): boolean {
  return engine === 'llamacpp' || engine === 'vllm' || engine === 'sglang';
}

/** What is wrong with the ratios beside these args, whatever the devices. */
export function ratioFaults(engine: EngineKind, { args, ratios }: Asked): readonly SplitFault[] {
  if (ratios === null) return [];
  if (engine === 'llamacpp') return llamaFaults(args);
  if (engine !== 'vllm' && engine !== 'sglang') return [];
  const { beyond } = flagsOf[engine];
  const copied = beyond.find((flag) => hasFlag(args, flag));
  return [
    ...(Math.max(...ratios) - Math.min(...ratios) <= evenly
      ? []
      : [fault(`${engine} divides a model evenly, and the ratios are ${ratios.join(', ')}`, 'equal ratios, or null')]),
    ...(copied === undefined
      ? []
      : [fault(`its args have ${copied}, and the ratios are for one model on one mask`, 'take one of them out')]),
  ];
}

/** Do the args of vllm or sglang, where they say so, make for as many workers as a mask has devices? Null where they do, or do not say. */
export function workerFault(engine: EngineKind, { args, ratios }: Asked, devices: number): SplitFault | null {
  if (engine !== 'vllm' && engine !== 'sglang') return null;
  const { tensor, pipeline, beyond } = flagsOf[engine];
  if (hasFlag(args, ...beyond) || !(hasFlag(args, ...tensor) || hasFlag(args, ...pipeline))) return null;
  const [tensors, stages] = [countOf(args, tensor), countOf(args, pipeline)];
  // A placeholder, or something that the engine itself will refuse.
  if (tensors === null || stages === null) return null;
  const given = [tensor, pipeline].flatMap((names) => (hasFlag(args, ...names) ? [lastOf(args, names)] : [])).join(', ');
  if (ratios !== null && !hasFlag(args, ...tensor)) {
    if (devices % stages === 0) return null;
    return { message: `${given} does not divide ${counted(devices)}`, hint: 'as many stages as divide them' };
  }
  if (tensors * stages === devices) return null;
  const message = `${given} is for ${counted(tensors * stages)}, and there ${devices === 1 ? 'is' : 'are'} ${devices}`;
  return { message, hint: `a product of ${devices}, or a mask of ${counted(tensors * stages)}` };
}

/** For vllm and sglang: with ratios (they are equal then) a worker for each device, unless args say how many. */
export function workerFlags(engine: 'vllm' | 'sglang', { args, ratios }: Asked, devices: number): readonly string[] {
  const { tensor, pipeline, beyond } = flagsOf[engine];
  const workers = devices / (countOf(args, pipeline) ?? 1);
  if (ratios === null || hasFlag(args, ...tensor, ...beyond) || !Number.isInteger(workers) || workers === 0) return [];
  return ['--tensor-parallel-size', String(workers)];
}

function llamaFaults(args: readonly string[]): readonly SplitFault[] {
  const mode = flagValue(args, '--split-mode', '-sm');
  return [
    ...(hasFlag(args, '--tensor-split', '-ts')
      ? [fault('it is split twice: by tensor_split, and by --tensor-split in its args', 'take one of them out')]
      : []),
    ...(mode === 'none'
      ? [fault('--split-mode none in its args keeps the model on one device', 'take it out, or take tensor_split out')]
      : []),
  ];
}

const fault = (message: string, hint: string): SplitFault => ({ message, hint });

/** 1 where the flag is not given; null where it is no count. */
function countOf(args: readonly string[], names: readonly string[]): number | null {
  return hasFlag(args, ...names) ? flagCount(args, ...names) : 1;
}

/** As it is written: "--tp 2". */
function lastOf(args: readonly string[], names: readonly string[]): string {
  const name = args.findLast((arg) => hasFlag([arg], ...names))?.split('=', 1)[0] ?? '';
  return `${name} ${flagValue(args, ...names)}`;
}

const counted = (devices: number): string => `${devices} ${devices === 1 ? 'device' : 'devices'}`;

/** Room for ratios such as 0.333. */
const evenly = 0.005;

/** `beyond` makes copies of a model, or uses other machines: then nobody here can say how many devices it takes. */
const flagsOf = {
  vllm: {
    tensor: ['--tensor-parallel-size', '-tp'],
    pipeline: ['--pipeline-parallel-size', '-pp'],
    beyond: ['--data-parallel-size', '-dp', '--nnodes'],
  },
  sglang: {
    tensor: ['--tensor-parallel-size', '--tp-size', '--tp'],
    pipeline: ['--pipeline-parallel-size', '--pp-size', '--pp'],
    beyond: ['--data-parallel-size', '--dp-size', '--dp', '--nnodes'],
  },
} as const;
