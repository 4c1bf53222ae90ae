/** The moves of a reload, one at a time: forward to the new model, or back to the old one. The step that asked carries them out. */

import { closedBreaker } from './breaker.js';
import { isLaunching, isLive, type Life } from './life.js';
import type { Instant } from './model.js';
import { beforeOf, failed, isResting, type Move, moved } from './reload.js';
import type { Earned, Failure, FailureReason, Place, Pool, Reload, Replica, Stage } from './state.js';

/** The next move; null: something has to happen first. */
export function advance({ replicas, reload }: Pool, now: Instant): Move | null {
  if (reload === null || (!reload.verified && reload.failure === null)) return null;
  const of = ({ key }: Place): Replica => replicas.find((replica) => replica.key === key) as Replica;
  const places = reload.failure === null ? reload.places : reload.places.toReversed();
  let busy = false;
  for (const place of places) {
    const turn = busy && reload.strategy === 'rolling' ? null : moveOf(place, of(place), reload, now);
    if (turn !== null) return { replica: null, fact: null, reload, ...turn };
    busy ||= isUnderWay(place, reload);
  }
  return null;
}

/** Rolling takes one after another; those that were switched before go on serving until their turn comes. */
function isUnderWay({ stage }: Place, { failure }: Reload): boolean {
  return failure === null
    ? stage === 'draining' || stage === 'launching' || stage === 'waiting'
    : stage !== 'returned' && stage !== 'lost';
}

type Turn = Partial<Move> | null;

function moveOf(place: Place, replica: Replica, reload: Reload, now: Instant): Turn {
  return reload.failure === null ? forward(place, replica, reload, now) : back(place, replica, reload);
}

function forward(place: Place, replica: Replica, reload: Reload, now: Instant): Turn {
  const { life } = replica;
  const to = (stage: Stage, more: Partial<Move> = {}): Turn => ({ reload: moved(reload, { ...place, stage }), ...more });
  switch (place.stage) {
    case 'waiting':
      return begin(place, replica, reload);
    case 'draining':
      if (life.state === 'draining' && now >= life.deadline)
        return fail(reload, replica, 'drain_timeout', 'its drain was not over in time');
      if (life.state === 'stuck') return fail(reload, replica, 'exit', replica.lastError ?? 'its engine would not die');
      if (isLive(life) && replica.incarnation === place.before.incarnation) return null;
      // The old engine may have crashed on its way: what comes now is the new one's.
      return {
        reload: moved(reload, { ...place, stage: 'launching', crashes: replica.crashesTotal }),
        replica: { ...replica, ...unearned(replica) },
        fact: isResting(life) ? { type: 'reset', once: false } : null,
      };
    case 'launching': {
      const failure = failureOf(place, replica);
      if (failure !== null) return failure === 'later' ? null : fail(reload, replica, failure.reason, failure.text);
      return life.state === 'ready' ? to('switched') : null;
    }
    case 'switched': {
      const failure = place.before.goal === 'down' ? null : failureOf(place, replica);
      return failure === null || failure === 'later' ? null : fail(reload, replica, failure.reason, failure.text);
    }
    default:
      return null;
  }
}

/** Its turn has come. Whoever is just being made or ended is waited for. */
function begin(waiting: Place, replica: Replica, reload: Reload): Turn {
  const { life, goal } = replica;
  const place = { ...waiting, before: beforeOf(replica), crashes: replica.crashesTotal, touched: true };
  if (goal === 'down') return { reload: moved(reload, { ...place, stage: 'switched' }) };
  if (life.state === 'stopping' || isLaunching(life)) return null;
  if (life.state === 'stuck') return fail(reload, replica, 'exit', replica.lastError ?? 'its engine would not die');
  if (isLive(life))
    return { reload: moved(reload, { ...place, stage: 'draining' }), fact: { type: 'switch', drainMs: reload.drainMs } };
  return {
    reload: moved(reload, { ...place, stage: 'launching' }),
    replica: { ...replica, ...unearned(replica), life: queuedAnew(life) },
    fact: isResting(life) ? { type: 'reset', once: false } : null,
  };
}

/** The old model may be on its way yet: nobody waits for it any more. */
function queuedAnew(life: Life): Life {
  return life.state === 'preparing' ? { state: 'preparing', phase: 'queued', cause: life.cause, since: life.since } : life;
}

/** Why the new engine will not do; 'later': it has failed, and how is still being found out; null: it may yet. */
function failureOf({ crashes }: Place, replica: Replica): Pick<Failure, 'reason' | 'text'> | 'later' | null {
  const { life, lastError, lastExit, obstructed } = replica;
  const text = lastError ?? 'its engine has ended';
  if (replica.crashesTotal > crashes)
    return { reason: lastExit?.subclass === 'startup_deadline' ? 'deadline' : neverBegan(replica) ? 'spawn' : 'exit', text };
  if (life.state === 'stopping') return 'later';
  if (obstructed > 0) return { reason: 'spawn', text };
  if (life.state === 'unhealthy') return { reason: 'unhealthy', text: life.detail };
  if (life.state === 'stopped') return { reason: 'exit', text: life.why ?? 'it was stopped' };
  if (life.state === 'failed' || life.state === 'broken')
    return { reason: neverBegan(replica) ? 'spawn' : 'exit', text: life.why };
  return life.state === 'stuck' ? { reason: 'exit', text } : null;
}

const neverBegan = ({ incarnation, lastExit }: Replica): boolean =>
  lastExit?.incarnation !== incarnation || lastExit.uptimeMs === 0;

function fail(reload: Reload, { key }: Replica, reason: FailureReason, text: string): Turn {
  return { reload: failed(reload, { reason, key, text }) };
}

function back(place: Place, replica: Replica, reload: Reload): Turn {
  const { life } = replica;
  const { before } = place;
  const to = (stage: Stage, more: Partial<Move> = {}): Turn => ({ reload: moved(reload, { ...place, stage }), ...more });
  const asBefore = { ...replica, ...before.earned, ...(before.life === null ? { breakers: closed } : {}) };
  switch (place.stage) {
    case 'waiting':
      return to('returned');
    case 'draining':
      // The old engine is there yet: it goes on, or comes again once it has ended.
      if (before.goal === 'down') return to('emptying');
      return to('returning', { replica: asBefore, fact: life.state === 'draining' ? { type: 'start' } : null });
    case 'launching':
      return to('emptying', { fact: isResting(life) && life.state === 'stopped' ? null : { type: 'stop' } });
    case 'switched': {
      const serves = life.state === 'ready' || life.state === 'unhealthy';
      if (before.goal === 'down' && life.state === 'stopped') return to('returned');
      return to('emptying', { fact: serves ? { type: 'drain', deadlineMs: reload.drainMs, extend: false } : { type: 'stop' } });
    }
    case 'emptying':
      // Should it die yet, the old model is launched.
      if (life.state === 'stuck') return to('lost', { replica: { ...asBefore, goal: before.goal } });
      if (life.state !== 'stopped') return null;
      if (before.goal === 'down') return to('returned', { replica: asBefore });
      return before.life === null
        ? to('returning', { replica: asBefore, fact: { type: 'start' } })
        : to('returned', { replica: asBefore, fact: { type: 'revert', goal: before.goal, life: before.life } });
    case 'returning':
      if (before.goal === 'down') return to('emptying');
      if (life.state === 'ready' || (life.state === 'unhealthy' && replica.incarnation === before.incarnation))
        return to('returned');
      return life.state === 'failed' || life.state === 'broken' || life.state === 'stuck' || life.state === 'stopped'
        ? to('lost')
        : null;
    default:
      return null;
  }
}

/** Who served is launched at once, whatever a storm has opened meanwhile. */
const closed = { general: closedBreaker, cuda: closedBreaker };

/** Another model has earned nothing yet, good or bad. */
function unearned({ vram }: Replica): Earned {
  return {
    attempt: 0,
    obstructed: 0,
    restartCount: 0,
    crashCount: 0,
    lastError: null,
    breakers: closed,
    repeated: null,
    provenAt: null,
    vram: { ...vram, modelBytes: null, learntBytes: null, peak: null, before: null },
  };
}
