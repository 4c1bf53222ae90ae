/**
 * The HTTP API on the Unix socket. It holds no state of pools: it reads requests within bounds, asks the Service, and writes answers.
 * Only the holder of the state directory's lock may open it, since it removes what lies at the socket's path.
 */

import { randomUUID } from 'node:crypto';
import { lstat, unlink } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { PoolctlError } from '../errors.js';
import { failureOf } from './failure.js';
import { describeItself } from './itself.js';
import { refuseMalformed } from './malformed.js';
import { matcherOf } from './match.js';
import { type Reply, routes } from './routes.js';
import type { Service } from './service.js';
import { streamEvents, streamLog } from './streams.js';
import { isCorrelationId } from './validate.js';

export type ApiOptions = {
  readonly socketPath: string;
  readonly service: Service;
  /** Told of bugs, and of a socket that could not be made again; the server goes on. */
  readonly onError: (error: unknown) => void;
  /** How often it is looked whether the socket file is still there. @default 15000 */
  readonly watchEveryMs?: number;
  /** Epoch milliseconds. @default Date.now */
  readonly now?: () => number;
};

export type ApiServer = {
  /** Ends streams and waits, removes the socket, and resolves when nobody is connected any more. */
  close(): Promise<void>;
};

const maxBodyBytes = 64 * 1024;
const limits = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  connectionsCheckingInterval: 5_000,
  keepAliveTimeout: 5_000,
  maxHeaderSize: 16 * 1024,
  // A socket has no names to choose from; and what Node refuses for this it refuses without a word.
  requireHostHeader: false,
};
const maxConnections = 256;

const matchRoute = matcherOf(routes);

/** Listens, with mode 0600 from the first instant. Rejects where the path cannot be listened on. */
export async function openApi({
  socketPath,
  service,
  onError,
  watchEveryMs = 15_000,
  now = Date.now,
}: ApiOptions): Promise<ApiServer> {
  const closing = new AbortController();
  const servers = new Set<Server>();
  let inode = 0;

  const listen = async (): Promise<void> => {
    const server = createServer(limits, (request, response) => {
      void answer(request, response, service, closing.signal, now).catch((error) => {
        onError(error);
        response.destroy();
      });
    });
    refuseMalformed(server);
    server.maxConnections = maxConnections;
    await listenPrivately(server, socketPath);
    server.on('error', onError);
    servers.add(server);
    server.once('close', () => servers.delete(server));
    inode = (await lstat(socketPath)).ino;
  };

  /** Logging out clears the runtime directory: without this a living supervisor could not be reached any more. */
  const restore = async (): Promise<void> => {
    const found = await lstat(socketPath).catch(() => null);
    if (found?.ino === inode || closing.signal.aborted) return;
    for (const server of servers) server.close();
    await listen();
  };

  await listen();
  let restoring = false;
  const watch = setInterval(() => {
    if (restoring) return;
    restoring = true;
    void restore()
      .catch(onError)
      .finally(() => {
        restoring = false;
      });
  }, watchEveryMs);
  watch.unref();

  return {
    async close() {
      clearInterval(watch);
      closing.abort();
      await Promise.all([...servers].map(closed));
    },
  };
}

/** Removes what a dead supervisor left at the path. The umask is ambient, so it is changed only around the one synchronous bind. */
async function listenPrivately(server: Server, path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const umask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(umask);
    }
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), 1000).unref();
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  service: Service,
  closing: AbortSignal,
  now: () => number,
): Promise<void> {
  // Whoever has gone is told nothing more.
  response.on('error', () => response.destroy());
  const gone = goneOf(response, closing);
  const given = request.headers['x-correlation-id'];
  const correlationId = isCorrelationId(given) ? given : randomUUID();
  response.setHeader('x-correlation-id', correlationId);
  let poolId: string | undefined;
  try {
    const url = urlOf(request);
    const match = matchRoute(request.method ?? 'GET', url.pathname);
    if (match.kind === 'nothing') throw notFound(request, url);
    if (match.kind === 'wrong-method') {
      response.setHeader('allow', match.allow.join(', '));
      throw new PoolctlError(
        'METHOD_NOT_ALLOWED',
        `cannot ${request.method} ${url.pathname}: it takes ${match.allow.join(' or ')}`,
      );
    }
    poolId = match.params.pool;
    const body = await readBody(request);
    const lastEventId = request.headers['last-event-id'];
    const reply = await match.route.handle({
      service,
      params: match.params,
      query: url.searchParams,
      body,
      lastEventId: typeof lastEventId === 'string' && lastEventId !== '' ? lastEventId : null,
      correlationId,
      prefersAsync: /(^|,)\s*respond-async\s*(,|;|$)/i.test(String(request.headers.prefer ?? '')),
      gone,
    });
    await send(response, reply, request.method === 'HEAD', service, { gone, now });
  } catch (error) {
    if (response.destroyed) return;
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

function urlOf({ url = '/' }: IncomingMessage): URL {
  try {
    return new URL(url, 'http://poolctl');
  } catch {
    throw new PoolctlError('INVALID_PARAMS', `cannot read the request: "${url.slice(0, 60)}" is not a path`);
  }
}

/** After these the rest of the request is not worth reading. */
const closeAfter: ReadonlySet<string> = new Set(['PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE']);

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

function notFound(request: IncomingMessage, url: URL): PoolctlError {
  return new PoolctlError('NOT_FOUND', `cannot ${request.method ?? 'GET'} ${url.pathname}: there is no such route`, {
    hint: 'GET /v2/meta/capabilities',
  });
}
