/** Leases: taken, kept and given back in one request each. */

import type { LeaseWish } from '../core/messages.js';
import type { ReplicaId } from '../core/model.js';
import { PoolctlError } from '../errors.js';
import { type Call, ok, poolHint, poolOf, type Reply, refuse } from './route.js';
import { type Fields, label, parseBody, replicaIdField, timeToLive } from './validate.js';

export const leaseFields = { ttl_ms: timeToLive, replica_id: replicaIdField, holder: label } satisfies Fields;
export const renewFields = { ttl_ms: timeToLive } satisfies Fields;

const defaultTtlMs = 60_000;

export function acquire(call: Call): Reply {
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

export function renew(call: Call): Reply {
  const { ttl_ms = null } = parseBody(call.body, renewFields);
  const id = call.params.lease ?? '';
  return ok(leased(call, { type: 'lease-renewed', id, ttlMs: ttl_ms as number | null, correlationId: call.correlationId }));
}

/** Gone is gone: whoever releases twice is told the same. */
export function release(call: Call): Reply {
  leased(call, { type: 'lease-released', id: call.params.lease ?? '', correlationId: call.correlationId });
  return { kind: 'nothing' };
}

function leased({ service }: Call, wish: LeaseWish): unknown {
  const answer = service.lease(wish);
  return answer.ok ? answer.lease : refuse(answer.refusal, 'lease');
}

export function leases({ service, query }: Call): Reply {
  const poolId = query.get('pool_id') || null;
  const found = service.leases(poolId);
  if (found !== null) return ok({ leases: found });
  throw new PoolctlError('POOL_NOT_FOUND', `cannot list the leases of "${poolId}": there is no such pool`, {
    hint: poolHint(service),
  });
}
