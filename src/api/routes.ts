/** The routes, as data: what is answered to what. The server (server.ts) knows how; nobody here knows sockets. */

import type { OperationAnswer, Refusal } from '../core/answers.js';
import type { LeaseWish, Verb } from '../core/messages.js';
import type { ReplicaId } from '../core/model.js';
import type { OperationView } from '../core/views.js';
import { PoolctlError } from '../errors.js';
import type { Service } from './service.js';
import {
  digest,
  type Fields,
  flag,
  label,
  milliseconds,
  type Parameter,
  parseBody,
  queryCount,
  queryFlag,
  reference,
  replicaIdField,
  required,
  timeToLive,
} from './validate.js';

/** A request as a route sees it: decoded and complete. */
export type Call = {
  readonly service: Service;
  /** The route's `{name}` parts. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: string;
  readonly lastEventId: string | null;
  readonly correlationId: string;
  /** `Prefer: respond-async`: answered as soon as it has begun. */
  readonly prefersAsync: boolean;
  /** A signal that is aborted when the caller has gone or the server closes; for what waits. */
  readonly gone: () => AbortSignal;
};

export type LogRequest = {
  readonly files: readonly string[];
  readonly key: string;
  readonly tail: number | null;
  readonly follow: boolean;
  readonly previous: boolean;
};

export type Reply =
  | { readonly kind: 'json'; readonly status: number; readonly body: unknown }
  /** 204. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'text'; readonly contentType: string; readonly body: string }
  /** This table, described. */
  | { readonly kind: 'document' }
  | { readonly kind: 'events'; readonly since: string | null }
  | { readonly kind: 'log'; readonly log: LogRequest };

export type Route = {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  /** Of the body that it takes; without them it takes no notice of one. */
  readonly fields?: Fields;
  /** Of the query. */
  readonly query?: Readonly<Record<string, Parameter>>;
  readonly handle: (call: Call) => Reply | Promise<Reply>;
};

/** As long as Node can wait. */
const longestWaitMs = 2 ** 31 - 1;

/** No caller is kept waiting longer than this in one request; it asks again. */
const maxWaitMs = 600_000;

const actFields = { replica_id: replicaIdField, now: flag, deadline_ms: milliseconds, once: flag } satisfies Fields;
const drainFields = { replica_id: replicaIdField, deadline_ms: milliseconds, extend: flag } satisfies Fields;
const reloadFields = { new_model_ref: required(reference), digest, drain_deadline_ms: milliseconds } satisfies Fields;
const leaseFields = { ttl_ms: timeToLive, replica_id: replicaIdField, holder: label } satisfies Fields;
const renewFields = { ttl_ms: timeToLive } satisfies Fields;
const applyFields = { dry_run: flag } satisfies Fields;
const shutdownFields = { deadline_ms: milliseconds, now: flag, keep_engines: flag } satisfies Fields;

/** What each of them means is told in openapi/descriptions.ts, which does not compile without it. */
export const routes = [
  { method: 'GET', path: '/health', handle: ({ service }) => ok({ status: 'ok', version: service.version }) },
  { method: 'GET', path: '/metrics', handle: metrics },
  { method: 'GET', path: '/openapi.json', handle: () => ({ kind: 'document' }) },
  { method: 'GET', path: '/v2/pools', handle: ({ service }) => ok(service.status()) },
  { method: 'GET', path: '/v2/pools/{pool}', handle: (call) => ok(call.service.pool(poolOf(call)) ?? noPool(call)) },
  { method: 'GET', path: '/v2/pools/{pool}/health', handle: (call) => ok(call.service.health(poolOf(call)) ?? noPool(call)) },
  { method: 'POST', path: '/v2/pools/{pool}/start', fields: actFields, handle: act('start') },
  { method: 'POST', path: '/v2/pools/{pool}/stop', fields: actFields, handle: act('stop') },
  { method: 'POST', path: '/v2/pools/{pool}/restart', fields: actFields, handle: act('restart') },
  { method: 'POST', path: '/v2/pools/{pool}/reset', fields: actFields, handle: act('reset') },
  { method: 'POST', path: '/v2/pools/{pool}/drain', fields: drainFields, handle: act('drain') },
  { method: 'POST', path: '/v2/pools/{pool}/reload', fields: reloadFields, handle: reload },
  { method: 'POST', path: '/v2/inventory/apply', fields: applyFields, handle: apply },
  { method: 'POST', path: '/v2/pools/{pool}/leases', fields: leaseFields, handle: acquire },
  { method: 'GET', path: '/v2/leases', query: { pool_id: 'text' }, handle: leases },
  { method: 'POST', path: '/v2/leases/{lease}/renew', fields: renewFields, handle: renew },
  { method: 'DELETE', path: '/v2/leases/{lease}', handle: release },
  {
    method: 'GET',
    path: '/v2/pools/{pool}/replicas/{replica}/logs',
    query: { tail: 'count', follow: 'switch', previous: 'switch' },
    handle: logs,
  },
  { method: 'GET', path: '/v2/operations/{operation}', query: { wait_ms: 'count' }, handle: operation },
  {
    method: 'GET',
    path: '/v2/events',
    query: { since: 'text' },
    handle: ({ query, lastEventId }) => ({ kind: 'events', since: lastEventId ?? (query.get('since') || null) }),
  },
  { method: 'GET', path: '/v2/devices', handle: ({ service }) => ok(service.devices()) },
  { method: 'GET', path: '/v2/meta/capabilities', handle: ({ service }) => ok(service.capabilities()) },
  { method: 'POST', path: '/v2/shutdown', fields: shutdownFields, handle: shutdown },
] as const satisfies readonly Route[];

function act(verb: Verb): Route['handle'] {
  return async (call) => {
    const poolId = poolOf(call);
    if (call.service.pool(poolId) === null) noPool(call, verb);
    const { replica_id, deadline_ms, once, now, extend } = parseBody(call.body, verb === 'drain' ? drainFields : actFields);
    const answer = await call.service.request({
      type: 'requested',
      verb,
      poolId,
      replicaId: (replica_id ?? null) as ReplicaId | null,
      once: once === true,
      deadlineMs: (deadline_ms ?? null) as number | null,
      now: now === true,
      extend: extend === true,
      correlationId: call.correlationId,
    });
    return accepted(call, `${verb} "${poolId}"`, answer);
  };
}

/** Answered when it is over, unless the caller wants to ask for it later. */
async function reload(call: Call): Promise<Reply> {
  const poolId = poolOf(call);
  const { service, correlationId } = call;
  if (service.pool(poolId) === null) noPool(call, 'reload');
  const { new_model_ref, digest: wanted = null, drain_deadline_ms = null } = parseBody(call.body, reloadFields);
  if (typeof new_model_ref !== 'string') {
    throw new PoolctlError('INVALID_PARAMS', `cannot reload "${poolId}": "new_model_ref" is missing`, {
      hint: 'name the model to switch to: {"new_model_ref": "/models/other.gguf"}',
    });
  }
  const model = service.readModel(poolId, new_model_ref);
  if (!model.ok) throw new PoolctlError('INVALID_PARAMS', `cannot use the model "${new_model_ref}": ${model.error}`);
  const answer = await service.request({
    type: 'reload-requested',
    poolId,
    chosen: { ...model.value, modelDigest: (wanted as string | null)?.toLowerCase() ?? null },
    drainMs: drain_deadline_ms as number | null,
    correlationId,
  });
  if (call.prefersAsync || !answer.ok) return accepted(call, `reload "${poolId}"`, answer);
  const ended = await service.operationEnded(answer.operationId, longestWaitMs, call.gone());
  await service.recorded();
  if (ended === null || ended.state === 'running') return accepted(call, `reload "${poolId}"`, answer);
  return ended.error === undefined ? ok(ended) : notReloaded(ended, ended.error);
}

function notReloaded(operation: OperationView, { code, message, why, hint }: NonNullable<OperationView['error']>): never {
  const told = { ...(why === undefined ? {} : { why }), ...(hint === undefined ? {} : { hint }) };
  if (code === 'MODEL_UNAVAILABLE') throw new PoolctlError(code, message, told);
  throw new PoolctlError(code === 'DRAIN_TIMEOUT' ? code : 'RELOAD_FAILED', message, { ...told, beside: { operation } });
}

async function apply({ service, body, correlationId }: Call): Promise<Reply> {
  const { dry_run } = parseBody(body, applyFields);
  const applied = await service.apply(dry_run === true, correlationId);
  switch (applied.kind) {
    case 'applied':
      return ok(applied.view);
    case 'refused':
      return refuse(applied.refusal, 'apply the inventory');
    case 'invalid':
      throw new PoolctlError('INVENTORY_INVALID', `cannot apply the inventory: ${applied.first}`, {
        hint: 'poolctl check',
        beside: { problems: applied.problems },
      });
  }
}

async function shutdown(call: Call): Promise<Reply> {
  const body = parseBody(call.body, shutdownFields);
  return accepted(
    call,
    'end the supervisor',
    await call.service.request({
      type: 'shutdown-requested',
      because: 'a request to shut down',
      rung: body.now === true ? 'stop' : 'drain',
      deadlineMs: (body.deadline_ms ?? null) as number | null,
      keep: body.keep_engines === true,
      exit: 0,
      correlationId: call.correlationId,
    }),
  );
}

function accepted({ service }: Call, what: string, answer: OperationAnswer): Reply {
  return answer.ok ? { kind: 'json', status: 202, body: service.operation(answer.operationId) } : refuse(answer.refusal, what);
}

function refuse({ code, message, hint, retryAfterMs, retriable }: Refusal, what: string): never {
  throw new PoolctlError(code, message === '' ? `cannot ${what}` : message, {
    ...(hint === undefined ? {} : { hint }),
    ...(retriable === undefined ? {} : { retriable }),
    ...(retryAfterMs === undefined ? {} : { extra: { retry_after_ms: retryAfterMs } }),
  });
}

const defaultTtlMs = 60_000;

function acquire(call: Call): Reply {
  const body = parseBody(call.body, leaseFields);
  const wish = {
    type: 'lease-requested',
    poolId: poolOf(call),
    replicaId: (body.replica_id ?? null) as ReplicaId | null,
    ttlMs: (body.ttl_ms ?? defaultTtlMs) as number,
    holder: (body.holder ?? null) as string | null,
    correlationId: call.correlationId,
  } as const;
  return { kind: 'json', status: 201, body: leased(call, wish) };
}

function renew(call: Call): Reply {
  const { ttl_ms = null } = parseBody(call.body, renewFields);
  const id = call.params.lease ?? '';
  return ok(leased(call, { type: 'lease-renewed', id, ttlMs: ttl_ms as number | null, correlationId: call.correlationId }));
}

/** Gone is gone: whoever releases twice is told the same. */
function release(call: Call): Reply {
  leased(call, { type: 'lease-released', id: call.params.lease ?? '', correlationId: call.correlationId });
  return { kind: 'nothing' };
}

function leased({ service }: Call, wish: LeaseWish): unknown {
  const answer = service.lease(wish);
  return answer.ok ? answer.lease : refuse(answer.refusal, 'lease');
}

function leases({ service, query }: Call): Reply {
  const poolId = query.get('pool_id') || null;
  const found = service.leases(poolId);
  if (found !== null) return ok({ leases: found });
  throw new PoolctlError('POOL_NOT_FOUND', `cannot list the leases of "${poolId}": there is no such pool`, {
    hint: poolHint(service),
  });
}

async function metrics({ service }: Call): Promise<Reply> {
  return { kind: 'text', contentType: 'text/plain; version=0.0.4; charset=utf-8', body: await service.metrics() };
}

async function operation({ service, params, query, gone }: Call): Promise<Reply> {
  const id = params.operation ?? '';
  const waitMs = queryCount(query, 'wait_ms');
  const found = waitMs === null ? service.operation(id) : await service.operationEnded(id, Math.min(waitMs, maxWaitMs), gone());
  if (found === null) {
    throw new PoolctlError('OPERATION_NOT_FOUND', `cannot show operation "${id}": there is no such operation`, {
      hint: 'operations are kept for an hour, and not beyond the end of the supervisor',
    });
  }
  return ok(found);
}

async function logs(call: Call): Promise<Reply> {
  const poolId = poolOf(call);
  const pool = call.service.pool(poolId) ?? noPool(call, 'show the log of');
  const replicaId = call.params.replica ?? '';
  const files = await call.service.logFiles(poolId, replicaId);
  if (files === null) {
    throw new PoolctlError('REPLICA_NOT_FOUND', `cannot show the log of "${poolId}/${replicaId}": there is no such replica`, {
      hint: `replicas: ${pool.replicas.map(({ replica_id }) => `${poolId}/${replica_id}`).join(', ')}`,
    });
  }
  const { query } = call;
  const log = {
    files,
    key: `${poolId}/${replicaId}`,
    tail: queryCount(query, 'tail'),
    follow: queryFlag(query, 'follow'),
    previous: queryFlag(query, 'previous'),
  };
  return { kind: 'log', log };
}

const ok = (body: unknown): Reply => ({ kind: 'json', status: 200, body });

const poolOf = ({ params }: Call): string => params.pool ?? '';

function noPool(call: Call, verb = 'show'): never {
  throw new PoolctlError('POOL_NOT_FOUND', `cannot ${verb} "${poolOf(call)}": there is no such pool`, {
    hint: poolHint(call.service),
  });
}

function poolHint(service: Service): string {
  const known = service.status().pools.map(({ pool_id }) => pool_id);
  return known.length === 0 ? 'there are no pools' : `pools: ${known.join(', ')}`;
}
