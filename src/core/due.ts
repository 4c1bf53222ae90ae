import { nextExpiry } from './lease.js';
import type { Life, Serving } from './life.js';
import { lookAt } from './look.js';
import type { Instant, ReplicaKey } from './model.js';
import type { Reload } from './reload-state.js';
import type { Pool, State } from './state.js';

/** The earliest instant at which something of this state is due; null: nothing is. The shell arms one alarm at it. */
export function nextAt(state: State): Instant | null {
  let earliest = Math.min(lookAt(state), nextExpiry(state.leases));
  for (const pool of state.pools.values()) {
    for (const { life } of pool.replicas) earliest = Math.min(earliest, dueAt(life));
    if (pool.reload !== null) earliest = Math.min(earliest, launchBy(pool, pool.reload));
  }
  return Number.isFinite(earliest) ? earliest : null;
}

/** When an engine that still waits for what it needs is given up, the new one or the old one again. */
function launchBy({ replicas }: Pool, { places }: Reload): number {
  const waits = (key: ReplicaKey): boolean =>
    replicas.some((replica) => replica.key === key && replica.life.state === 'preparing');
  return Math.min(
    never,
    ...places
      .filter(({ key, stage }) => (stage === 'launching' || stage === 'returning') && waits(key))
      .map((place) => place.launchBy),
  );
}

/** When something of this life is due; infinite: nothing is. */
export function dueAt(life: Life): number {
  switch (life.state) {
    case 'stopped':
    case 'failed':
      return never;
    case 'preparing':
      return life.phase === 'checking' ? life.deadline : never;
    case 'starting':
      return Math.min(life.deadline, life.probing.at ?? never);
    case 'ready':
      return Math.min(servingAt(life), life.stableAt ?? never, life.calmAt ?? never, life.closeAt ?? never);
    case 'unhealthy':
      return Math.min(servingAt(life), life.restartAt ?? never);
    case 'draining':
      return Math.min(servingAt(life), life.deadline);
    case 'stopping':
      return Math.min(life.deadline, life.sweepAt ?? never);
    case 'backoff':
      return life.retry.at.at;
    case 'broken':
      return life.retryAt.at;
    case 'stuck':
      return life.sweepAt ?? never;
  }
}

const servingAt = ({ probing, polling, generateAt }: Serving): number =>
  Math.min(probing.at ?? never, polling.at ?? never, generateAt ?? never);

const never = Number.POSITIVE_INFINITY;
