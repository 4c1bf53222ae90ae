/** SGLang's server, started as a Python module. Not verified on hardware. */

import type { Description } from '../core/facts.js';
import type { EngineAdapter, Question } from './adapter.js';
import { countAt, sumOfSeries, textAt, unlessEmpty } from './answers.js';
import { flagCount, unlessGiven } from './flags.js';
import { hubOffline, hubReference } from './hub.js';
import { oneToken } from './one-token.js';
import { isSglangLine } from './own-lines.js';
import { countersFrom, histogram } from './perf.js';
import { expandArgs } from './placeholder-values.js';
import { workerFlags } from './split.js';

export const sglang: EngineAdapter = {
  kind: 'sglang',
  /** A `binary` of the inventory replaces this: it must be the interpreter of the environment that SGLang is installed in. */
  defaultBinary: 'python3',
  argv(launch, resolved) {
    const { spec } = launch;
    return [
      resolved.program ?? 'python3',
      '-m',
      'sglang.launch_server',
      ...unlessGiven(
        spec.args,
        ['--model-path', '--model'],
        resolved.model === null ? [] : ['--model-path', hubReference(resolved.model)],
      ),
      ...unlessGiven(spec.args, ['--host'], ['--host', spec.host]),
      ...unlessGiven(spec.args, ['--port'], ['--port', String(launch.port)]),
      ...unlessGiven(spec.args, ['--served-model-name'], spec.modelId === null ? [] : ['--served-model-name', spec.modelId]),
      ...unlessGiven(spec.args, ['--enable-metrics'], ['--enable-metrics']),
      ...workerFlags('sglang', { args: spec.args, ratios: spec.tensorSplit }, launch.devices.length),
      ...expandArgs(launch, resolved, spec.args, sglang.slots(spec)),
    ];
  },
  takesFile: () => false,
  /** Says 503 while it starts and while it ends, and generates nothing. */
  healthPath: '/health',
  deadStatus: null,
  startupDeadlineMs: () => 20 * 60_000,
  slots: (spec) => (spec.slots === 'auto' ? (flagCount(spec.args, '--max-running-requests') ?? 32) : spec.slots),
  decoded: { path: '/metrics', read: (body) => sumOfSeries(body, 'sglang:generation_tokens_total') },
  oneToken: oneToken,
  describe: [
    version('/server_info'),
    version('/get_server_info'),
    { path: '/v1/models', read: (body) => unlessEmpty({ ctxMax: countAt(body, 'data', 0, 'max_model_len') }) },
  ],
  versionCommand: null,
  inflight: { path: '/metrics', read: (body) => sumOfSeries(body, 'sglang:num_running_reqs', 'sglang:num_queue_reqs') },
  perf: countersFrom({
    tokens: [histogram('sglang:inter_token_latency_seconds'), histogram('sglang:time_per_output_token_seconds')],
    firstTokens: [histogram('sglang:time_to_first_token_seconds')],
  }),
  listDevices: null,
  wantsAllLayers: () => false,
  ownLine: isSglangLine,
  offlineEnv: hubOffline,
};

function version(path: string): Question<Partial<Description>> {
  return { path, read: (body) => unlessEmpty({ engineVersion: textAt(body, 'version') }) };
}
