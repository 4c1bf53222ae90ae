/** vLLM's OpenAI server. Not verified on hardware. */

import type { EngineAdapter } from './adapter.js';
import { countAt, sumOfSeries, textAt, unlessEmpty } from './answers.js';
import { flagCount, unlessGiven } from './flags.js';
import { hubOffline, hubReference } from './hub.js';
import { oneToken } from './one-token.js';
import { isVllmLine } from './own-lines.js';
import { countersFrom, histogram } from './perf.js';
import { expandArgs } from './placeholder-values.js';
import { workerFlags } from './split.js';

/**
 * `--shutdown-timeout` (wait for running requests at SIGTERM) is not passed: older versions end with "unrecognized arguments" on it, and the
 * version is known only once the engine runs.
 */
export const vllm: EngineAdapter = {
  kind: 'vllm',
  defaultBinary: 'vllm',
  argv(launch, resolved) {
    const { spec } = launch;
    return [
      resolved.program ?? 'vllm',
      'serve',
      ...unlessGiven(spec.args, ['--model'], resolved.model === null ? [] : [hubReference(resolved.model)]),
      ...unlessGiven(spec.args, ['--host'], ['--host', spec.host]),
      ...unlessGiven(spec.args, ['--port'], ['--port', String(launch.port)]),
      ...unlessGiven(spec.args, ['--served-model-name'], spec.modelId === null ? [] : ['--served-model-name', spec.modelId]),
      ...workerFlags('vllm', { args: spec.args, ratios: spec.tensorSplit }, launch.devices.length),
      ...expandArgs(launch, resolved, spec.args, vllm.slots(spec)),
    ];
  },
  takesFile: () => false,
  healthPath: '/health',
  /** EngineDeadError: its core is gone, and the server lives on without. */
  deadStatus: 503,
  startupDeadlineMs: () => 20 * 60_000,
  slots: (spec) => (spec.slots === 'auto' ? (flagCount(spec.args, '--max-num-seqs') ?? 32) : spec.slots),
  decoded: { path: '/metrics', read: (body) => sumOfSeries(body, 'vllm:generation_tokens_total') },
  oneToken: oneToken,
  describe: [
    { path: '/version', read: (body) => unlessEmpty({ engineVersion: textAt(body, 'version') }) },
    { path: '/v1/models', read: (body) => unlessEmpty({ ctxMax: countAt(body, 'data', 0, 'max_model_len') }) },
  ],
  versionCommand: null,
  inflight: { path: '/metrics', read: (body) => sumOfSeries(body, 'vllm:num_requests_running', 'vllm:num_requests_waiting') },
  perf: countersFrom({
    tokens: [histogram('vllm:inter_token_latency_seconds'), histogram('vllm:time_per_output_token_seconds')],
    firstTokens: [histogram('vllm:time_to_first_token_seconds')],
  }),
  listDevices: null,
  wantsAllLayers: () => false,
  ownLine: isVllmLine,
  offlineEnv: hubOffline,
};
