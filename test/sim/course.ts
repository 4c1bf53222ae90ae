/** One reload, as it looks from outside: what each replica was before its turn came, and what has become of it. */

import type { Event } from '../../src/core/events.js';
import type { MaskRef, PoolSpec, ReplicaKey } from '../../src/core/model.js';
import type { OperationStep } from '../../src/core/state.js';
import { isAlike } from './entries.js';
import { keysOf } from './keys.js';
import type { Handoff } from './machine.js';
import type { Above } from './models-book.js';
import type { Process } from './processes.js';

/** What a replica was told to be, and what its handoff file said, before its turn came. */
export type Was = { readonly state: string; readonly handoff: Handoff | null };

export type Course = {
  /** Null: it is not told yet. */
  operationId: string | null;
  /** Another model, or another entry of the file. */
  readonly cause: 'reload' | 'apply';
  readonly from: PoolSpec;
  to: PoolSpec;
  readonly drainMs: number;
  /** One after another. */
  readonly rolling: boolean;
  /** `asked`: nothing is to be touched yet, and never is where its model was found wanting (`refused`). */
  phase: 'asked' | 'refused' | 'forward' | 'back';
  /** Since when it is that. */
  since: number;
  readonly was: Map<ReplicaKey, Was>;
  /** Those whose turn has come, and those that are back again. */
  readonly touched: Set<ReplicaKey>;
  readonly returned: Set<ReplicaKey>;
  /** Served, and were taken out for it; since when. */
  readonly out: Map<ReplicaKey, number>;
  /** Somebody wants these down meanwhile. */
  readonly downs: Set<ReplicaKey>;
  /** A drain or a stop came between. */
  cancelled: boolean;
  /** Engines that it drained were let go. */
  isToGoBack: boolean;
  /** Everybody was told that it goes back. */
  toldBack: boolean;
  result: string | null;
  /** `apply`: what stands above the file once it is done. */
  readonly above: Above | null;
};

/** Who are told of it, and bear with it. */
export type Bystanders = {
  /** Its replicas are moved from now on. */
  readonly begins: (course: Course) => void;
  /** Its turn has not come yet. */
  readonly waits: (key: ReplicaKey) => void;
  /** One that did not run is launched as after a reset: its pool's storm is forgotten. */
  readonly forgets: (poolId: string) => void;
  /** This one is as it was before. */
  readonly returned: (key: ReplicaKey, ran: boolean) => void;
  readonly ends: (course: Course) => void;
  /** Of an apply, whose end comes later: the restart of this pool. */
  readonly ended: (poolId: string, result: string) => void;
  readonly goalOf: (key: ReplicaKey) => 'up' | 'down';
};

const minute = 60_000;
/** A drain that somebody else has ordered is waited for. */
const othersMs = 5 * 60 * minute;

/** How long its present phase may last; a model is looked at for as long as that takes. */
export function longest({ phase, drainMs, from }: Course): number {
  if (phase === 'asked' || phase === 'refused') return Number.POSITIVE_INFINITY;
  const replicas = keysOf(from).length;
  const each = 2 * drainMs + from.stop.graceMs + 40 * minute;
  return replicas * each + othersMs + (phase === 'back' ? 120 * minute : 0);
}

/** Which models its pool may be launched with now. */
export function allowed({ phase, from, to }: Course): readonly PoolSpec[] {
  return phase === 'forward' ? [from, to] : [from];
}

/** How far its operation says to be with a replica. */
export function stepsOf(
  key: ReplicaKey,
  steps: readonly OperationStep[],
): { turn: boolean; forth: OperationStep['state'] | null; back: OperationStep['state'] | null } {
  const [forth, back] = steps.filter((step) => step.key === key);
  return { turn: forth !== undefined && forth.state !== 'pending', forth: forth?.state ?? null, back: back?.state ?? null };
}

export const resting: ReadonlySet<string> = new Set(['stopped', 'backoff', 'broken', 'failed']);

export const gone: ReadonlySet<string> = new Set(['failed', 'broken', 'stuck']);

/** Who has waited so long for what it needs is given up, and the others go on. */
const givenUpMs = 600_000;

export function enter(course: Course, phase: Course['phase'], now: number): void {
  course.phase = phase;
  course.since = now;
}

/** A replica is told to be something else. What is wrong with that; null: nothing. `asked`: by whoever is being answered. */
export function taken(course: Course, key: ReplicaKey, { to = '', because }: Event, asked: boolean, now: number): string | null {
  const { out, downs, rolling, was } = course;
  // One that was just being ended may have come to rest in the step in which its turn came: it is given that back.
  const rested = downs.has(key) || because === 'rollback' || resting.has(was.get(key)?.state ?? '');
  const rests = resting.has(to) && rested;
  const leaves = !keysOf(course.to).includes(key) && resting.has(to);
  if (to === 'ready' || to === 'unhealthy' || gone.has(to) || rests || leaves) out.delete(key);
  else if (to === 'draining' && !asked) out.set(key, now);
  const away = [...out].filter(([, since]) => now - since < givenUpMs).map(([each]) => each);
  return rolling && away.length > 1 ? `a rolling reload takes ${away.join(' and ')} at once` : null;
}

/** What is wrong with a replica that is said to be as before; null: nothing. */
export function unlikeBefore(key: ReplicaKey, course: Course, is: Was): string | null {
  const was = course.was.get(key);
  if (was === undefined || course.downs.has(key)) return null;
  // Who was just being made or ended has come to something else before its turn.
  if (was.state === 'stopping' || was.state === 'preparing') return null;
  if (resting.has(was.state))
    return was.state === is.state ? null : `${key} was ${was.state} before its reload, and is ${is.state} after it`;
  const { handoff } = is;
  if (handoff === null)
    return is.state === 'unhealthy' ? null : `${key} is said to be as before, and is ${is.state} where it was ${was.state}`;
  if (!isAlike(handoff.launch.spec, course.from)) return `${key} is said to be as before, and has ${named(handoff.launch.spec)}`;
  return was.handoff === null ? null : moved(key, was.handoff.launch.port, was.handoff.launch.mask, handoff);
}

/** Ports stay, and masks are those of the entry. `port` null: it had none. */
function moved(key: ReplicaKey, port: number | null, mask: MaskRef, { launch }: Handoff): string | null {
  if (port !== null && port !== launch.port) return `${key} had port ${port}, and has ${launch.port}`;
  return mask.written === launch.mask.written ? null : `${key} is to be on ${mask.written}, and is on ${launch.mask.written}`;
}

/** A new engine that is ready before it has been healthy for as long as it has to be. */
export function hasty({ phase, to }: Course, { key, launch, bornAt, loadedAt }: Process, now: number): string | null {
  if (phase !== 'forward' || !isAlike(launch.spec, to)) return null;
  const since = launch.spec.health.path === 'none' ? bornAt : (loadedAt ?? 0);
  const earlyMs = to.reload.minHealthyMs - (now - since);
  return earlyMs > 1 ? `${key} is ready ${Math.round(earlyMs)} ms before it has been healthy for long enough` : null;
}

/** Who has not changed, though all have; null: nobody. */
export function unswitched(
  { from, to, was, cause }: Course,
  isUp: (key: ReplicaKey) => boolean,
  handoffs: ReadonlyMap<ReplicaKey, Handoff>,
): string | null {
  const what = cause === 'reload' ? 'reloaded' : 'restarted';
  for (const [index, key] of keysOf(from).entries()) {
    const handoff = handoffs.get(key);
    const mask = to.masks[index];
    if (mask === undefined) {
      if (handoff !== undefined) return `${from.poolId} is ${what}, and ${key} is ready, which has no mask any more`;
      continue;
    }
    if (!isUp(key)) continue;
    if (handoff === undefined) return `${from.poolId} is ${what}, and ${key} is not ready`;
    if (!isAlike(handoff.launch.spec, to)) return `${from.poolId} is ${what}, and ${key} has ${named(handoff.launch.spec)}`;
    const before = was.get(key)?.handoff ?? null;
    const wrong = moved(key, before?.launch.port ?? null, mask, handoff);
    if (wrong !== null) return wrong;
  }
  return null;
}

/** An entry, as a trace shows it. */
export const named = ({ model, env, args, masks }: PoolSpec): string =>
  [model, ...Object.values(env).map((each) => ('value' in each ? each.value : '')), ...args, masks.map(({ written }) => written)]
    .filter((each) => each !== null)
    .join(' ');
