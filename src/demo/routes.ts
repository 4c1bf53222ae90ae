/** llama-server's HTTP face, and the orders beside it. */

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Completions } from './completions.js';
import type { Flags } from './flags.js';
import type { Life } from './life.js';
import type { Log } from './log.js';
import { type Order, parseOrder } from './orders.js';
import { readQuestion, type Shape } from './shapes.js';

type Answer = { readonly status: number; readonly body: object | string; readonly afterwards?: () => void };

const healthPaths: ReadonlySet<string> = new Set(['/health', '/v1/health']);
const bodyLimit = 4 * 1024 * 1024;
const completionPaths: Readonly<Record<string, Shape>> = {
  '/v1/chat/completions': 'chat',
  '/v1/completions': 'text',
  '/completion': 'plain',
};

export function createHandler(
  flags: Flags,
  life: Life,
  completions: Completions,
  log: Log,
  carryOut: (order: Order) => Readonly<Record<string, unknown>>,
): RequestListener {
  const model = { id: flags.alias, object: 'model', owned_by: 'poolctl', meta: { n_ctx: flags.context } };
  const props = {
    default_generation_settings: { n_ctx: flags.context },
    total_slots: flags.slots,
    model_alias: flags.alias,
    model_path: flags.model,
    build_info: 'demo-1',
    is_sleeping: false,
  };

  return async (request, response) => {
    const url = request.url ?? '/';
    const path = url.split('?', 1)[0] ?? url;
    if (path.startsWith('/demo/')) {
      send(response, obey(request, url.slice('/demo/'.length), carryOut));
    } else if (life.hanging || (life.healthHanging && healthPaths.has(path))) {
      // Neither an answer nor an end: whoever asks has to lose patience.
    } else if (life.loading) {
      send(response, refusal(503, 'Loading model', 'unavailable_error'));
    } else if (request.method === 'GET') {
      send(response, tell(path));
    } else {
      await complete(request, response, path);
    }
  };

  function tell(path: string): Answer {
    switch (path) {
      case '/health':
      case '/v1/health':
        if (life.dead) return refusal(500, 'dead, as ordered', 'server_error');
        return life.unhealthy
          ? refusal(503, 'unhealthy, as ordered', 'unavailable_error')
          : { status: 200, body: { status: 'ok' } };
      case '/models':
      case '/v1/models':
        return { status: 200, body: { object: 'list', data: [model] } };
      case '/props':
        return { status: 200, body: props };
      case '/slots':
        return { status: 200, body: completions.slots() };
      case '/metrics':
        return { status: 200, body: completions.metrics() };
      default:
        return refusal(404, 'File Not Found', 'not_found_error');
    }
  }

  async function complete(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const shape = request.method === 'POST' && Object.hasOwn(completionPaths, path) ? completionPaths[path] : undefined;
    if (shape === undefined) {
      send(response, refusal(404, 'File Not Found', 'not_found_error'));
      return;
    }
    const body = await readBody(request);
    if ('refused' in body) return send(response, body.refused);
    if (flags.logPrompts) log.line('D', 'log_server_r', `request:  ${JSON.stringify(body.json)}`);
    await completions.answer(response, readQuestion(shape, body.json, flags.tokens));
  }
}

/** A page in somebody's browser must not be able to give orders: browsers say where a POST comes from, and such a one is refused. */
function obey(request: IncomingMessage, text: string, carryOut: (order: Order) => Readonly<Record<string, unknown>>): Answer {
  if (request.headers.origin !== undefined) return refusal(403, 'orders do not come from web pages', 'forbidden_error');
  if (request.method !== 'POST') return refusal(405, 'an order is a POST', 'invalid_request_error');
  try {
    const order = parseOrder(text);
    const answersFirst = order.ends && order.afterMs === 0;
    return {
      status: 200,
      body: { order: order.text, ...(answersFirst ? {} : carryOut(order)) },
      ...(answersFirst ? { afterwards: () => carryOut(order) } : {}),
    };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return refusal(400, error.message, 'invalid_request_error');
  }
}

async function readBody(request: IncomingMessage): Promise<{ readonly json: unknown } | { readonly refused: Answer }> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    // Read to its end all the same: a client that is cut off while it sends would never see the refusal.
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size <= bodyLimit) chunks.push(chunk);
    }
    if (size > bodyLimit) {
      return { refused: refusal(413, `the request is over ${bodyLimit} bytes`, 'invalid_request_error') };
    }
    return { json: JSON.parse(Buffer.concat(chunks).toString()) };
  } catch (error) {
    // Either no JSON, or the client left in the middle; the latter never reads this.
    return { refused: refusal(500, `cannot read the request: ${(error as Error).message}`, 'server_error') };
  }
}

function refusal(code: number, message: string, type: string): Answer {
  return { status: code, body: { error: { message, type, code } } };
}

function send(response: ServerResponse, { status, body, afterwards }: Answer): void {
  if (afterwards !== undefined) response.on('finish', afterwards);
  const [type, text] =
    typeof body === 'string' ? ['text/plain; version=0.0.4', body] : ['application/json; charset=utf-8', JSON.stringify(body)];
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) }).end(text);
}
