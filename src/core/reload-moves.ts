/** The moves of a reload, one at a time: forward to the new model, or back to the old one. The step that asked carries them out. */

import { closedBreaker } from './breaker.js';
import { isLaunching, isLive, isServing, type Life } from './life.js';
import type { Instant } from './model.js';
import { beforeOf, failed, isResting, type Move, moved } from './reload.js';
import type { Earned, Failure, FailureReason, Place, Reload, Stage } from './reload-state.js';
import { isLeft, type Replica } from './replica.js';
import type { Pool } from './state.js';

/** The next move; null: something has to happen first. */
export function advance({ replicas, reload }: Pool, now: Instant): Move | null {
  if (reload === null || (!reload.verified && reload.failure === null)) return null;
  const of = ({ key }: Place): Replica => replicas.find((replica) => replica.key === key) as Replica;
  const places = reload.failure === null ? reload.places : reload.places.toReversed();
  let busy = false;
  for (const place of places) {
    const waits = busy && reload.strategy === 'rolling' && !hasFallen(place, of(place), reload);
    const turn = waits ? null : moveOf(place, of(place), reload, now);
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

/** It has the new model and serves nobody with it: it need not wait for its turn to go back, and must not be launched with it again. */
function hasFallen({ stage }: Place, { life }: Replica, { failure }: Reload): boolean {
  return failure !== null && stage === 'switched' && !isServing(life);
}

/** How long a launch may wait beside what a neighbour's drain may take: for a device, for memory, for its turn. */
const launchWaitMs = 600_000;

type Turn = Partial<Move> | null;

function moveOf(place: Place, replica: Replica, reload: Reload, now: Instant): Turn {
  return reload.failure === null ? forward(place, replica, reload, now) : back(place, replica, reload, now);
}

function forward(place: Place, replica: Replica, reload: Reload, now: Instant): Turn {
  const { life } = replica;
  const to = (stage: Stage, more: Partial<Move> = {}): Turn => ({ reload: moved(reload, { ...place, stage }), ...more });
  switch (place.stage) {
    case 'waiting':
      return begin(place, replica, reload, now);
    case 'draining':
      if (life.state === 'draining' && now >= life.deadline)
        return fail(reload, replica, 'drain_timeout', 'its drain was not over in time');
      if (life.state === 'stuck') return fail(reload, replica, 'exit', replica.lastError ?? 'its engine would not die');
      if (isLive(life) && replica.incarnation === place.before.incarnation) return null;
      if (place.leaves) return isLeft(replica) ? to('switched') : null;
      // The old engine may have crashed on its way: what comes now is the new one's.
      return launch(place, replica, reload, now);
    case 'launching': {
      const failure = failureOf(place, replica);
      if (failure !== null) return failure === 'later' ? null : fail(reload, replica, failure.reason, failure.text);
      if (now >= place.launchBy && life.state === 'preparing')
        return fail(reload, replica, 'spawn', 'what it needs to be launched did not come in time');
      return life.state === 'ready' ? to('switched') : null;
    }
    case 'switched': {
      const failure = failureAfter(place, replica);
      return failure === null || failure === 'later' ? null : fail(reload, replica, failure.reason, failure.text);
    }
    default:
      return null;
  }
}

/** Its turn has come. Whoever is just being made or ended is waited for. */
function begin(waiting: Place, replica: Replica, reload: Reload, now: Instant): Turn {
  const { life, goal } = replica;
  const place = { ...waiting, before: beforeOf(replica), crashes: replica.crashesTotal, touched: true };
  // Its old engine is on its way out, and could be called back as long as it drains, or is to.
  if (goal === 'down' && (isLaunching(life) || (isLive(life) && life.state !== 'stuck'))) return null;
  if (place.leaves && life.state === 'stuck')
    return fail(reload, replica, 'exit', replica.lastError ?? 'its engine would not die');
  if (place.leaves && replica.died !== null) return null;
  if (goal === 'down')
    return {
      reload: moved(reload, { ...place, stage: 'switched' }),
      replica: placed({ ...replica, ...unearned(replica) }, reload),
    };
  if (life.state === 'stopping' || isLaunching(life)) return null;
  if (life.state === 'stuck') return fail(reload, replica, 'exit', replica.lastError ?? 'its engine would not die');
  if (place.leaves) {
    const fact = { type: 'drain', deadlineMs: reload.drainMs, extend: false, yields: true } as const;
    return { reload: moved(reload, { ...place, stage: 'draining' }), fact };
  }
  if (isLive(life))
    return { reload: moved(reload, { ...place, stage: 'draining' }), fact: { type: 'switch', drainMs: reload.drainMs } };
  return launch(place, replica, reload, now);
}

/** The new engine is to come; what held the old one back does not count. */
function launch(place: Place, replica: Replica, reload: Reload, now: Instant): Turn {
  const launchBy = now + reload.drainMs + launchWaitMs;
  return {
    reload: moved(reload, { ...place, stage: 'launching', crashes: replica.crashesTotal, launchBy }),
    replica: placed({ ...replica, ...unearned(replica), life: queuedAnew(replica.life) }, reload),
    fact: isResting(replica.life) ? { type: 'reset', once: false } : null,
  };
}

/** Where the new entry has it. */
function placed(replica: Replica, { to }: Reload): Replica {
  const mask = to.masks[replica.index];
  if (mask === undefined) return replica;
  const port = to.port === 'auto' ? replica.port : to.port + replica.index;
  return { ...replica, mask, port, portProven: replica.portProven && port === replica.port };
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
  // Under `always` an end in peace is no crash, and is waited after all the same.
  if (life.state === 'backoff') return { reason: 'exit', text: life.why };
  if (life.state === 'failed' || life.state === 'broken')
    return { reason: neverBegan(replica) ? 'spawn' : 'exit', text: life.why };
  return life.state === 'stuck' ? { reason: 'exit', text } : null;
}

/** The same of one that has been switched, and may have been so to stay down. */
function failureAfter(place: Place, replica: Replica): ReturnType<typeof failureOf> {
  return place.leaves || place.before.goal === 'down' ? null : failureOf(place, replica);
}

/** Whether one that has been switched has ended, and how is still being found out: nothing is committed before that. */
export function isInDoubt({ replicas, reload }: Pool): boolean {
  const places = reload?.places ?? [];
  return replicas.some((replica) =>
    places.some((place) => place.key === replica.key && place.stage === 'switched' && failureAfter(place, replica) === 'later'),
  );
}

const neverBegan = ({ incarnation, lastExit }: Replica): boolean =>
  lastExit?.incarnation !== incarnation || lastExit.uptimeMs === 0;

function fail(reload: Reload, { key }: Replica, reason: FailureReason, text: string): Turn {
  return { reload: failed(reload, { reason, key, text }) };
}

function back(place: Place, replica: Replica, reload: Reload, now: Instant): Turn {
  const { life } = replica;
  const { before } = place;
  const to = (stage: Stage, more: Partial<Move> = {}): Turn => ({ reload: moved(reload, { ...place, stage }), ...more });
  const returning = (more: Partial<Move>): Turn => ({
    reload: moved(reload, { ...place, stage: 'returning', launchBy: now + reload.drainMs + launchWaitMs }),
    ...more,
  });
  const asBefore = { ...replica, ...before.earned, ...before.place, ...(before.life === null ? { breakers: closed } : {}) };
  switch (place.stage) {
    case 'waiting':
      return to('returned');
    case 'draining':
      // The old engine is there yet: it goes on, or comes again once it has ended.
      if (before.goal === 'down') return to('emptying');
      return returning({ replica: asBefore, fact: life.state === 'draining' || place.leaves ? { type: 'start' } : null });
    case 'launching':
    case 'switched':
      if (life.state === 'stopped') return before.goal === 'down' ? to('returned', { replica: asBefore }) : to('emptying');
      // Whoever wanted it drained has said how long that may take.
      if (life.state === 'draining') return to('emptying');
      return to('emptying', {
        fact: isServing(life) ? { type: 'drain', deadlineMs: reload.drainMs, extend: false } : { type: 'stop' },
      });
    case 'emptying':
      // Should it die yet, the old model is launched.
      if (life.state === 'stuck') return to('lost', { replica: { ...asBefore, goal: before.goal } });
      if (life.state !== 'stopped') return null;
      if (before.goal === 'down') return to('returned', { replica: asBefore });
      return before.life === null
        ? returning({ replica: asBefore, fact: { type: 'start' } })
        : to('returned', { replica: asBefore, fact: { type: 'revert', goal: before.goal, life: before.life } });
    case 'returning':
      if (before.goal === 'down') return to('emptying');
      if (life.state === 'ready' || (life.state === 'unhealthy' && replica.incarnation === before.incarnation))
        return to('returned');
      // Another pool may have got its devices meanwhile.
      if (life.state === 'preparing' && now >= place.launchBy) return to('lost');
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
