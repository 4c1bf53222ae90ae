/** What goes over the policies' own course: an operator's reset, and a storm that trips. */

import { type BreakerName, trip, withBreakers } from './breakers.js';
import type { ReloadFact } from './reload.js';
import type { Replica } from './replica.js';
import { breakOff, queue } from './rest.js';
import { andThen, become, type Scene, stay, type Turn } from './turn.js';

/**
 * Closes breakers, ends waits, forgets a permanent failure, and starts. `once` lets one launch through and forgets nothing: if that fails, it is
 * as before.
 */
export function reset(replica: Replica, { once }: { readonly once: boolean }, scene: Scene): Turn {
  const forgotten = once
    ? replica
    : {
        ...replica,
        attempt: 0,
        obstructed: 0,
        crashCount: 0,
        restartCount: 0,
        repeated: null,
        vram: { ...replica.vram, before: null },
      };
  return andThen(withBreakers(forgotten, once ? 'once' : 'closed', scene), (after) =>
    rests(after) ? queue(after, scene.asked, scene) : stay(after),
  );
}

function rests({ life }: Replica): boolean {
  return life.state === 'stopped' || life.state === 'backoff' || life.state === 'broken' || life.state === 'failed';
}

/** A reload gives back what was there before it: a wait, an open breaker, a permanent failure, or rest. */
export function revert(replica: Replica, { goal, life }: Extract<ReloadFact, { type: 'revert' }>, scene: Scene): Turn {
  const back = { ...replica, goal };
  if (life.state === 'stopped') return stay({ ...back, life });
  const event = life.state === 'backoff' ? 'replica.backoff' : life.state === 'broken' ? 'replica.broken' : 'replica.failed';
  return become(back, life, scene, { event, level: 'warn', reason: life.why, because: 'rollback' }, [{ type: 'record' }]);
}

export type StormTrip = { readonly breaker: BreakerName; readonly why: string };

/** A storm opens a breaker, whatever that has counted. Who serves goes on; who only waits to be launched waits behind it. */
export function tripped(replica: Replica, { breaker, why }: StormTrip, scene: Scene): Turn {
  return andThen(trip(replica, breaker, scene), (after) => {
    const { life } = after;
    if (life.state === 'backoff' || life.state === 'broken') return breakOff(after, life.cause, why, scene);
    const unlaunched = life.state === 'preparing' && life.phase !== 'spawning';
    return unlaunched ? breakOff(after, life.cause, why, scene) : stay(after);
  });
}
