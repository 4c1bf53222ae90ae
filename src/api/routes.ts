/** The routes, as data: what is answered to what. The server (server.ts) knows how; nobody here knows sockets. */

import type { Verb } from '../core/messages.js';
import type { ReplicaId } from '../core/model.js';
import type { OperationView } from '../core/views.js';
import { PoolctlError } from '../errors.js';
import { acquire, leaseFields, leases, release, renew, renewFields } from './lease-routes.js';
import { accepted, type Call, noPool, ok, poolOf, type Reply, type Route, refuse } from './route.js';
import {
  digest,
  type Fields,
  flag,
  milliseconds,
  parseBody,
  queryCount,
  queryFlag,
  reference,
  replicaIdField,
  required,
} from './validate.js';

/** As long as Node can wait. */
const longestWaitMs = 2 ** 31 - 1;

/** No caller is kept waiting longer than this in one request; it asks again. */
const maxWaitMs = 600_000;

const actFields = { replica_id: replicaIdField, now: flag, deadline_ms: milliseconds, once: flag } satisfies Fields;
const drainFields = { replica_id: replicaIdField, deadline_ms: milliseconds, extend: flag } satisfies Fields;
const reloadFields = { new_model_ref: required(reference), digest, drain_deadline_ms: milliseconds } satisfies Fields;
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

function logs(call: Call): Reply {
  const poolId = poolOf(call);
  const pool = call.service.pool(poolId) ?? noPool(call, 'show the log of');
  const replicaId = call.params.replica ?? '';
  const path = call.service.logPath(poolId, replicaId);
  if (path === null) {
    throw new PoolctlError('REPLICA_NOT_FOUND', `cannot show the log of "${poolId}/${replicaId}": there is no such replica`, {
      hint: `replicas: ${pool.replicas.map(({ replica_id }) => `${poolId}/${replica_id}`).join(', ')}`,
    });
  }
  const { query } = call;
  const log = {
    path,
    key: `${poolId}/${replicaId}`,
    tail: queryCount(query, 'tail'),
    follow: queryFlag(query, 'follow'),
    previous: queryFlag(query, 'previous'),
  };
  return { kind: 'log', log };
}
