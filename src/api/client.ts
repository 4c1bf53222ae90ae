/**
 * The other end of the API, for commands: plain node:http over the Unix socket. It trusts the shapes that its own version's supervisor
 * sends, and checks the API's version where that is told. Every failure is a PoolctlError that begins with what the caller was about to do.
 */

import type { IncomingMessage } from 'node:http';
import { PoolctlError } from '../errors.js';
import { type ClientOptions, Connection, parsed } from './connection.js';
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
  private readonly connection: Connection;

  constructor(options: ClientOptions) {
    this.connection = new Connection(options);
  }

  get socketPath(): string {
    return this.connection.options.socketPath;
  }

  /** Throws NO_SUPERVISOR, or NOT_SUPPORTED where the supervisor speaks another version of the API. */
  async status(signal?: AbortSignal): Promise<StatusView> {
    const view = (await this.connection.ask('GET', '/v2/pools', undefined, signal)) as StatusView;
    if (view?.api_version === apiVersion) return view;
    throw new PoolctlError(
      'NOT_SUPPORTED',
      `cannot ${this.connection.options.doing}: the supervisor speaks another version of the API`,
      {
        why: `it says ${JSON.stringify(view?.api_version ?? null)}, this poolctl speaks "${apiVersion}"`,
        hint: 'use the poolctl that the supervisor was started with',
      },
    );
  }

  async act(verb: ActVerb, poolId: string, body: ActBody): Promise<OperationView> {
    return (await this.connection.ask('POST', `/v2/pools/${encodeURIComponent(poolId)}/${verb}`, body)) as OperationView;
  }

  /** As soon as it has begun. */
  async reload(poolId: string, body: ReloadBody): Promise<OperationView> {
    const path = `/v2/pools/${encodeURIComponent(poolId)}/reload`;
    return (await this.connection.ask('POST', path, body, undefined, { prefer: 'respond-async' })) as OperationView;
  }

  /** The operation, at the latest after `waitMs`, sooner when it has ended. */
  async operation(id: string, waitMs: number, signal?: AbortSignal): Promise<OperationView> {
    const path = `/v2/operations/${encodeURIComponent(id)}?wait_ms=${Math.round(waitMs)}`;
    return (await this.connection.ask('GET', path, undefined, signal, {}, waitMs)) as OperationView;
  }

  async devices(): Promise<DevicesAnswer> {
    return (await this.connection.ask('GET', '/v2/devices')) as DevicesAnswer;
  }

  async acquireLease(poolId: string, body: LeaseBody): Promise<LeaseView> {
    return (await this.connection.ask('POST', `/v2/pools/${encodeURIComponent(poolId)}/leases`, body)) as LeaseView;
  }

  /** From now on for as long as it was granted for, or for `ttlMs`. */
  async renewLease(id: string, ttlMs?: number, signal?: AbortSignal): Promise<LeaseView> {
    return (await this.connection.ask('POST', `${leasePath(id)}/renew`, { ttl_ms: ttlMs }, signal)) as LeaseView;
  }

  /** Also one that is gone: that is no failure. */
  async releaseLease(id: string, signal?: AbortSignal): Promise<void> {
    await this.connection.ask('DELETE', leasePath(id), undefined, signal);
  }

  /** Oldest first; of one pool, or of all. */
  async leases(poolId: string | null, signal?: AbortSignal): Promise<readonly LeaseView[]> {
    const query = poolId === null ? '' : `?pool_id=${encodeURIComponent(poolId)}`;
    return (
      (await this.connection.ask('GET', `/v2/leases${query}`, undefined, signal)) as { readonly leases: readonly LeaseView[] }
    ).leases;
  }

  /** Reads the inventory's file anew. `dryRun`: only says what that would change. */
  async apply(dryRun: boolean): Promise<ApplyView> {
    // It looks at every model that the file names, and at the GPUs.
    const body = dryRun ? { dry_run: true } : {};
    return (await this.connection.ask('POST', '/v2/inventory/apply', body, undefined, {}, longLookMs)) as ApplyView;
  }

  /** The operation that ends the supervisor; it goes with the supervisor. */
  async shutdown(body: ShutdownBody): Promise<OperationView> {
    return (await this.connection.ask('POST', '/v2/shutdown', body)) as OperationView;
  }

  /**
   * Events from now on, or those after the one named `since`. Resolves as soon as the supervisor listens for us: nothing that happens after
   * that is missed. The stream ends when the supervisor does, or when `signal` is aborted, be it before it has begun.
   */
  async events(since: string | null, signal: AbortSignal): Promise<EventStream> {
    const path = since === null ? '/v2/events' : `/v2/events?since=${encodeURIComponent(since)}`;
    const response = await this.connection.stream(path, signal);
    if (response === null) return nothing();
    return readEvents(response);
  }

  /**
   * The last `tail` lines of a replica's log and all that follows, in pieces of any size. Ends when the supervisor does, or when `signal` is aborted.
   * Throws where it cannot begin.
   */
  async *logs(poolId: string, replicaId: string, tail: number, signal: AbortSignal): AsyncGenerator<string, void, void> {
    const path = `/v2/pools/${encodeURIComponent(poolId)}/replicas/${encodeURIComponent(replicaId)}/logs?tail=${tail}&follow=1`;
    const response = await this.connection.stream(path, signal);
    if (response === null) return;
    response.setEncoding('utf8');
    try {
      yield* response as AsyncIterable<string>;
    } catch {
      // That the connection broke is for the caller to see.
    } finally {
      response.destroy();
    }
  }
}

const longLookMs = 60_000;

const leasePath = (id: string): string => `/v2/leases/${encodeURIComponent(id)}`;

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
