/** The engine that ships with poolctl: llama-server's API without a model, and with orders to misbehave (src/demo). */

import type { EngineAdapter } from './adapter.js';
import { flagCount, unlessGiven } from './flags.js';
import { decodeSteps, oneToken, props, runningRequests, speed } from './llama-server.js';
import { isLlamaLine } from './own-lines.js';
import { expandArgs } from './placeholder-values.js';

export const demo: EngineAdapter = {
  kind: 'demo',
  /** Neither on PATH nor in the inventory: the shell gives Node itself as the program, and the script. */
  defaultBinary: null,
  argv(launch, resolved) {
    const { spec } = launch;
    return [
      resolved.program ?? '',
      ...(resolved.demoScript === undefined ? [] : [resolved.demoScript]),
      ...unlessGiven(spec.args, ['--model', '-m'], resolved.model === null ? [] : ['--model', resolved.model]),
      ...unlessGiven(spec.args, ['--host'], ['--host', spec.host]),
      ...unlessGiven(spec.args, ['--port'], ['--port', String(launch.port)]),
      ...unlessGiven(spec.args, ['--alias', '-a'], ['--alias', spec.modelId ?? spec.poolId]),
      ...unlessGiven(spec.args, ['--slots', '--parallel', '-np'], spec.slots === 'auto' ? [] : ['--slots', String(spec.slots)]),
      ...expandArgs(launch, resolved, spec.args, demo.slots(spec)),
    ];
  },
  // Models that exist in name only, to try things with.
  takesFile: (model) => !model.startsWith('hf:demo/'),
  healthPath: '/health',
  deadStatus: 500,
  startupDeadlineMs: () => 120_000,
  slots: (spec) => (spec.slots === 'auto' ? flagCount(spec.args, '--slots', '--parallel', '-np') : spec.slots),
  decoded: decodeSteps,
  oneToken: () => oneToken,
  describe: [props],
  versionCommand: null,
  inflight: runningRequests,
  perf: speed,
  listDevices: null,
  wantsAllLayers: () => false,
  /** It speaks as llama-server does, and prints what it is ordered to. */
  ownLine: isLlamaLine,
  offlineEnv: {},
};
