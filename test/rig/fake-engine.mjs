/**
 * What the fakes of vLLM and SGLang share: a server of several processes that takes its time, loses its workers, and cannot be stopped by
 * ending one of them. Steered by environment variables, so that a pool's `env` can do it:
 *
 *   FAKE_LOAD_MS=200           until the API answers
 *   FAKE_WORKERS=2             processes forked before that
 *   FAKE_STUBBORN_WORKERS=1    they ignore SIGTERM, so that they outlive their server
 *   FAKE_VERSION=0.0.0         what the version endpoint says
 *
 * Live: POST /fake/die kills a worker (from then on the engine is dead, 503), POST /fake/run?n=2 makes n requests run.
 */

import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

/** Flags as the engines take them: `--a-flag value`, `--a_flag=value`, anything unknown let through. */
export function readFlags(args) {
  return parseArgs({
    args,
    strict: false,
    allowPositionals: true,
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '8000' },
      'served-model-name': { type: 'string' },
      'model-path': { type: 'string' },
    },
  });
}

export function readSteering(env) {
  return {
    loadMs: Number(env.FAKE_LOAD_MS ?? 200),
    workers: Number(env.FAKE_WORKERS ?? 2),
    stubborn: env.FAKE_STUBBORN_WORKERS === '1',
    version: env.FAKE_VERSION ?? '0.0.0',
  };
}

/**
 * Forks the workers and gives what both fakes build on. `dead` is true as soon as one of the workers has gone; `running` is how many requests
 * pretend to run; `generated` counts tokens, `answered` the requests that they were for; `end` ends the workers and then the server.
 */
export function startWorkers({ workers, stubborn }) {
  const engine = { dead: false, running: 0, generated: 0, answered: 0, workers: [], end };
  for (let n = 0; n < workers; n += 1) {
    // The shell is replaced, and an ignored signal stays ignored.
    const worker = spawn('/bin/sh', ['-c', `${stubborn ? "trap '' TERM; " : ''}exec sleep 600`], { stdio: ['ignore', 2, 2] });
    worker.on('exit', () => {
      engine.dead = true;
    });
    engine.workers.push(worker);
  }
  return engine;

  function end(code) {
    for (const worker of engine.workers) worker.kill('SIGTERM');
    process.exit(code);
  }
}

/** `answer(path)` gives [status, body] for a GET; the orders are answered here, and completions for a model of this name. */
export function serve(engine, { host, port }, model, answer) {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://engine');
    const asked = [];
    for await (const chunk of request) asked.push(chunk);
    const [status, body] = request.method === 'POST' ? obey(url, Buffer.concat(asked).toString()) : answer(url.pathname);
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    response.writeHead(status, { 'content-length': Buffer.byteLength(text) }).end(text);
  });
  server.listen(Number(port), host);

  function obey(url, asked) {
    if (url.pathname === '/v1/completions') return complete(JSON.parse(asked));
    if (url.pathname === '/fake/die') {
      engine.workers[0]?.kill('SIGKILL');
      engine.dead = true;
      return [200, { pids: engine.workers.map(({ pid }) => pid) }];
    }
    if (url.pathname === '/fake/run') {
      engine.running = Number(url.searchParams.get('n'));
      return [200, {}];
    }
    return [404, { detail: 'Not Found' }];
  }

  function complete({ model: wanted, max_tokens: tokens }) {
    if (wanted !== model) return [404, { error: { message: `The model \`${wanted}\` does not exist.` } }];
    if (engine.dead) return [500, { error: { message: 'EngineCore encountered an issue.' } }];
    engine.generated += tokens;
    engine.answered += 1;
    return [200, { object: 'text_completion', choices: [{ text: ' a', finish_reason: 'length' }] }];
  }
}

/** As the real ones count: a token each 20 ms, the first of an answer after 100 ms. `prefix` is "vllm" or "sglang". */
export function speedMetrics(prefix, labels, { generated, answered }) {
  const spaced = generated - answered;
  return [
    ...histogram(`${prefix}:inter_token_latency_seconds`, labels, spaced, spaced * 0.02),
    ...histogram(`${prefix}:time_to_first_token_seconds`, labels, answered, answered * 0.1),
  ];
}

function histogram(name, labels, count, sum) {
  return [
    `# TYPE ${name} histogram`,
    `${name}_bucket${labels.replace('{', '{le="+Inf",')} ${count}.0`,
    `${name}_count${labels} ${count}.0`,
    `${name}_sum${labels} ${sum}`,
  ];
}
