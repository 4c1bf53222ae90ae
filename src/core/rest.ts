/** The lives without an engine: waiting to launch, waiting to retry, behind an open breaker, stopped, failed. */

import { delayMs } from './backoff.js';
import { openOnes, withBreakers } from './breakers.js';
import type { CrashClass } from './crash.js';
import type { Obstacle } from './facts.js';
import type { LaunchCause } from './life.js';
import type { Instant, Moment } from './model.js';
import type { In, Replica } from './replica.js';
import { andThen, become, type Scene, stay, type Turn } from './turn.js';
import { span } from './words.js';

/** Wants to launch; the gate decides when. Behind an open breaker nothing even asks. `because` is what is told, where that is not the cause. */
export function queue(replica: Replica, cause: LaunchCause, scene: Scene, because: string = cause): Turn {
  const [open] = openOnes(replica.breakers);
  if (open !== undefined) return breakOff(replica, cause, replica.lastError ?? 'its breaker is open', scene);
  return become(replica, { state: 'preparing', phase: 'queued', cause, since: scene.now }, scene, {
    event: 'replica.preparing',
    because,
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

/** Not tried again by itself. `why` says what is wrong, `hint` what to do; `obstacle` is set where that stood in the way of a launch. */
export function fail(
  replica: Replica,
  scene: Scene,
  why: string,
  hint: string | null,
  obstacle: Obstacle['what'] | null = null,
): Turn {
  const told = {
    event: 'replica.failed',
    level: 'error',
    last_error: why,
    reason: why,
    ...(hint === null ? {} : { hint }),
    ...(obstacle === null ? {} : { obstacle }),
  } as const;
  return become({ ...replica, lastError: why }, { state: 'failed', why: hint === null ? why : `${why}; ${hint}` }, scene, told, [
    { type: 'record' },
  ]);
}

/** Waits before the next automatic restart; each wait is told. One of no length is told too, and is over in the same turn. */
export function backOff(before: Replica, cause: 'crash' | 'health', reason: string, scene: Scene): Turn {
  const of = before.lastExit?.class ?? 'unknown';
  const told = cause === 'crash' ? (of === 'graceful' ? 'exit' : of) : cause;
  const attempt = before.attempt + 1;
  const { backoff } = scene.spec.restart;
  const waitMs = delayMs(backoff, attempt, isOfGpu(of) ? backoff.cudaMultiplier : 1, scene.rand());
  const turn = wait({ ...before, attempt }, { cause, told, attempt, waitMs, why: reason }, scene);
  return waitMs === 0 ? andThen(turn, (replica) => queue(replica, cause, scene)) : turn;
}

/** Classes whose failures have a breaker and a longer wait of their own. */
export function isOfGpu(of: CrashClass): boolean {
  return of === 'gpu_error' || of === 'driver';
}

/**
 * Waits before the next preflight. It was no launch: neither attempts nor crashes are counted. What the launch is for stays: a restart that had
 * to wait for its port is a restart all the same.
 */
export function obstruct(before: In<'preparing'>, { why, hint = null, obstacle = null }: Hindrance, scene: Scene): Turn {
  const obstructed = before.obstructed + 1;
  const waitMs = delayMs(scene.spec.restart.backoff, obstructed, 1, scene.rand());
  const retried = { cause: before.life.cause, told: 'preflight', attempt: obstructed, waitMs, why, hint, obstacle };
  return wait({ ...before, obstructed, lastError: why }, retried, scene);
}

/** A restart that a storm holds back: it waits until the window allows it. */
export function hold(
  replica: In<'preparing'>,
  { until, why }: { readonly until: Instant; readonly why: string },
  scene: Scene,
): Turn {
  const { cause } = replica.life;
  const told = cause === 'crash' ? (replica.lastExit?.class ?? 'unknown') : cause;
  return wait(replica, { cause, told, attempt: replica.attempt, waitMs: Math.max(0, Math.ceil(until - scene.now)), why }, scene);
}

/** Behind its open breakers until the last of them lets one launch through. */
export function breakOff(replica: Replica, cause: LaunchCause, why: string, scene: Scene): Turn {
  const open = openOnes(replica.breakers);
  const retryAt = open.map(({ retryAt: at }) => at).reduce(later);
  const failures = Math.max(...open.map((each) => each.failures));
  return become(
    replica,
    { state: 'broken', retryAt, cause, why },
    scene,
    {
      event: 'replica.broken',
      level: 'error',
      failure_count: failures,
      backoff_ms: Math.max(0, Math.round(retryAt.at - scene.now)),
      next_restart_at: retryAt.wallMs,
      reason: why,
      hint: `one launch is tried in ${span(retryAt.at - scene.now)}; poolctl reset ${replica.key} tries at once`,
    },
    [{ type: 'record' }],
  );
}

/** Half-open: one launch goes through. */
export function brokenWoke(replica: In<'broken'>, _: unknown, scene: Scene): Turn {
  if (scene.now < replica.life.retryAt.at) return stay(replica);
  return andThen(withBreakers(replica, 'due', scene), (tested) => queue(tested, replica.life.cause, scene));
}

const later = (a: Moment, b: Moment): Moment => (a.at > b.at ? a : b);

/** What is in the way of a launch. `hint`: what to do about it; `obstacle`: what it is; null where nobody can say. */
export type Hindrance = { readonly why: string; readonly hint?: string | null; readonly obstacle?: Obstacle['what'] | null };

type Wait = {
  readonly cause: LaunchCause;
  /** The event's `crash_reason`. */
  readonly told: string;
  readonly attempt: number;
  readonly waitMs: number;
  readonly why: string;
  /** What to do about it. */
  readonly hint?: string | null;
  readonly obstacle?: Obstacle['what'] | null;
};

function wait(replica: Replica, { cause, told, attempt, waitMs, why, hint = null, obstacle = null }: Wait, scene: Scene): Turn {
  const at = { at: scene.now + waitMs, wallMs: scene.wallMs + waitMs };
  return become(
    replica,
    { state: 'backoff', retry: { at, delayMs: waitMs, attempt }, cause, why: hint === null ? why : `${why}; ${hint}` },
    scene,
    {
      event: 'replica.backoff',
      level: 'warn',
      attempt,
      backoff_ms: waitMs,
      next_restart_at: at.wallMs,
      crash_count: replica.crashCount,
      restart_count: replica.restartCount,
      crash_reason: told,
      reason: why,
      ...(hint === null ? {} : { hint }),
      ...(obstacle === null ? {} : { obstacle }),
    },
    [{ type: 'record' }],
  );
}
