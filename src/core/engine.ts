/**
 * The life of an engine as one table: every state by every fact, every cell filled. `ignore` means that it was thought about.
 */

import { endingExited, endingSwept, exitedUnasked, killNow, spawnFailed, stoppingWoke, stuckWoke, terminate } from './ending.js';
import { check, checked, type Means, preparingWoke, spawned, startingWoke, startupProbed } from './launching.js';
import type { Input } from './messages.js';
import type { Result } from './model.js';
import { queue, rest } from './rest.js';
import { servingPolled, servingProbed, servingWoke, stopServing } from './serving.js';
import type { In, Replica, StateName } from './state.js';
import { type Scene, stay, type Turn } from './turn.js';

/** What can happen to a replica: an operator's wish, a fact of the host, its process, a probe, or time. */
export type Fact =
  | { readonly type: 'start' }
  | { readonly type: 'stop' }
  | { readonly type: 'restart' }
  | { readonly type: 'kill' }
  | { readonly type: 'admitted'; readonly means: Result<Means, string> }
  | Extract<Input, { type: 'checked' | 'spawned' | 'exited' | 'swept' | 'probed' | 'polled' | 'woke' }>;

type Of<T extends Fact['type']> = Extract<Fact, { type: T }>;
type Cell<S extends StateName, T extends Fact['type']> = 'ignore' | ((replica: In<S>, fact: Of<T>, scene: Scene) => Turn);
type Columns<T extends Fact['type']> = { readonly [S in StateName]: { readonly [F in T]: Cell<S, F> } };

const ignore = 'ignore';

const launch = (r: Replica, _: unknown, scene: Scene): Turn => queue(r, 'operator', scene);
const cease = (r: Replica, _: unknown, scene: Scene): Turn => rest(r, scene);
const end = (r: In<'starting'>, _: unknown, scene: Scene): Turn => terminate(r, r.life.engine, { kind: 'asked' }, scene);

/** A stop or restart before the process exists: a launch that is being made is met when it is there (`spawned` looks at the goal). */
const abandon = (r: In<'preparing'>, _: unknown, scene: Scene): Turn => (r.life.phase === 'spawning' ? stay(r) : rest(r, scene));
const retry = (r: In<'backoff'>, _: unknown, scene: Scene): Turn =>
  scene.now < r.life.retry.at.at ? stay(r) : queue(r, r.life.cause, scene);

/** Wishes. The goal is set before the cell is asked. */
const wishes: Columns<'start' | 'stop' | 'restart' | 'kill'> = {
  //           start          stop                restart              kill
  stopped: { start: launch, stop: ignore, restart: launch, kill: ignore },
  preparing: { start: ignore, stop: abandon, restart: ignore, kill: abandon },
  starting: { start: ignore, stop: end, restart: end, kill: end },
  ready: { start: ignore, stop: stopServing, restart: stopServing, kill: stopServing },
  unhealthy: { start: ignore, stop: stopServing, restart: stopServing, kill: stopServing },
  stopping: { start: ignore, stop: ignore, restart: ignore, kill: killNow },
  backoff: { start: launch, stop: cease, restart: launch, kill: cease },
  failed: { start: launch, stop: cease, restart: launch, kill: cease },
  stuck: { start: ignore, stop: ignore, restart: ignore, kill: ignore },
};

/** The host and the process. */
const process: Columns<'admitted' | 'checked' | 'spawned' | 'exited' | 'swept'> = {
  stopped: { admitted: ignore, checked: ignore, spawned: ignore, exited: ignore, swept: ignore },
  preparing: { admitted: check, checked, spawned, exited: spawnFailed, swept: ignore },
  starting: { admitted: ignore, checked: ignore, spawned: ignore, exited: exitedUnasked, swept: ignore },
  ready: { admitted: ignore, checked: ignore, spawned: ignore, exited: exitedUnasked, swept: ignore },
  unhealthy: { admitted: ignore, checked: ignore, spawned: ignore, exited: exitedUnasked, swept: ignore },
  stopping: { admitted: ignore, checked: ignore, spawned: ignore, exited: endingExited, swept: endingSwept },
  backoff: { admitted: ignore, checked: ignore, spawned: ignore, exited: ignore, swept: ignore },
  failed: { admitted: ignore, checked: ignore, spawned: ignore, exited: ignore, swept: ignore },
  stuck: { admitted: ignore, checked: ignore, spawned: ignore, exited: endingExited, swept: endingSwept },
};

/** Probes and time. */
const watch: Columns<'probed' | 'polled' | 'woke'> = {
  stopped: { probed: ignore, polled: ignore, woke: ignore },
  preparing: { probed: ignore, polled: ignore, woke: preparingWoke },
  starting: { probed: startupProbed, polled: ignore, woke: startingWoke },
  ready: { probed: servingProbed, polled: servingPolled, woke: servingWoke },
  unhealthy: { probed: servingProbed, polled: servingPolled, woke: servingWoke },
  stopping: { probed: ignore, polled: ignore, woke: stoppingWoke },
  backoff: { probed: ignore, polled: ignore, woke: retry },
  failed: { probed: ignore, polled: ignore, woke: ignore },
  stuck: { probed: ignore, polled: ignore, woke: stuckWoke },
};

/** Old news is dropped: what a dead engine's exit or probe says must not touch its successor. */
const isStale = (replica: Replica, fact: Fact): boolean => 'incarnation' in fact && fact.incarnation !== replica.incarnation;

/** One turn of one replica. Pure; the only place that asks the table. */
export function turn(before: Replica, fact: Fact, scene: Scene): Turn {
  if (isStale(before, fact)) return stay(before);
  const replica = withGoal(before, fact);
  const row = { ...wishes[replica.life.state], ...process[replica.life.state], ...watch[replica.life.state] };
  // The union of cells is wider than any one of them; the table's type has already paired each state and fact with its own cell.
  const cell = row[fact.type] as Cell<StateName, Fact['type']>;
  return cell === 'ignore' ? stay(replica) : (cell as (r: Replica, f: Fact, s: Scene) => Turn)(replica, fact, scene);
}

function withGoal(replica: Replica, { type }: Fact): Replica {
  const goal = type === 'start' || type === 'restart' ? 'up' : type === 'stop' || type === 'kill' ? 'down' : replica.goal;
  return goal === replica.goal ? replica : { ...replica, goal };
}
