/**
 * A reload as a plan: each replica's place in it, what is to be done next, and how it is undone. All replicas of a pool change their model, or none
 * does. Pure: the moves are in reload-moves.ts.
 */

import type { Life } from './life.js';
import type { PoolSpec, ReplicaKey } from './model.js';
import type { Failure, Place, Reload, Resting } from './reload-state.js';
import type { Replica } from './replica.js';
import type { Pool } from './state.js';

/** What is to happen to a replica for it. */
export type ReloadFact =
  /** Its engine goes, within the drain's time, and another is launched. */
  | { readonly type: 'switch'; readonly drainMs: number }
  | { readonly type: 'start' }
  /** What held it back before is the old model's. */
  | { readonly type: 'reset'; readonly once: false }
  | { readonly type: 'stop' }
  | { readonly type: 'drain'; readonly deadlineMs: number; readonly extend: false; readonly yields?: true }
  /** It rests as it did. */
  | { readonly type: 'revert'; readonly goal: Replica['goal']; readonly life: Resting };

export type Move = { readonly reload: Reload; readonly replica: Replica | null; readonly fact: ReloadFact | null };

export type ReloadEnd = 'reloaded' | 'rolled_back' | 'rollback_failed' | 'drain_timeout' | 'failed';

export function planReload(
  { replicas }: Pool,
  wish: Pick<Reload, 'operationId' | 'cause' | 'to' | 'drainMs' | 'override'>,
): Reload {
  const ready = replicas.filter(({ life }) => life.state === 'ready').length;
  const { strategy } = wish.to.reload;
  const isHeld = ({ key }: Replica, port: number): boolean => replicas.some((other) => other.key !== key && other.port === port);
  const moves = replicas.some((replica) => {
    const mask = wish.to.masks[replica.index];
    const port = wish.to.port === 'auto' ? null : wish.to.port + replica.index;
    return mask !== undefined && (mask.written !== replica.mask.written || (port !== null && isHeld(replica, port)));
  });
  return {
    ...wish,
    // One that is to go where another has yet to leave, to its devices or its port, would wait for it for ever.
    strategy: moves ? 'recreate' : strategy === 'auto' ? (ready >= 2 ? 'rolling' : 'recreate') : strategy,
    verified: false,
    staged: null,
    places: replicas.map((replica) => ({
      key: replica.key,
      stage: 'waiting',
      before: beforeOf(replica),
      crashes: 0,
      touched: false,
      leaves: replica.index >= wish.to.masks.length,
      launchBy: 0,
    })),
    failure: null,
  };
}

/** Whether a replica is to run the new model. */
export function isOnTrial({ reload }: Pool, key: ReplicaKey): boolean {
  const stage = reload?.places.find((place) => place.key === key)?.stage;
  return stage === 'draining' || stage === 'launching' || stage === 'switched';
}

/** What a replica is launched with now. */
export function specFor(pool: Pool, key: ReplicaKey): PoolSpec {
  return pool.reload !== null && isOnTrial(pool, key) ? pool.reload.to : pool.spec;
}

/** What is wanted of it, whatever a rollback is just doing. */
export function goalOf({ reload }: Pool, { key, goal }: Replica): Replica['goal'] {
  const place = reload?.places.find((each) => each.key === key);
  return place?.stage === 'emptying' ? place.before.goal : goal;
}

/** As the next supervisor is to find it, should this one die before the reload is committed: its engine as it is, all else as it was before. */
export function beforeReload({ reload }: Pool, replica: Replica): Replica {
  const place = reload?.places.find(({ key }) => key === replica.key);
  if (place === undefined || place.stage === 'waiting' || place.stage === 'returned') return replica;
  const { goal, earned, place: where, life } = place.before;
  const rests: Life = life ?? { state: 'stopped', why: null };
  // Who is on his way back may have got a port by now that he did not have when his turn came.
  const isBack = place.stage === 'returning' || place.stage === 'lost';
  return { ...replica, ...earned, ...(isBack ? {} : where), goal, life: isResting(replica.life) ? rests : replica.life };
}

/** Back from here. The first failure tells why. `downs`: whoever is not wanted up any more. */
export function failed(reload: Reload, failure: Failure, downs: ReadonlySet<ReplicaKey> = new Set()): Reload {
  const places = reload.places.map((place) =>
    downs.has(place.key) ? { ...place, before: { ...place.before, goal: 'down' as const } } : place,
  );
  return { ...reload, places, failure: reload.failure ?? failure };
}

/** How it ends; null: it has not. */
export function endOf({ places, failure, verified }: Reload): ReloadEnd | null {
  if (failure === null) return verified && places.every(({ stage }) => stage === 'switched') ? 'reloaded' : null;
  if (!places.every(({ stage }) => stage === 'returned' || stage === 'lost')) return null;
  if (places.some(({ stage }) => stage === 'lost')) return 'rollback_failed';
  return failure.reason === 'drain_timeout' ? 'drain_timeout' : failure.reason === 'model' ? 'failed' : 'rolled_back';
}

export function moved(reload: Reload, place: Place): Reload {
  return { ...reload, places: reload.places.map((each) => (each.key === place.key ? place : each)) };
}

export function isResting(life: Life): life is Resting {
  return life.state === 'stopped' || life.state === 'backoff' || life.state === 'broken' || life.state === 'failed';
}

export function beforeOf(replica: Replica): Place['before'] {
  const {
    mask,
    port,
    portProven,
    goal,
    incarnation,
    life,
    attempt,
    obstructed,
    restartCount,
    crashCount,
    lastError,
    breakers,
    repeated,
    provenAt,
    vram,
  } = replica;
  return {
    goal,
    incarnation,
    place: { mask, port, portProven },
    earned: { attempt, obstructed, restartCount, crashCount, lastError, breakers, repeated, provenAt, vram },
    life: isResting(life) ? life : null,
  };
}
