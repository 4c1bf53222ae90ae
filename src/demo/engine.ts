/**
 * The engine that ships with poolctl: llama-server's API without a model, so that a first run needs no GPU. Answers are made of counted words.
 *
 *   node engine.js --host 127.0.0.1 --port 18100 --alias NAME [--slots N] [--load-time MS]
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '8080' },
    alias: { type: 'string', default: 'demo' },
    model: { type: 'string' },
    slots: { type: 'string', default: '4' },
    'load-time': { type: 'string', default: '1000' },
  },
});
const slots = Number(values.slots);
const context = 4096;
const wordMs = 20;
const life = { loaded: false, processing: 0, predicted: 0 };

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}

function failure(response: ServerResponse, code: number, message: string, type: string): void {
  json(response, code, { error: { message, type, code } });
}

function metrics(): string {
  const rows = [
    ['counter', 'tokens_predicted_total', life.predicted],
    ['gauge', 'requests_processing', Math.min(life.processing, slots)],
    ['gauge', 'requests_deferred', Math.max(0, life.processing - slots)],
  ] as const;
  return rows.map(([type, name, value]) => `# TYPE llamacpp:${name} ${type}\nllamacpp:${name} ${value}\n`).join('');
}

async function bodyOf(request: IncomingMessage): Promise<{ stream?: boolean; max_tokens?: number }> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return JSON.parse(text);
}

async function complete(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { stream = false, max_tokens = 16 } = await bodyOf(request);
  const words = Array.from({ length: Math.min(max_tokens, context) }, (_, n) => `word${n + 1} `);
  life.processing += 1;
  try {
    if (stream) response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const content of words) {
      await new Promise((resolve) => setTimeout(resolve, wordMs));
      if (response.destroyed) return;
      life.predicted += 1;
      if (stream)
        response.write(
          `data: ${JSON.stringify({ object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content } }] })}\n\n`,
        );
    }
    if (stream) response.end('data: [DONE]\n\n');
    else
      json(response, 200, {
        object: 'chat.completion',
        model: values.alias,
        choices: [{ index: 0, message: { role: 'assistant', content: words.join('') } }],
      });
  } finally {
    life.processing -= 1;
  }
}

const server = createServer((request, response) => {
  const path = new URL(request.url ?? '/', 'http://engine').pathname;
  if (!life.loaded) return failure(response, 503, 'Loading model', 'unavailable_error');
  switch (`${request.method} ${path}`) {
    case 'GET /health':
      return json(response, 200, { status: 'ok' });
    case 'GET /v1/models':
      return json(response, 200, { object: 'list', data: [{ id: values.alias, object: 'model', owned_by: 'poolctl' }] });
    case 'GET /props':
      return json(response, 200, {
        total_slots: slots,
        model_alias: values.alias,
        build_info: 'demo-1',
        default_generation_settings: { n_ctx: context },
      });
    case 'GET /metrics':
      return void response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(metrics());
    case 'POST /v1/chat/completions':
      return void complete(request, response).catch((error: Error) =>
        failure(response, 400, error.message, 'invalid_request_error'),
      );
    default:
      return failure(response, 404, 'File Not Found', 'not_found_error');
  }
});

server.on('error', (error) => {
  process.stderr.write(
    `E srv start: couldn't bind HTTP server socket, hostname: ${values.host}, port: ${values.port}: ${error.message}\n`,
  );
  process.exitCode = 1;
});
server.listen(Number(values.port), values.host, () => {
  process.stderr.write(`I srv load_model: loading model '${values.model ?? values.alias}'\n`);
  setTimeout(() => {
    life.loaded = true;
    process.stderr.write(`I srv main: model loaded\nI srv main: listening on http://${values.host}:${values.port}\n`);
  }, Number(values['load-time']));
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    process.stderr.write('I srv operator(): cleaning up before exit...\n');
    server.close();
    server.closeAllConnections();
    // A request that waits for its next word is not waited for, as with llama-server.
    process.removeAllListeners('SIGTERM');
    setImmediate(() => process.kill(process.pid, 'SIGTERM'));
  });
}
