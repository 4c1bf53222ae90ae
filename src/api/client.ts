/**
 * The other end of the API, for commands: plain node:http over the Unix socket. It trusts the shapes that its own version's supervisor
 * sends, and checks the API's version where that is told. Every failure is a PoolctlError that begins with what the caller was about to do.
 */

import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { type ErrorCode, errorCodes, PoolctlError } from '../errors.js';
import { sseReader } from './sse.js';
import {
  type ApplyView,
  apiVersion,
  type DevicesAnswer,
  type EventLine,
  type LeaseView,
  type OperationView,
  type StatusView,
} from './wire.js';

export type ClientOptions = {
  readonly socketPath: string;
  /** `start chat`, `show the status`: completes `cannot …` in errors. */
  readonly doing: string;
  readonly correlationId?: string;
  /** How long an answer may take, beyond what the question itself allows it; null: whoever asks watches that himself. @default 10000 */
  readonly answerMs?: number | null;
};

/** There is a supervisor, and it says nothing. */
export class NoAnswer extends PoolctlError {}

/** Bodies of POST requests; undefined fields are left out. */
export type ActBody = {
  readonly replica_id?: string | undefined;
  readonly now?: boolean | undefined;
  readonly deadline_ms?: number | undefined;
  readonly once?: boolean | undefined;
  readonly extend?: boolean | undefined;
};
export type ActVerb = 'start' | 'stop' | 'restart' | 'reset' | 'drain';
export type ReloadBody = {
  readonly new_model_ref: string;
  readonly digest?: string | undefined;
  readonly drain_deadline_ms?: number | undefined;
};
export type LeaseBody = {
  readonly replica_id?: string | undefined;
  readonly ttl_ms?: number | undefined;
  readonly holder?: string | undefined;
};
export type ShutdownBody = {
  readonly deadline_ms?: number | undefined;
  readonly now?: boolean | undefined;
  readonly keep_engines?: boolean | undefined;
};

/** A stream of events. `gap` lines are among them, without an id. */
export type EventStream = AsyncGenerator<EventLine, void, void>;

export class Client {
  constructor(private readonly options: ClientOptions) {}

  get socketPath(): string {
    return this.options.socketPath;
  }

  /** Throws NO_SUPERVISOR, or NOT_SUPPORTED where the supervisor speaks another version of the API. */
  async status(signal?: AbortSignal): Promise<StatusView> {
    const view = (await this.ask('GET', '/v2/pools', undefined, signal)) as StatusView;
    if (view?.api_version === apiVersion) return view;
    throw new PoolctlError('NOT_SUPPORTED', `cannot ${this.options.doing}: the supervisor speaks another version of the API`, {
      why: `it says ${JSON.stringify(view?.api_version ?? null)}, this poolctl speaks "${apiVersion}"`,
      hint: 'use the poolctl that the supervisor was started with',
    });
  }

  async act(verb: ActVerb, poolId: string, body: ActBody): Promise<OperationView> {
    return (await this.ask('POST', `/v2/pools/${encodeURIComponent(poolId)}/${verb}`, body)) as OperationView;
  }

  /** As soon as it has begun. */
  async reload(poolId: string, body: ReloadBody): Promise<OperationView> {
    const path = `/v2/pools/${encodeURIComponent(poolId)}/reload`;
    return (await this.ask('POST', path, body, undefined, { prefer: 'respond-async' })) as OperationView;
  }

  /** The operation, at the latest after `waitMs`, sooner when it has ended. */
  async operation(id: string, waitMs: number, signal?: AbortSignal): Promise<OperationView> {
    const path = `/v2/operations/${encodeURIComponent(id)}?wait_ms=${Math.round(waitMs)}`;
    return (await this.ask('GET', path, undefined, signal, {}, waitMs)) as OperationView;
  }

  async devices(): Promise<DevicesAnswer> {
    return (await this.ask('GET', '/v2/devices')) as DevicesAnswer;
  }

  async acquireLease(poolId: string, body: LeaseBody): Promise<LeaseView> {
    return (await this.ask('POST', `/v2/pools/${encodeURIComponent(poolId)}/leases`, body)) as LeaseView;
  }

  /** From now on for as long as it was granted for, or for `ttlMs`. */
  async renewLease(id: string, ttlMs?: number, signal?: AbortSignal): Promise<LeaseView> {
    return (await this.ask('POST', `${leasePath(id)}/renew`, { ttl_ms: ttlMs }, signal)) as LeaseView;
  }

  /** Also one that is gone: that is no failure. */
  async releaseLease(id: string, signal?: AbortSignal): Promise<void> {
    await this.ask('DELETE', leasePath(id), undefined, signal);
  }

  /** Oldest first; of one pool, or of all. */
  async leases(poolId: string | null, signal?: AbortSignal): Promise<readonly LeaseView[]> {
    const query = poolId === null ? '' : `?pool_id=${encodeURIComponent(poolId)}`;
    return ((await this.ask('GET', `/v2/leases${query}`, undefined, signal)) as { readonly leases: readonly LeaseView[] }).leases;
  }

  /** Reads the inventory's file anew. `dryRun`: only says what that would change. */
  async apply(dryRun: boolean): Promise<ApplyView> {
    // It looks at every model that the file names, and at the GPUs.
    const body = dryRun ? { dry_run: true } : {};
    return (await this.ask('POST', '/v2/inventory/apply', body, undefined, {}, longLookMs)) as ApplyView;
  }

  /** The operation that ends the supervisor; it goes with the supervisor. */
  async shutdown(body: ShutdownBody): Promise<OperationView> {
    return (await this.ask('POST', '/v2/shutdown', body)) as OperationView;
  }

  /**
   * Events from now on, or those after the one named `since`. Resolves as soon as the supervisor listens for us: nothing that happens after
   * that is missed. The stream ends when the supervisor does, or when `signal` is aborted, be it before it has begun.
   */
  async events(since: string | null, signal: AbortSignal): Promise<EventStream> {
    const path = since === null ? '/v2/events' : `/v2/events?since=${encodeURIComponent(since)}`;
    const response = await this.open('GET', path, undefined, signal).catch((error: unknown) => {
      if (signal.aborted) return null;
      throw error;
    });
    if (response === null) return nothing();
    response.socket.setTimeout(0);
    if (response.statusCode !== 200)
      throw this.refused(await readAll(response, (error) => this.unreachable(error)), response.statusCode ?? 0);
    return readEvents(response);
  }

  /**
   * The last `tail` lines of a replica's log and all that follows, in pieces of any size. Ends when the supervisor does, or when `signal` is aborted.
   * Throws where it cannot begin.
   */
  async *logs(poolId: string, replicaId: string, tail: number, signal: AbortSignal): AsyncGenerator<string, void, void> {
    const path = `/v2/pools/${encodeURIComponent(poolId)}/replicas/${encodeURIComponent(replicaId)}/logs?tail=${tail}&follow=1`;
    const response = await this.open('GET', path, undefined, signal).catch((error: unknown) => {
      if (signal.aborted) return null;
      throw error;
    });
    if (response === null) return;
    response.socket.setTimeout(0);
    if (response.statusCode !== 200)
      throw this.refused(await readAll(response, (error) => this.unreachable(error)), response.statusCode ?? 0);
    response.setEncoding('utf8');
    try {
      yield* response as AsyncIterable<string>;
    } catch {
      // That the connection broke is for the caller to see.
    } finally {
      response.destroy();
    }
  }

  private async ask(
    method: string,
    path: string,
    body?: unknown,
    signal?: AbortSignal,
    headers: Readonly<Record<string, string>> = {},
    allowedMs = 0,
  ): Promise<unknown> {
    const response = await this.open(method, path, body, signal, headers, allowedMs);
    const text = await readAll(response, (error) => this.unreachable(error));
    const status = response.statusCode ?? 0;
    if (status < 200 || status > 299) throw this.refused(text, status);
    return parsed(text);
  }

  private open(
    method: string,
    path: string,
    body: unknown,
    signal: AbortSignal | undefined,
    headers: Readonly<Record<string, string>> = {},
    allowedMs = 0,
  ): Promise<IncomingMessage> {
    const { socketPath, correlationId, answerMs = 10_000 } = this.options;
    const text = body === undefined ? '' : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const asked: ClientRequest = request(
        {
          socketPath,
          method,
          path,
          agent: false,
          headers: {
            host: 'poolctl',
            ...(text === '' ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
            ...(correlationId === undefined ? {} : { 'x-correlation-id': correlationId }),
            ...headers,
          },
          ...(signal === undefined ? {} : { signal }),
          ...(answerMs === null ? {} : { timeout: Math.min(answerMs + allowedMs, longestTimerMs) }),
        },
        resolve,
      );
      // A process that is stopped takes every connection, and never answers.
      asked.on('timeout', () => asked.destroy(this.silent((answerMs ?? 0) + allowedMs)));
      asked.on('error', (error: NodeJS.ErrnoException) =>
        reject(signal?.aborted === true || error instanceof PoolctlError ? error : this.unreachable(error)),
      );
      asked.end(text);
    });
  }

  private silent(ms: number): NoAnswer {
    const { doing, socketPath } = this.options;
    return new NoAnswer('NO_SUPERVISOR', `cannot ${doing}: the supervisor does not answer`, {
      why: `it has said nothing on ${socketPath} for ${Math.round(ms / 1000)}s: it is stopped (Ctrl-Z, SIGSTOP), or hangs`,
      hint: 'poolctl doctor',
    });
  }

  private unreachable(error: NodeJS.ErrnoException): PoolctlError {
    // An answer that has begun and does not go on.
    if (error instanceof PoolctlError) return error;
    const { code, message } = error;
    const { doing, socketPath } = this.options;
    if (code === 'EACCES' || code === 'EPERM') {
      return new PoolctlError('NO_SUPERVISOR', `cannot ${doing}: the supervisor's socket is not ours to use`, {
        why: `permission denied on ${socketPath}: it belongs to another user`,
        hint: 'run poolctl as the user that runs poolctl up',
      });
    }
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTSOCK' || code === 'ENOTDIR') {
      return new PoolctlError('NO_SUPERVISOR', `cannot ${doing}: no poolctl supervisor is running`, {
        why: `nothing listens on ${socketPath}`,
        hint: 'poolctl up',
      });
    }
    return new PoolctlError('NO_SUPERVISOR', `cannot ${doing}: the supervisor went away`, {
      why: `the connection to ${socketPath} broke: ${message}`,
      hint: 'poolctl status',
    });
  }

  private refused(text: string, status: number): PoolctlError {
    const answer = parsed(text) as Readonly<Record<string, unknown>> | null;
    const error = answer?.error as Readonly<Record<string, unknown>> | null | undefined;
    if (typeof error?.message !== 'string') {
      return new PoolctlError(
        'INTERNAL',
        `cannot ${this.options.doing}: the supervisor answered ${status} and nothing that can be read`,
      );
    }
    const { code, message, why, hint, ...extra } = error;
    return new PoolctlError(isKnown(code) ? code : 'OPERATION_FAILED', message, {
      ...(typeof why === 'string' ? { why } : {}),
      ...(typeof hint === 'string' ? { hint } : {}),
      extra,
      ...(answer === null ? {} : { beside: without(answer, 'error') }),
    });
  }
}

const longLookMs = 60_000;
const longestTimerMs = 2 ** 31 - 1;

const leasePath = (id: string): string => `/v2/leases/${encodeURIComponent(id)}`;

function isKnown(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorCodes, code);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function readAll(response: IncomingMessage, failed: (error: NodeJS.ErrnoException) => Error): Promise<string> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of response as AsyncIterable<Buffer>) pieces.push(piece);
  } catch (error) {
    throw failed(error as NodeJS.ErrnoException);
  }
  return Buffer.concat(pieces).toString('utf8');
}

async function* nothing(): EventStream {}

/** Ends quietly when the connection does: that the supervisor has gone is for the caller to see. */
async function* readEvents(response: IncomingMessage): EventStream {
  const read = sseReader();
  response.setEncoding('utf8');
  try {
    for await (const text of response as AsyncIterable<string>) {
      for (const { data } of read(text)) {
        const line = parsed(data);
        if (typeof line === 'object' && line !== null) yield line as EventLine;
      }
    }
  } catch (error) {
    if (error instanceof RangeError) throw error;
  } finally {
    response.destroy();
  }
}

function without(answer: Readonly<Record<string, unknown>>, key: string): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(answer).filter(([name]) => name !== key));
}
