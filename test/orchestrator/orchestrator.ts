/**
 * An orchestrator's stand-in. Towards its clients it owns `/v2/pools/*`: it admits requests under leases, forwards them to the engines, and
 * hands drains and reloads on. Of poolctl it uses what the contract promises, over TCP, and nothing else.
 */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Adapter } from './adapter.js';
import { type Answer, ask, askUrl, type Door, follow, type Json, type Line } from './poolctl.js';

/** How soon a supervisor that went is sought again. */
const againMs = 50;

export class Orchestrator {
  /** What poolctl told, in the order in which it came, over all connections. */
  readonly heard: Line[] = [];
  /** How often it began to be followed. */
  connections = 0;
  readonly adapter: Adapter;
  private readonly ending = new AbortController();
  private readonly following: Promise<void>;
  private listening: () => void = () => {};

  private constructor(
    private readonly door: Door,
    handoffDir: string,
    private readonly server: Server,
  ) {
    this.adapter = new Adapter(handoffDir);
    this.following = this.followOn();
    server.on('request', (request, response) => {
      void this.serve(request, response).catch((error) => reply(response, 500, { error: String(error) }));
    });
  }

  /** Listens on a port of its own, and follows what poolctl tells from now on. */
  static async begin(door: Door, handoffDir: string): Promise<Orchestrator> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const orchestrator = new Orchestrator(door, handoffDir, server);
    await new Promise<void>((resolve) => {
      orchestrator.listening = resolve;
    });
    return orchestrator;
  }

  /** Where its clients ask. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async end(): Promise<void> {
    this.ending.abort();
    this.adapter.end();
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await Promise.all([closed, this.following.catch(() => undefined)]);
  }

  /** For as long as it lives: a supervisor may go and come again, and nothing that it told meanwhile is to be missed. */
  private async followOn(): Promise<void> {
    const { signal } = this.ending;
    while (!signal.aborted) {
      const last = this.heard.findLast(({ id }) => id !== null)?.id ?? null;
      const opened = (): void => {
        this.connections += 1;
        this.listening();
      };
      await follow(this.door, last, { opened, hear: (line) => void this.heard.push(line) }, signal);
      if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, againMs));
    }
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, poolId = '', what = ''] = /^\/v2\/pools\/([a-z0-9-]+)\/(\w+)$/.exec(request.url ?? '') ?? [];
    const body = JSON.parse((await text(request)) || '{}') as Json;
    const trace = String(request.headers['x-correlation-id'] ?? 'none');
    const forward = (method: string, sent?: unknown): Promise<Answer> =>
      ask(this.door, method, `/v2/pools/${poolId}/${what}`, { body: sent, headers: { 'x-correlation-id': trace } });
    if (what === 'generate') return this.generate(poolId, body, trace, response);
    if (what === 'drain' || what === 'reload') return pass(response, await forward('POST', body));
    if (what === 'health') return pass(response, await forward('GET'));
    reply(response, 404, { error: 'no such route' });
  }

  /** One request of a client, under a lease from its beginning to its end. */
  private async generate(poolId: string, { tokens }: Json, trace: string, response: ServerResponse): Promise<void> {
    const headers = { 'x-correlation-id': trace };
    const leased = await ask(this.door, 'POST', `/v2/pools/${poolId}/leases`, {
      body: { holder: trace, ttl_ms: 60_000 },
      headers,
    });
    if (leased.status !== 201) return pass(response, leased);
    const { lease_id, replica_id, url, model_id } = leased.body;
    try {
      const prompt = { prompt: 'a story', n_predict: tokens };
      const answered = await askUrl(url, 'POST', '/completion', prompt).catch(() => null);
      const whole = answered?.status === 200 ? answered.body : null;
      reply(response, whole === null ? 502 : 200, { replica_id, model_id, content: whole?.content ?? null });
    } finally {
      await ask(this.door, 'DELETE', `/v2/leases/${lease_id}`, { headers }).catch(() => undefined);
    }
  }
}

/** As it came, with what says when to come again. */
function pass(response: ServerResponse, { status, headers, body }: Answer): void {
  const { 'retry-after': retry } = headers;
  if (retry !== undefined) response.setHeader('retry-after', retry);
  reply(response, status, body);
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
