/** Leases: clients' counted, expiring claims on slots. Who has one may send requests to its replica; nobody else should. */

import type { LeaseAnswer, Refusal } from './answers.js';
import type { Event } from './events.js';
import { isDraining, isServing, type Life } from './life.js';
import type { Context, LeaseWish } from './messages.js';
import { type Instant, type Lease, type Moment, poolIdOf, type ReplicaKey, replicaIdOf } from './model.js';
import type { Replica } from './replica.js';
import { now, type Pool, type State } from './state.js';
import { shuttingDown, unknownPool, unknownReplica } from './wish.js';
import { span } from './words.js';

type Leases = State['leases'];

/** The next state of the leases, what the client is told, and what everybody is told. */
export type Leased = {
  readonly leases: Leases;
  readonly answer: LeaseAnswer;
  readonly events: readonly Event[];
};

/** How many leases each replica has; none: it is not in it. */
export function leaseCounts(leases: Leases): ReadonlyMap<ReplicaKey, number> {
  const counts = new Map<ReplicaKey, number>();
  for (const { key } of leases.values()) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

export function countOf(leases: Leases, key: ReplicaKey): number {
  let count = 0;
  for (const lease of leases.values()) if (lease.key === key) count += 1;
  return count;
}

/** Slots of a serving engine. Of one that does not tell, one request at a time is sure to be served. */
export function slotsOf(life: Life): number {
  return isServing(life) ? (life.description.slotsTotal ?? 1) : 0;
}

export function ask(state: State, wish: LeaseWish, context: Context): Leased {
  switch (wish.type) {
    case 'lease-requested':
      return grant(state, wish, context);
    case 'lease-renewed':
      return renew(state, wish, context);
    case 'lease-released':
      return release(state, wish);
  }
}

/** Of the ready replicas with a free slot the least loaded one, and of equals the first. */
function grant(state: State, wish: Extract<LeaseWish, { type: 'lease-requested' }>, context: Context): Leased {
  const { poolId, replicaId, ttlMs, holder } = wish;
  const pool = state.pools.get(poolId);
  if (pool === undefined) return refused(state, wish, unknownPool('lease', poolId, state));
  const replicas = replicaId === null ? pool.replicas : pool.replicas.filter(({ id }) => id === replicaId);
  if (replicas.length === 0) return refused(state, wish, unknownReplica('lease', pool, replicaId));
  if (state.shutdown !== null) return refused(state, wish, shuttingDown('lease', poolId));
  const counts = leaseCounts(state.leases);
  const load = ({ key, life }: Replica): number => (counts.get(key) ?? 0) / slotsOf(life);
  const [best, ...others] = replicas.filter(({ life }) => life.state === 'ready' && slotsOf(life) > 0);
  if (best === undefined) return refused(state, wish, notReady(pool, replicas, context.now));
  const least = others.reduce((one, other) => (load(other) < load(one) ? other : one), best);
  if (load(least) >= 1) {
    const slots = [best, ...others].reduce((sum, { life }) => sum + slotsOf(life), 0);
    const message = `cannot lease "${poolId}": all of its slots (${slots}) are taken`;
    return refused(state, wish, { code: 'NO_FREE_SLOT', message, hint: `poolctl lease list ${poolId}`, retryAfterMs: 1_000 });
  }
  const lease: Lease = {
    id: context.id(),
    key: least.key,
    holder,
    ttlMs,
    grantedAt: now(context),
    expiresAt: later(context, ttlMs),
  };
  const leases = new Map(state.leases).set(lease.id, lease);
  return { leases, answer: { ok: true, lease }, events: [told('lease.granted', 'debug', lease, leases, wish.correlationId)] };
}

/** From now on, for as long as it was granted for, or as it says now. */
function renew(
  { leases }: State,
  { id, ttlMs: wished }: Extract<LeaseWish, { type: 'lease-renewed' }>,
  context: Context,
): Leased {
  const before = leases.get(id);
  if (before === undefined) return { leases, answer: { ok: false, refusal: unknownLease('renew', id) }, events: [] };
  const ttlMs = wished ?? before.ttlMs;
  const lease = { ...before, ttlMs, expiresAt: later(context, ttlMs) };
  return { leases: new Map(leases).set(id, lease), answer: { ok: true, lease }, events: [] };
}

/** Once is enough, and twice does no harm. */
function release({ leases }: State, { id, correlationId }: Extract<LeaseWish, { type: 'lease-released' }>): Leased {
  const lease = leases.get(id);
  if (lease === undefined) return { leases, answer: { ok: true, lease: null }, events: [] };
  const left = without(leases, [lease]);
  return {
    leases: left,
    answer: { ok: true, lease: null },
    events: [told('lease.released', 'debug', lease, left, correlationId)],
  };
}

/** Whose time has passed: their clients have gone, or forgot them. */
export function expire(leases: Leases, at: Instant): Pick<Leased, 'leases' | 'events'> {
  if (nextExpiry(leases) > at) return { leases, events: [] };
  const over = [...leases.values()].filter(({ expiresAt }) => expiresAt.at <= at);
  const left = without(leases, over);
  return { leases: left, events: over.map((lease) => told('lease.expired', 'info', lease, left, null)) };
}

/** The engine that they were for serves no more. */
export function lose(
  leases: Leases,
  key: ReplicaKey,
  { reason, correlationId }: { readonly reason: string; readonly correlationId: string | null },
): Pick<Leased, 'leases' | 'events'> {
  const over = [...leases.values()].filter((lease) => lease.key === key);
  if (over.length === 0) return { leases, events: [] };
  const left = without(leases, over);
  return { leases: left, events: over.map((lease) => ({ ...told('lease.lost', 'warn', lease, left, correlationId), reason })) };
}

export function nextExpiry(leases: Leases): Instant {
  let earliest = Number.POSITIVE_INFINITY;
  for (const { expiresAt } of leases.values()) earliest = Math.min(earliest, expiresAt.at);
  return earliest;
}

function without(leases: Leases, over: readonly Lease[]): Leases {
  const left = new Map(leases);
  for (const { id } of over) left.delete(id);
  return left;
}

const later = ({ now: at, wallMs }: Context, ms: number): Moment => ({ at: at + ms, wallMs: wallMs + ms });

function told(
  event: Extract<Event['event'], `lease.${string}`>,
  level: Event['level'],
  { id, key, holder }: Lease,
  leases: Leases,
  correlationId: string | null,
): Event {
  return {
    event,
    level,
    pool_id: poolIdOf(key),
    replica_id: replicaIdOf(key),
    lease_id: id,
    ...(holder === null ? {} : { holder }),
    active_leases: countOf(leases, key),
    ...(correlationId === null ? {} : { correlation_id: correlationId }),
  };
}

function refused(state: State, wish: Extract<LeaseWish, { type: 'lease-requested' }>, refusal: Refusal): Leased {
  const { poolId, replicaId, holder, correlationId } = wish;
  const event: Event = {
    event: 'lease.refused',
    level: 'debug',
    ...(state.pools.has(poolId) ? { pool_id: poolId } : {}),
    ...(replicaId === null ? {} : { replica_id: replicaId }),
    ...(holder === null ? {} : { holder }),
    result: refusal.code,
    reason: refusal.message,
    ...(correlationId === null ? {} : { correlation_id: correlationId }),
  };
  return { leases: state.leases, answer: { ok: false, refusal }, events: [event] };
}

/** One that drains gives none for good; one that is not ready may be soon, unless nobody wants it up or it failed for good. */
function notReady({ spec: { poolId } }: Pool, replicas: readonly Replica[], at: Instant): Refusal {
  const states = replicas.map(({ key, life }) => `${key} is ${isDraining(life) ? 'draining' : life.state}`).join(', ');
  const draining = replicas.filter(({ life }) => isDraining(life)).map(({ key }) => key);
  // For a restart, or a reload: a start would not help.
  const returns = replicas.some(({ life, goal }) => isDraining(life) && goal === 'up');
  if (draining.length > 0)
    return {
      code: 'POOL_DRAINING',
      message: `cannot lease "${poolId}": it is being drained (${states})`,
      hint: returns
        ? `poolctl status ${poolId}: it comes back by itself, with another engine`
        : `poolctl start ${draining.length === replicas.length ? poolId : draining[0]} ends the drain`,
    };
  const broken = replicas.flatMap(({ life }) => (life.state === 'broken' ? [life.retryAt.at] : []));
  const retryAfterMs = broken.length === replicas.length ? Math.max(0, Math.round(Math.min(...broken) - at)) : 1_000;
  const hopeless = replicas.every(({ goal, life }) => goal === 'down' || life.state === 'failed');
  return {
    code: 'POOL_UNREADY',
    message: `cannot lease "${poolId}": no replica is ready (${states})`,
    hint: `poolctl status ${poolId}${broken.length === replicas.length ? `: one launch is tried in ${span(retryAfterMs)}` : ''}`,
    ...(hopeless ? { retriable: false } : { retryAfterMs }),
  };
}

function unknownLease(verb: string, id: string): Refusal {
  return {
    code: 'LEASE_NOT_FOUND',
    message: `cannot ${verb} lease "${id}": there is no such lease`,
    hint: 'it has expired, was released, or was lost with its engine; acquire another',
  };
}
