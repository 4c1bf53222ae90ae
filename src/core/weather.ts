/** What a restart more means for its pool and its devices: a warning, a storm that trips, or nothing. */

import type { BreakerName } from './breakers.js';
import type { Event } from './events.js';
import { devicesOf, type Storming } from './gate.js';
import type { Replica } from './replica.js';
import type { Pool, State } from './state.js';
import { kindOf, type Restart, raised, remedies, within, withRestart } from './storm.js';
import { span } from './words.js';

export type PoolStorm = {
  readonly restarts: readonly Restart[];
  readonly events: readonly Event[];
  /** Set when it trips: the breaker that opens on every replica of the pool. */
  readonly trip: { readonly breaker: BreakerName; readonly why: string } | null;
};

export function poolStorm({ spec, replicas, restarts: before }: Pool, restart: Restart): PoolStorm {
  const policy = raised(spec.restart.storm, replicas.length);
  const restarts = withRestart(before, restart, Math.max(policy.windowMs, policy.trip.windowMs));
  const { at } = restart.at;
  const counted = (windowMs: number): number => within(restarts, windowMs, at).length;
  const events: Event[] = [];
  const [inWindow, inTrip] = [counted(policy.windowMs), counted(policy.trip.windowMs)];
  if (inWindow > policy.warnAt && within(before, policy.windowMs, at).length <= policy.warnAt)
    events.push(told(spec.poolId, 'storm.warning', 'warn', stormOf(restarts, inWindow, policy.windowMs)));
  if (inTrip < policy.trip.count || within(before, policy.trip.windowMs, at).length >= policy.trip.count)
    return { restarts, events, trip: null };
  const storm = stormOf(within(restarts, policy.trip.windowMs, at), inTrip, policy.trip.windowMs);
  events.push(told(spec.poolId, 'storm.tripped', 'critical', storm));
  const why = `${storm.kind}: ${storm.count} restarts of ${spec.poolId} in ${span(storm.windowMs)}; ${remedies[storm.kind]}`;
  return { restarts, events, trip: { breaker: storm.kind === 'cuda_storm' ? 'cuda' : 'general', why } };
}

/** A restart that has to wait. */
export function limited(poolId: string, storm: Storming): Event {
  return told(poolId, 'storm.limited', 'warn', storm);
}

export function withDeviceRestart(replica: Replica, restart: Restart, state: State): State['deviceRestarts'] {
  const devices = devicesOf(replica, state);
  if (devices.length === 0) return state.deviceRestarts;
  const { windowMs } = state.inventory.supervisor.deviceStorm;
  const after = new Map(state.deviceRestarts);
  for (const { uuid } of devices) after.set(uuid, withRestart(after.get(uuid) ?? [], restart, windowMs));
  return after;
}

function stormOf(
  restarts: readonly Restart[],
  count: number,
  windowMs: number,
): Storming & { readonly kind: keyof typeof remedies } {
  return { kind: kindOf(restarts), device: null, count, windowMs };
}

function told(
  poolId: string,
  event: 'storm.warning' | 'storm.limited' | 'storm.tripped',
  level: Event['level'],
  { kind, device, count, windowMs }: Storming,
): Event {
  return {
    event,
    level,
    pool_id: poolId,
    storm_kind: kind,
    restart_count: count,
    time_window_ms: windowMs,
    ...(device === null ? {} : { device }),
    hint: remedies[kind],
  };
}
