#!/usr/bin/env node
/**
 * A `vllm` without a GPU, to be named as a pool's `binary`: `fake-vllm.mjs serve MODEL --host … --port …`. As the real one it opens no port
 * before it is loaded, runs its workers as processes of their own, says 503 once one of them is dead, and cuts requests at SIGTERM.
 */

import { readFlags, readSteering, serve, speedMetrics, startWorkers } from './fake-engine.mjs';

const { values, positionals } = readFlags(process.argv.slice(2));
const [verb, model] = positionals;
if (verb !== 'serve' || model === undefined) {
  process.stderr.write(`vllm: error: invalid choice: ${verb}\n`);
  process.exit(2);
}
const steering = readSteering(process.env);
const served = values['served-model-name'] ?? model;
const engine = startWorkers(steering);
process.stderr.write(`INFO [api_server.py] vLLM API server version ${steering.version}\n`);
process.stderr.write(`INFO [core.py] Initializing a V1 LLM engine with ${steering.workers} workers\n`);
process.on('SIGTERM', () => engine.end(0));

setTimeout(() => {
  serve(engine, values, served, answer);
  process.stderr.write('INFO:     Application startup complete.\n');
}, steering.loadMs);

function answer(path) {
  switch (path) {
    case '/health':
      return engine.dead ? [503, ''] : [200, ''];
    case '/version':
      return [200, { version: steering.version }];
    case '/v1/models':
      return [200, { object: 'list', data: [{ id: served, object: 'model', max_model_len: 8192 }] }];
    case '/metrics':
      return [200, metrics()];
    default:
      return [404, { detail: 'Not Found' }];
  }
}

function metrics() {
  const labels = (engineIndex) => `{engine="${engineIndex}",model_name="${served}"}`;
  return [
    '# TYPE vllm:num_requests_running gauge',
    `vllm:num_requests_running${labels(0)} ${engine.running}.0`,
    `vllm:num_requests_running${labels(1)} 0.0`,
    '# TYPE vllm:num_requests_waiting gauge',
    `vllm:num_requests_waiting${labels(0)} 0.0`,
    `vllm:num_requests_waiting${labels(1)} 0.0`,
    '# TYPE vllm:generation_tokens_total counter',
    `vllm:generation_tokens_total${labels(0)} ${engine.generated}.0`,
    ...speedMetrics('vllm', labels(0), engine),
    '',
  ].join('\n');
}
