#!/usr/bin/env node
/**
 * A Python with SGLang without either, to be named as a pool's `binary`: `fake-sglang.mjs -m sglang.launch_server --model-path …`. It refuses
 * connections for the first half of its loading and says 503 for the second; it has /metrics only with `--enable-metrics`; at SIGTERM it waits
 * for running requests without end.
 */

import { readFlags, readSteering, serve, speedMetrics, startWorkers } from './fake-engine.mjs';

const [dashM, module, ...flags] = process.argv.slice(2);
const { values } = readFlags(flags);
if (dashM !== '-m' || module !== 'sglang.launch_server' || values['model-path'] === undefined) {
  process.stderr.write(`launch_server.py: error: the following arguments are required: --model-path\n`);
  process.exit(2);
}
const steering = readSteering(process.env);
const engine = startWorkers(steering);
const state = { starting: true, ending: false };

setTimeout(() => serve(engine, values, values['served-model-name'], answer), steering.loadMs / 2);
setTimeout(() => {
  state.starting = false;
  process.stderr.write('The server is fired up and ready to roll!\n');
}, steering.loadMs);
process.on('SIGTERM', () => {
  state.ending = true;
  setInterval(() => {
    if (engine.running === 0) engine.end(0);
  }, 20);
});

function answer(path) {
  switch (path) {
    case '/health':
      return [state.starting || state.ending || engine.dead ? 503 : 200, ''];
    case '/get_server_info':
      return [200, { version: steering.version, max_total_num_tokens: 1000 }];
    case '/v1/models':
      return [200, { object: 'list', data: [{ id: values['served-model-name'], object: 'model', max_model_len: 4096 }] }];
    case '/metrics':
      return flags.includes('--enable-metrics') ? [200, metrics()] : [404, 'Not Found'];
    default:
      return [404, 'Not Found'];
  }
}

function metrics() {
  const labels = `{model_name="${values['served-model-name']}"}`;
  return [
    '# TYPE sglang:num_running_reqs gauge',
    `sglang:num_running_reqs${labels} ${engine.running}.0`,
    '# TYPE sglang:num_queue_reqs gauge',
    `sglang:num_queue_reqs${labels} 0.0`,
    '# TYPE sglang:generation_tokens_total counter',
    `sglang:generation_tokens_total${labels} ${engine.generated}.0`,
    ...speedMetrics('sglang', labels, engine),
    '',
  ].join('\n');
}
