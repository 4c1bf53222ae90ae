/** The lives without an engine: waiting to launch, waiting to retry, stopped, failed. */

import { delayMs } from './backoff.js';
import type { In, LaunchCause, Replica } from './state.js';
import { andThen, become, type Scene, type Turn } from './turn.js';

/** Wants to launch; the gate decides when. */
export function queue(replica: Replica, cause: LaunchCause, scene: Scene): Turn {
  return become(replica, { state: 'preparing', phase: 'queued', cause, since: scene.now }, scene, {
    event: 'replica.preparing',
    because: cause,
  });
}

/** Nothing runs and nothing is to run, unless `why` says that it ended by itself. */
export function rest(replica: Replica, scene: Scene, why: string | null = null): Turn {
  return become(
    replica,
    { state: 'stopped', why },
    scene,
    { event: 'replica.stopped', ...(why === null ? {} : { reason: why }) },
    [{ type: 'record' }],
  );
}

/** Not tried again by itself. `why` says what is wrong, `hint` what to do. */
export function fail(replica: Replica, scene: Scene, why: string, hint: string | null): Turn {
  const told = {
    event: 'replica.failed',
    level: 'error',
    last_error: why,
    reason: why,
    ...(hint === null ? {} : { hint }),
  } as const;
  return become({ ...replica, lastError: why }, { state: 'failed', why: hint === null ? why : `${why}; ${hint}` }, scene, told, [
    { type: 'record' },
  ]);
}

/** Waits before the next automatic restart; each wait is told. One of no length is told too, and is over in the same turn. */
export function backOff(before: Replica, cause: 'crash' | 'health', reason: string, scene: Scene): Turn {
  const told = cause === 'crash' ? (before.lastExit?.class ?? 'exit') : cause;
  const turn = wait({ ...before, attempt: before.attempt + 1 }, cause, told, before.attempt + 1, reason, scene);
  const { life } = turn.replica;
  return life.state === 'backoff' && life.retry.delayMs === 0 ? andThen(turn, (replica) => queue(replica, cause, scene)) : turn;
}

/**
 * Waits before the next preflight. It was no launch: neither attempts nor crashes are counted. What the launch is for stays: a restart that had
 * to wait for its port is a restart all the same.
 */
export function obstruct(before: In<'preparing'>, why: string, scene: Scene): Turn {
  const { cause } = before.life;
  const obstructed = before.obstructed + 1;
  const next = cause === 'crash' || cause === 'health' ? cause : 'preflight';
  return wait({ ...before, obstructed, lastError: why }, next, 'preflight', obstructed, why, scene);
}

function wait(
  replica: Replica,
  cause: 'crash' | 'health' | 'preflight',
  crashReason: string,
  attempt: number,
  why: string,
  scene: Scene,
): Turn {
  const waitMs = delayMs(scene.spec.restart.backoff, attempt, 1, scene.rand());
  const at = { at: scene.now + waitMs, wallMs: scene.wallMs + waitMs };
  return become(
    replica,
    { state: 'backoff', retry: { at, delayMs: waitMs, attempt }, cause, why },
    scene,
    {
      event: 'replica.backoff',
      level: 'warn',
      attempt,
      backoff_ms: waitMs,
      next_restart_at: at.wallMs,
      crash_count: replica.crashCount,
      restart_count: replica.restartCount,
      crash_reason: crashReason,
      reason: why,
    },
    [{ type: 'record' }],
  );
}
