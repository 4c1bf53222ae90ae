/** llama-server of llama.cpp. */

import type { Launch } from '../core/messages.js';
import type { PoolSpec } from '../core/model.js';
import type { EngineAdapter } from './adapter.js';
import { flagCount, hasFlag, unlessGiven } from './flags.js';
import { decodeSteps, oneToken, props, runningRequests, speed } from './llama-server.js';
import { isLlamaLine } from './own-lines.js';
import { expandArgs } from './placeholder-values.js';

const loadBytesPerMs = 50_000;

export const llamacpp: EngineAdapter = {
  kind: 'llamacpp',
  defaultBinary: 'llama-server',
  argv(launch, resolved) {
    const { spec } = launch;
    return [
      resolved.program ?? 'llama-server',
      ...modelFlags(spec.args, resolved.model),
      ...unlessGiven(spec.args, ['--host'], ['--host', spec.host]),
      ...unlessGiven(spec.args, ['--port'], ['--port', String(launch.port)]),
      ...unlessGiven(spec.args, ['--alias', '-a'], spec.modelId === null ? [] : ['--alias', spec.modelId]),
      ...unlessGiven(spec.args, ['--metrics'], ['--metrics']),
      ...unlessGiven(spec.args, ['--offline'], launch.allowDownloads ? [] : ['--offline']),
      ...deviceFlags(launch),
      ...unlessGiven(spec.args, ['--parallel', '-np'], spec.slots === 'auto' ? [] : ['--parallel', String(spec.slots)]),
      ...unlessGiven(
        spec.args,
        ['--tensor-split', '-ts'],
        spec.tensorSplit === null ? [] : ['--tensor-split', spec.tensorSplit.join(',')],
      ),
      ...expandArgs(launch, resolved, spec.args, llamacpp.slots(spec)),
    ];
  },
  takesFile: () => true,
  healthPath: '/health',
  deadStatus: null,
  startupDeadlineMs: (modelBytes) => 120_000 + Math.ceil((modelBytes ?? 0) / loadBytesPerMs),
  slots: (spec) => (spec.slots === 'auto' ? flagCount(spec.args, '--parallel', '-np') : spec.slots),
  decoded: decodeSteps,
  oneToken: () => oneToken,
  describe: [props],
  versionCommand: { args: ['--version'], read: readVersion },
  inflight: runningRequests,
  perf: speed,
  listDevices: { args: ['--list-devices'], read: readDevices },
  wantsAllLayers: (spec) =>
    !namesLayers(spec) && !hasFlag(spec.args, ...partFlags) && !partVariables.some((name) => name in spec.env),
  ownLine: isLlamaLine,
  offlineEnv: {},
};

/** References that were not brought to disk are left to the engine's own cache, which `--offline` keeps from the network. */
function modelFlags(args: readonly string[], model: string | null): readonly string[] {
  if (model === null || hasFlag(args, '--model', '-m', '--model-url', '-mu', '--hf-repo', '-hf', '-hfr')) return [];
  if (/^https?:/.test(model)) return ['--model-url', model];
  if (!model.startsWith('hf:')) return ['--model', model];
  const [owner, name, ...file] = model.slice('hf:'.length).split('/');
  return ['--hf-repo', `${owner}/${name}`, ...(file.length === 0 ? [] : ['--hf-file', file.join('/')])];
}

/** All layers on the mask's devices, or none anywhere: never a silent half of each. */
function deviceFlags({ spec, devices }: Launch): readonly string[] {
  return devices.length === 0
    ? unlessGiven(spec.args, ['--device', '-dev'], ['--device', 'none'])
    : namesLayers(spec)
      ? []
      : ['--n-gpu-layers', '999'];
}

/** Its own flags win over its variables: whoever gives the variable would be overruled by a flag of ours. */
function namesLayers({ args, env }: PoolSpec): boolean {
  return hasFlag(args, '--n-gpu-layers', '--gpu-layers', '-ngl') || 'LLAMA_ARG_N_GPU_LAYERS' in env;
}

/** What leaves a part of the model to the CPU on purpose. */
const partFlags = ['--override-tensor', '-ot', '--n-cpu-moe', '-ncmoe', '--cpu-moe', '-cmoe'] as const;
const partVariables = ['LLAMA_ARG_OVERRIDE_TENSOR', 'LLAMA_ARG_N_CPU_MOE', 'LLAMA_ARG_CPU_MOE'] as const;

/**
 * "version: 0.2.0-dev (build 10587, commit 3f545becc)" and the older "version: 4754 (c392e509)", both as /props would write them
 * ("b10587-3f545becc"), so that versions from either source can be compared; any other wording is kept as it is.
 */
function readVersion(output: string): string | null {
  const line = /^version:\s*(\S.*)$/m.exec(output)?.[1]?.trim();
  if (line === undefined) return null;
  const build = /\bbuild (\d+), commit ([0-9a-f]+)/.exec(line) ?? /^(\d+) \(([0-9a-f]+)\)$/.exec(line);
  return build === null ? line : `b${build[1]}-${build[2]}`;
}

/** GPUs have a number in their names ("CUDA0", "Vulkan1"); a BLAS library, which is listed too, has none. Null: not the list at all. */
function readDevices(output: string): readonly string[] | null {
  const list = output.split(/^Available devices:.*$/m)[1];
  return list === undefined ? null : [...list.matchAll(/^\s+([A-Za-z]+\d+):/gm)].map((match) => match[1] ?? '');
}
