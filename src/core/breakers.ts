/** The two breakers of a replica: what happens to both, and how a change is told. */

import { afterFailure, type Breaker, closedBreaker, tripped, tryOnce, unproved, whenDue } from './breaker.js';
import type { Event } from './events.js';
import type { Life } from './life.js';
import type { Moment } from './model.js';
import type { Breakers, Replica } from './replica.js';
import { now } from './state.js';
import { type Scene, type Turn, tell } from './turn.js';

export type BreakerName = keyof Breakers;

type Open = Extract<Breaker, { state: 'open' }>;

export function openOnes({ general, cuda }: Breakers): readonly Open[] {
  return [general, cuda].filter((breaker) => breaker.state === 'open');
}

export function isClean({ general, cuda }: Breakers): boolean {
  return [general, cuda].every(({ state, failures }) => state === 'closed' && failures === 0);
}

/**
 * One change of both: `due` lets those whose time has come test a launch, `once` all that are open, `unproved` opens those again whose test
 * showed nothing, `closed` forgets everything. Changes of state are told.
 */
export function withBreakers(replica: Replica, change: 'due' | 'once' | 'unproved' | 'closed', scene: Scene): Turn {
  const { breaker: spec } = scene.spec.restart;
  const changes: Readonly<Record<typeof change, (breaker: Breaker) => Breaker>> = {
    due: (breaker) => whenDue(breaker, spec, scene.now),
    once: tryOnce,
    unproved: (breaker) => unproved(breaker, now(scene)),
    closed: () => closedBreaker,
  };
  const each = changes[change];
  return become(replica, { general: each(replica.breakers.general), cuda: each(replica.breakers.cuda) }, scene);
}

/**
 * One failure more in one of them; `atOnce` opens it whatever it has counted. The other one, where it is half-open, had this launch for its test
 * as well: it opens again.
 */
export function hurt(replica: Replica, name: BreakerName, atOnce: boolean, scene: Scene): Turn {
  const { breaker: spec } = scene.spec.restart;
  const at: Moment = now(scene);
  const threshold = name === 'cuda' ? spec.cudaThreshold : spec.threshold;
  const failed = afterFailure(replica.breakers[name], threshold, spec, at);
  const other = name === 'cuda' ? 'general' : 'cuda';
  const tested = replica.breakers[other];
  const breakers = {
    ...replica.breakers,
    [name]: atOnce ? tripped(failed, spec, at) : failed,
    [other]: tested.state === 'half-open' ? afterFailure(tested, threshold, spec, at) : tested,
  };
  return become(replica, breakers, scene);
}

/** Opened by a storm. */
export function trip(replica: Replica, name: BreakerName, scene: Scene): Turn {
  const { breaker: spec } = scene.spec.restart;
  return become(replica, { ...replica.breakers, [name]: tripped(replica.breakers[name], spec, now(scene)) }, scene);
}

function become(before: Replica, breakers: Breakers, scene: Scene): Turn {
  const names: readonly BreakerName[] = ['general', 'cuda'];
  const changed = names.filter((name) => breakers[name].state !== before.breakers[name].state);
  const opens = changed.some((name) => breakers[name].state === 'open');
  const replica = { ...before, breakers, life: opens ? closingAnew(before.life, scene) : before.life };
  return {
    replica,
    effects: changed.length === 0 ? [] : [{ type: 'record' }],
    events: changed.map((name) => toldOf(replica, name, before.breakers[name], scene)),
  };
}

/** A storm opens it while its engine serves: only ready time from now on closes it. One that is unhealthy begins anew in any case. */
function closingAnew(life: Life, { now: at, spec }: Scene): Life {
  const closeAt = at + spec.restart.breaker.closeAfterMs;
  if (life.state === 'ready' || life.state === 'draining') return { ...life, closeAt };
  if (life.state !== 'starting' || life.resumed?.rewards == null) return life;
  return { ...life, resumed: { ...life.resumed, rewards: { ...life.resumed.rewards, closeAt } } };
}

function toldOf(replica: Replica, name: BreakerName, before: Breaker, scene: Scene): Event {
  const after = replica.breakers[name];
  return tell(replica, scene, {
    event: 'breaker.changed',
    level: after.state === 'open' ? 'error' : 'info',
    breaker: name,
    old_state: before.state,
    new_state: after.state,
    failure_count: after.failures,
    ...(after.state === 'open' ? { next_restart_at: after.retryAt.wallMs } : {}),
  });
}
