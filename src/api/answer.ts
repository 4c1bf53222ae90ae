/** One request: read within bounds, answered by its route. It knows neither where the server listens nor what pools are. */

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PoolctlError } from '../errors.js';
import { failureOf } from './failure.js';
import { describeItself } from './itself.js';
import { matcherOf } from './match.js';
import type { Reply } from './route.js';
import { routes } from './routes.js';
import type { Service } from './service.js';
import { streamEvents, streamLog } from './streams.js';
import { isCorrelationId } from './validate.js';

/** What is the same for all requests of a server. */
export type Desk = {
  readonly service: Service;
  /** Aborted when the server closes. */
  readonly closing: AbortSignal;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Rejects for whoever may not ask, before anything else of the request is looked at; null: whoever is connected may. */
  readonly admit: ((request: IncomingMessage) => Promise<void>) | null;
};

const maxBodyBytes = 64 * 1024;

const matchRoute = matcherOf(routes);

/** Rejects with bugs only; whatever was expected is told to whoever asked. */
export async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { service, closing, now, admit }: Desk,
): Promise<void> {
  // Whoever has gone is told nothing more.
  response.on('error', () => response.destroy());
  const gone = goneOf(response, closing);
  const given = request.headers['x-correlation-id'];
  const correlationId = isCorrelationId(given) ? given : randomUUID();
  response.setHeader('x-correlation-id', correlationId);
  let poolId: string | undefined;
  try {
    if (admit !== null) await admit(request);
    const target = targetOf(request);
    const match = matchRoute(request.method ?? 'GET', target.path);
    if (match.kind === 'nothing') throw notFound(request, target);
    if (match.kind === 'wrong-method') {
      response.setHeader('allow', match.allow.join(', '));
      throw new PoolctlError(
        'METHOD_NOT_ALLOWED',
        `cannot ${request.method} ${target.path}: it takes ${match.allow.join(' or ')}`,
      );
    }
    poolId = match.params.pool;
    const body = await readBody(request);
    const lastEventId = request.headers['last-event-id'];
    const reply = await match.route.handle({
      service,
      params: match.params,
      query: target.query,
      body,
      lastEventId: typeof lastEventId === 'string' && lastEventId !== '' ? lastEventId : null,
      correlationId,
      prefersAsync: /(^|,)\s*respond-async\s*(,|;|$)/i.test(String(request.headers.prefer ?? '')),
      gone,
    });
    await send(response, reply, request.method === 'HEAD', service, { gone, now });
  } catch (error) {
    // An answer that waits for an earlier one on its connection does not hear that this has gone; its request does.
    if (response.destroyed || (request.destroyed && !request.complete)) return void response.destroy();
    if (response.headersSent) throw error;
    const { status, headers, body } = failureOf(error, poolId);
    if (!(error instanceof PoolctlError) || closeAfter.has(error.code)) response.setHeader('connection', 'close');
    sendJson(response, status, body, headers);
    if (!(error instanceof PoolctlError)) throw error;
  }
}

/** A signal costs more than a whole short answer does: it is made where somebody waits with it. */
function goneOf(response: ServerResponse, closing: AbortSignal): () => AbortSignal {
  let signal: AbortSignal | null = null;
  return () => {
    if (signal !== null) return signal;
    const left = new AbortController();
    if (response.destroyed) left.abort();
    else response.once('close', () => left.abort());
    signal = AbortSignal.any([closing, left.signal]);
    return signal;
  };
}

type Target = { readonly path: string; readonly query: URLSearchParams };

/** A proxy may send the whole address. A path alone is taken apart by hand: a URL made of it would cost as much as the lookup of a lease. */
function targetOf({ url = '/' }: IncomingMessage): Target {
  if (/^\/(?!\/)/.test(url)) {
    const queryAt = url.indexOf('?');
    return queryAt === -1
      ? { path: url, query: new URLSearchParams() }
      : { path: url.slice(0, queryAt), query: new URLSearchParams(url.slice(queryAt)) };
  }
  try {
    const { pathname: path, searchParams: query } = new URL(url, 'http://poolctl');
    return { path, query };
  } catch {
    throw new PoolctlError('INVALID_PARAMS', `cannot read the request: "${url.slice(0, 60)}" is not a path`);
  }
}

/** After these the rest of the request is not worth reading. */
const closeAfter: ReadonlySet<string> = new Set([
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'UNAUTHORIZED',
  'FORBIDDEN_ORIGIN',
]);

async function send(
  response: ServerResponse,
  reply: Reply,
  headOnly: boolean,
  service: Service,
  { gone, now }: { readonly gone: () => AbortSignal; readonly now: () => number },
): Promise<void> {
  if (reply.kind === 'json') return sendJson(response, reply.status, reply.body);
  if (reply.kind === 'nothing') {
    response.writeHead(204, { 'cache-control': 'no-store' });
    response.end();
    return;
  }
  if (reply.kind === 'document') return sendJson(response, 200, await describeItself(service.version));
  if (reply.kind === 'text') return sendText(response, 200, reply.body, { 'content-type': reply.contentType });
  if (headOnly) {
    response.writeHead(200, {
      'content-type': reply.kind === 'events' ? 'text/event-stream; charset=utf-8' : 'text/plain; charset=utf-8',
    });
    response.end();
    return;
  }
  const streaming = { gone: gone(), now };
  if (reply.kind === 'events') return streamEvents(response, service, reply.since, streaming);
  return streamLog(response, reply.log, streaming);
}

function sendJson(response: ServerResponse, status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void {
  sendText(response, status, `${JSON.stringify(body)}\n`, { 'content-type': 'application/json; charset=utf-8', ...headers });
}

/** Node leaves the text out where HEAD was asked for. */
function sendText(response: ServerResponse, status: number, text: string, headers: Readonly<Record<string, string>>): void {
  response.writeHead(status, { 'content-length': Buffer.byteLength(text), 'cache-control': 'no-store', ...headers });
  response.end(text);
}

/** The whole body, within the limit. Without one its type does not matter. */
async function readBody(request: IncomingMessage): Promise<string> {
  const { headers } = request;
  const declared = Number(headers['content-length'] ?? 0);
  if (declared > maxBodyBytes) throw tooLarge();
  if (declared === 0 && headers['transfer-encoding'] === undefined) return '';
  const bytes = await received(request);
  if (bytes.length === 0) return '';
  const type = headers['content-type'] ?? 'none';
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new PoolctlError(
      'UNSUPPORTED_MEDIA_TYPE',
      `cannot read the body: its content type must be application/json, not ${JSON.stringify(type)}`,
      { hint: "send the header Content-Type: application/json; with curl: -H 'content-type: application/json'" },
    );
  }
  return bytes.toString('utf8');
}

/** By its events: an iterator over a request costs more than all else that is done with a short one. */
function received(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let size = 0;
    request.on('data', (piece: Buffer) => {
      size += piece.length;
      if (size > maxBodyBytes) reject(tooLarge());
      else pieces.push(piece);
    });
    request.once('end', () => resolve(Buffer.concat(pieces)));
    request.once('error', reject);
  });
}

function tooLarge(): PoolctlError {
  return new PoolctlError('PAYLOAD_TOO_LARGE', `cannot read the body: it is larger than ${maxBodyBytes / 1024} KiB`);
}

function notFound(request: IncomingMessage, { path }: Target): PoolctlError {
  return new PoolctlError('NOT_FOUND', `cannot ${request.method ?? 'GET'} ${path}: there is no such route`, {
    hint: 'GET /v2/meta/capabilities',
  });
}
