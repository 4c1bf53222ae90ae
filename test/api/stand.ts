/** The API on a real Unix socket, and on TCP where a test asks for it, before a stand-in for the supervisor that a test steers; and a client that sends what it is told to. */

import { type RequestOptions, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { openTcp, type TcpOptions } from '../../src/api/listen.js';
import { type ApiServer, openApi } from '../../src/api/server.js';
import type { Service } from '../../src/api/service.js';
import type { EventLine, OperationView } from '../../src/api/wire.js';
import type { OperationAnswer } from '../../src/core/answers.js';
import { viewPool, viewPools } from '../../src/core/snapshot.js';
import { rfc3339 } from '../../src/text/time.js';
import { scratchDir } from '../host/scratch.js';
import { hold } from '../rig/contract.js';
import { beginning, inventoryOf, poolSpec } from '../rig/specs.js';

export type Stand = {
  readonly dir: string;
  readonly socketPath: string;
  /** On 127.0.0.1; 0 where no test wants it. */
  readonly port: number;
  readonly server: ApiServer;
  /** What the server called a bug. Must be empty at the test's end, unless the test takes them out. */
  readonly bugs: unknown[];
  /** Requests that came to the inbox. */
  readonly asked: Parameters<Service['request']>[0][];
  publish(...lines: EventLine[]): void;
  /** How many listen to events. */
  listeners(): number;
};

export type StandWish = Partial<Service> & {
  readonly answer?: OperationAnswer;
  readonly log?: string;
  /** Listens on TCP as well, on any port of 127.0.0.1. */
  readonly tcp?: Partial<TcpOptions>;
};

export const running: OperationView = {
  operation_id: 'op-1',
  kind: 'restart',
  pool_id: 'chat',
  state: 'running',
  outcome: null,
  changed: true,
  started_at: rfc3339(0),
  finished_at: null,
  interrupted: false,
  active_leases: 0,
  inflight: null,
  cut: 0,
  startup_deadline_ms: null,
  steps: [],
};

/** Pools "chat" with two replicas and "code" with one; one operation, which runs. Closed at the test's end. */
export async function openStand({ answer, log, tcp, ...own }: StandWish = {}): Promise<Stand> {
  const dir = await scratchDir();
  const socketPath = join(dir, 'api.sock');
  const state = beginning({ inventory: inventoryOf(poolSpec('chat', 2), poolSpec('code', 1)), now: 0 });
  const calendar = { now: 0, time: rfc3339 };
  const listeners = new Set<(line: EventLine) => void>();
  const bugs: unknown[] = [];
  const asked: Parameters<Service['request']>[0][] = [];
  const operation = (id: string): OperationView | null => (id === running.operation_id ? running : null);
  const service: Service = {
    version: '1.2.3',
    status: () => ({
      api_version: 'v2',
      stale: false,
      supervisor: {
        version: '1.2.3',
        pid: 1,
        started_at: rfc3339(0),
        uptime_seconds: 0,
        socket: socketPath,
        listen: null,
        inventory: '/etc/pools.yaml',
        state_dir: dir,
        containment: 'group',
        event_loop_lag_ms: 0,
        unsaved: [],
      },
      pools: viewPools(state, calendar),
      devices: [],
    }),
    pool(poolId) {
      const pool = state.pools.get(poolId);
      return pool === undefined ? null : viewPool(pool, state, calendar);
    },
    health: () => null,
    devices: () => ({ devices: [], note: null }),
    capabilities: () => ({ api_version: 'v2', version: '1.2.3', engines: [] }),
    metrics: async () => '# HELP a é\n',
    operation,
    operationEnded: async (id) => operation(id),
    async request(input) {
      asked.push(input);
      return answer ?? { ok: true, operationId: running.operation_id };
    },
    apply: async () => ({ kind: 'applied', view: { changed: false, plan: [] } }),
    recorded: async () => {},
    readModel: (_, ref) =>
      ref === 'bad:' ? { ok: false, error: 'it is no URL' } : { ok: true, value: { model: ref, modelId: 'other' } },
    lease: () => ({ ok: true, lease: null }),
    leases: () => [],
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    eventsSince: async () => null,
    logPath: (_, replicaId) => (replicaId === 'r0' ? (log ?? '/nowhere/r0.log') : null),
    ...own,
  };
  const server = await openApi({
    socketPath,
    service,
    onError: (error) => bugs.push(error),
    now: () => 0,
  });
  const open =
    tcp === undefined
      ? null
      : await openTcp({
          ...{ address: { host: '127.0.0.1', port: 0 }, token: null, machine: 'box', holder: async () => null, now: () => 0 },
          onError: (error) => bugs.push(error),
          ...tcp,
        });
  open?.serve(service);
  const port = Number(/\d+$/.exec(open?.listen ?? '0'));
  onTestFinished(async () => {
    await Promise.all([server.close(), open?.close()]);
    expect(listeners.size).toBe(0);
    expect(bugs).toEqual([]);
  });
  const publish = (...lines: EventLine[]): void => {
    for (const line of lines) for (const listener of listeners) listener(line);
  };
  return { dir, socketPath, port, server, bugs, asked, publish, listeners: () => listeners.size };
}

export const eventLine = (n: number, more: Readonly<Record<string, unknown>> = {}): EventLine => ({
  id: `boot-${n}`,
  time: rfc3339(n),
  event: 'replica.ready',
  level: 'info',
  human: `chat/r0 ready, for the ${n}th time`,
  ...more,
});

export type Wish = {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
};

/** What tests read in a body by hand. */
type Body = { readonly error: { readonly message: string }; readonly pools: readonly unknown[] };

export type Reply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body as JSON; null where it is none. */
  readonly json: Body | null;
};

/** One request by a proper client, and the whole answer, which is as it is described or the test fails. */
export function ask({ socketPath }: Stand, wish: Wish): Promise<Reply> {
  return send({ socketPath }, { ...wish, headers: { host: 'poolctl', ...wish.headers } });
}

export function askTcp({ port }: Stand, wish: Wish): Promise<Reply> {
  return send({ host: '127.0.0.1', port }, wish);
}

function send(to: RequestOptions, { method = 'GET', path, headers = {}, body }: Wish): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const asked = request({ ...to, method, path, headers, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(pieces).toString('utf8');
        const { statusCode: status = 0, headers } = response;
        try {
          hold({ method, path, status, headers, text });
        } catch (error) {
          return reject(error);
        }
        resolve({ status, headers, text, json: parsed(text) });
      });
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

export const post = (stand: Stand, path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Reply> =>
  ask(stand, { method: 'POST', path, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });

/** A connection on which any bytes may be sent; `heard` is what came back so far. Cut off at the test's end. */
export type Wire = {
  readonly socket: Socket;
  readonly heard: () => string;
  /** Resolves when what came back matches. Fails when the server hangs up before. */
  hears(what: RegExp): Promise<string>;
  /** Everything, when the server has hung up. */
  all(): Promise<string>;
};

export function dial({ socketPath }: Pick<Stand, 'socketPath'>, text = ''): Promise<Wire> {
  return wireOf(connect(socketPath), text);
}

export function dialTcp({ port }: Pick<Stand, 'port'>, text = ''): Promise<Wire> {
  return wireOf(connect(port, '127.0.0.1'), text);
}

async function wireOf(socket: Socket, text: string): Promise<Wire> {
  onTestFinished(() => void socket.destroy());
  let heard = '';
  let ended = false;
  let news = (): void => {};
  socket.setEncoding('latin1');
  socket.on('data', (piece: string) => {
    heard += piece;
    news();
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    ended = true;
    news();
  });
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  socket.write(text);
  const until = async (done: () => boolean): Promise<string> => {
    while (!done()) {
      if (ended) throw new Error(`hung up after: ${heard}`);
      await new Promise<void>((resolve) => {
        news = resolve;
      });
    }
    return heard;
  };
  return { socket, heard: () => heard, hears: (what) => until(() => what.test(heard)), all: () => until(() => ended) };
}

function parsed(text: string): Body | null {
  try {
    return JSON.parse(text) as Body;
  } catch {
    return null;
  }
}
