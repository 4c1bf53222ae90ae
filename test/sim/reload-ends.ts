/** How far a reload, or the restart of an apply, says to be, whether it ends in time, and whether all is then as it is to be. */

import type { ReplicaKey } from '../../src/core/model.js';
import type { State } from '../../src/core/state.js';
import {
  type Bystanders,
  type Course,
  enter,
  gone,
  longest,
  named,
  resting,
  stepsOf,
  unlikeBefore,
  unswitched,
  type Was,
} from './course.js';
import { difference, isAlike } from './entries.js';
import { keysOf, poolOf } from './keys.js';
import type { Machine } from './machine.js';

/** By what its operation tells of its steps. What is wrong; null: nothing. */
export function followed(
  course: Course,
  { operations }: State,
  others: Bystanders,
  is: (key: ReplicaKey) => Was,
  now: number,
): string | null {
  const steps = operations.get(course.operationId ?? '')?.steps ?? [];
  const goesBack = keysOf(course.from).some((key) => stepsOf(key, steps).back !== null);
  if (course.isToGoBack && !goesBack && course.result === null)
    return `a drain of ${course.from.poolId} is given up, and its restart goes on`;
  for (const key of keysOf(course.from)) {
    const { turn, back } = stepsOf(key, steps);
    const rested = resting.has(course.was.get(key)?.state ?? '');
    // Of a restart nobody is told aloud that it goes back.
    if (back !== null && course.cause === 'apply' && course.phase === 'forward') enter(course, 'back', now);
    if (turn && !course.touched.has(key)) {
      course.touched.add(key);
      if (keysOf(course.to).includes(key) && rested) others.forgets(course.from.poolId);
    }
    if ((back !== 'done' && back !== 'failed') || course.returned.has(key) || course.result === 'cancelled') continue;
    course.returned.add(key);
    others.returned(key, !rested);
    const wrong = back === 'done' && others.goalOf(key) === 'up' ? unlikeBefore(key, course, is(key)) : null;
    if (wrong !== null) return wrong;
  }
  return null;
}

export function overdue(course: Course, quietSince: number, now: number): string | null {
  const { phase, since, from } = course;
  const lasted = now - Math.max(since, quietSince);
  if (phase === 'refused' && course.result === null)
    return `the model for ${from.poolId} was found wanting, and its reload goes on`;
  return lasted > longest(course) ? `the reload of ${from.poolId} goes ${phase} for ${Math.round(lasted)} ms` : null;
}

type Scene = {
  readonly machine: Machine;
  readonly stateOf: (key: ReplicaKey) => string;
  readonly others: Bystanders;
};

/** It has ended. What is wrong with that; null: nothing. */
export function misended(course: Course, { pools, operations }: State, { machine, stateOf, others }: Scene): string | null {
  const { from, to, result, phase, cancelled, cause } = course;
  others.ends(course);
  if (result === 'cancelled') return null;
  const what = `the ${cause === 'reload' ? 'reload' : 'restart'} of ${from.poolId} has ended as ${result}`;
  const present = pools.get(from.poolId)?.spec;
  const due = result === 'reloaded' ? to : from;
  if (present !== undefined && difference(present, due) !== 'none') return `${what}, and it shows ${named(present)}`;
  if (phase === 'refused' && result !== 'failed') return `${what}, and its model was found wanting`;
  if (phase !== 'refused' && result === 'failed') return `${what}, and its model is sound`;
  if (result === 'reloaded' && cancelled) return `${what}, and it was cancelled`;
  const lost = keysOf(from).filter((key) => gone.has(stateOf(key)));
  const steps = operations.get(course.operationId ?? '')?.steps ?? [];
  // One of a former entry that was being ended before is no part of it where its turn never came.
  const leaving = keysOf(from).filter((key) => {
    const { forth, back } = stepsOf(key, steps);
    return stateOf(key) === 'stopping' && forth !== 'done' && back === null;
  });
  for (const { key, launch, killed } of machine.processes.leaders())
    if (poolOf(key) === from.poolId && !isAlike(launch.spec, due) && !killed && ![...lost, ...leaving].includes(key))
      return `${what}, and ${key} has ${named(launch.spec)}`;
  const backs = keysOf(from).map((key) => stepsOf(key, steps).back);
  if (backs.some((back) => back !== null) && !course.toldBack && cause === 'reload')
    return `${what}, and nobody was told that it went back`;
  if (result === 'rollback_failed' && !backs.includes('failed')) return `${what}, and all are as before`;
  const isUp = (key: ReplicaKey): boolean => others.goalOf(key) === 'up';
  return result === 'reloaded' ? unswitched(course, isUp, machine.handoffs) : null;
}
