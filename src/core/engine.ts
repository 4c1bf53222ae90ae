/**
 * The life of an engine as one table: every state by every fact, every cell filled. `ignore` means that it was thought about.
 */

import { restAlone } from './alone.js';
import {
  type DrainWish,
  drain,
  drainingAdopted,
  drainingAlarmed,
  drainingIdle,
  drainingWoke,
  drainStarting,
  drainToRestart,
  drainToSwitch,
  restartStarting,
  switchStarting,
  undrain,
  undrainStarting,
} from './drain.js';
import {
  departed,
  endingExited,
  endingSwept,
  exitedUnasked,
  killNow,
  spawnFailed,
  stoppingWoke,
  strayed,
  stuckWoke,
  terminate,
} from './ending.js';
import type { Obstacle } from './facts.js';
import { adopted, check, checked, isRestart, type Means, preparingWoke, spawned, unspawned } from './launching.js';
import type { StateName } from './life.js';
import type { Input } from './messages.js';
import type { Instant, Result } from './model.js';
import { reset, revert, type StormTrip, tripped } from './override.js';
import { offloaded, type Sight, seen } from './placement.js';
import type { ReloadFact } from './reload.js';
import type { In, Replica } from './replica.js';
import { brokenWoke, hold, queue } from './rest.js';
import { servingGenerated, servingPolled, servingProbed, servingWoke, stopServing } from './serving.js';
import { alarmed, giveUpOn } from './sickness.js';
import { staging } from './staging.js';
import { startingAlarmed, startingWoke, startupProbed } from './startup.js';
import { type Scene, stay, type Turn } from './turn.js';

/** What can happen to a replica: an operator's wish, a fact of the host, its process, a probe, or time. */
export type Fact =
  | { readonly type: 'start' }
  | { readonly type: 'stop' }
  /** `drainMs`: how long it may be drained before; null: not at all. */
  | { readonly type: 'restart'; readonly drainMs: number | null }
  | { readonly type: 'kill' }
  | ({ readonly type: 'drain' } & DrainWish)
  | Extract<ReloadFact, { type: 'switch' | 'revert' }>
  | { readonly type: 'reset'; readonly once: boolean }
  | { readonly type: 'admitted'; readonly means: Result<Means, Obstacle> }
  /** A storm holds its restart back. */
  | { readonly type: 'held'; readonly until: Instant; readonly why: string }
  | ({ readonly type: 'tripped' } & StormTrip)
  /** A look at the devices tells something new of its engine. */
  | ({ readonly type: 'seen' } & Sight)
  /** It drains, nobody has a lease on it any more, and no request runs. */
  | { readonly type: 'idle' }
  | Extract<
      Input,
      {
        type:
          | 'checked'
          | 'staging'
          | 'spawned'
          | 'unspawned'
          | 'adopted'
          | 'died'
          | 'exited'
          | 'swept'
          | 'probed'
          | 'polled'
          | 'generated'
          | 'alarmed'
          | 'offloaded'
          | 'woke';
      }
    >;

type Of<T extends Fact['type']> = Extract<Fact, { type: T }>;
type Cell<S extends StateName, T extends Fact['type']> = 'ignore' | ((replica: In<S>, fact: Of<T>, scene: Scene) => Turn);
type Columns<T extends Fact['type']> = { readonly [S in StateName]: { readonly [F in T]: Cell<S, F> } };

const ignore = 'ignore';

const launch = (r: Replica, _: unknown, scene: Scene): Turn => queue(r, scene.asked, scene);
const cease = (r: Replica, _: unknown, scene: Scene): Turn => restAlone(r, scene);
const end = (r: In<'starting'> | In<'draining'>, _: unknown, scene: Scene): Turn =>
  terminate(r, r.life.engine, { kind: 'asked' }, scene);

/** A stop or restart before the process exists: a launch that is being made is met when it is there (`spawned` looks at the goal). */
const abandon = (r: In<'preparing'>, _: unknown, scene: Scene): Turn =>
  r.life.phase === 'spawning' ? stay(r) : restAlone(r, scene);

/** A launch that was obstructed is told as tried again: what it is for was told when it began. */
const retry = (r: In<'backoff'>, _: unknown, scene: Scene): Turn => {
  const { retry: next, cause } = r.life;
  return scene.now < next.at.at ? stay(r) : queue(r, cause, scene, r.obstructed > 0 && !isRestart(cause) ? 'preflight' : cause);
};

/** Wishes. The goal is set before the cell is asked. */
const wishes: Columns<'start' | 'stop' | 'restart' | 'drain' | 'kill' | 'reset'> = {
  //           start           stop               restart                  drain                 kill
  stopped: { start: launch, stop: ignore, restart: launch, drain: ignore, kill: ignore, reset },
  preparing: { start: ignore, stop: abandon, restart: ignore, drain: abandon, kill: abandon, reset },
  starting: { start: undrainStarting, stop: end, restart: restartStarting, drain: drainStarting, kill: end, reset },
  ready: { start: ignore, stop: stopServing, restart: drainToRestart, drain, kill: stopServing, reset },
  unhealthy: { start: ignore, stop: stopServing, restart: drainToRestart, drain, kill: stopServing, reset },
  draining: { start: undrain, stop: end, restart: drainToRestart, drain, kill: end, reset },
  stopping: { start: ignore, stop: ignore, restart: ignore, drain: ignore, kill: killNow, reset },
  backoff: { start: launch, stop: cease, restart: launch, drain: cease, kill: cease, reset },
  // What a breaker holds back, only its time or a reset lets go.
  broken: { start: ignore, stop: cease, restart: ignore, drain: cease, kill: cease, reset },
  failed: { start: launch, stop: cease, restart: launch, drain: cease, kill: cease, reset },
  stuck: { start: ignore, stop: ignore, restart: ignore, drain: ignore, kill: ignore, reset },
};

/** The gate, the storms, and reloads. */
const policy: Columns<'admitted' | 'held' | 'tripped' | 'switch' | 'revert'> = {
  stopped: { admitted: ignore, held: ignore, tripped, switch: ignore, revert },
  preparing: { admitted: check, held: hold, tripped, switch: ignore, revert: ignore },
  starting: { admitted: ignore, held: ignore, tripped, switch: switchStarting, revert: ignore },
  ready: { admitted: ignore, held: ignore, tripped, switch: drainToSwitch, revert: ignore },
  unhealthy: { admitted: ignore, held: ignore, tripped, switch: drainToSwitch, revert: ignore },
  draining: { admitted: ignore, held: ignore, tripped, switch: drainToSwitch, revert: ignore },
  stopping: { admitted: ignore, held: ignore, tripped, switch: ignore, revert: ignore },
  backoff: { admitted: ignore, held: ignore, tripped, switch: ignore, revert: ignore },
  broken: { admitted: ignore, held: ignore, tripped, switch: ignore, revert: ignore },
  failed: { admitted: ignore, held: ignore, tripped, switch: ignore, revert: ignore },
  stuck: { admitted: ignore, held: ignore, tripped, switch: ignore, revert: ignore },
};

/** The host, and a process that is made or met. */
const making: Columns<'checked' | 'staging' | 'spawned' | 'unspawned' | 'adopted'> = {
  stopped: { checked: ignore, staging: ignore, spawned: ignore, unspawned: ignore, adopted: ignore },
  preparing: { checked, staging, spawned, unspawned, adopted: ignore },
  starting: { checked: ignore, staging: ignore, spawned: ignore, unspawned: ignore, adopted },
  ready: { checked: ignore, staging: ignore, spawned: ignore, unspawned: ignore, adopted: ignore },
  unhealthy: { checked: ignore, staging: ignore, spawned: ignore, unspawned: ignore, adopted: ignore },
  draining: { checked: ignore, staging: ignore, spawned: ignore, unspawned: ignore, adopted: drainingAdopted },
  stopping: { checked: ignore, staging: ignore, spawned: ignore, unspawned: ignore, adopted: ignore },
  backoff: { checked: ignore, staging: ignore, spawned: ignore, unspawned: ignore, adopted: ignore },
  broken: { checked: ignore, staging: ignore, spawned: ignore, unspawned: ignore, adopted: ignore },
  failed: { checked: ignore, staging: ignore, spawned: ignore, unspawned: ignore, adopted: ignore },
  stuck: { checked: ignore, staging: ignore, spawned: ignore, unspawned: ignore, adopted: ignore },
};

/** A process that ends, and who is left of it. */
const process: Columns<'died' | 'exited' | 'swept'> = {
  stopped: { died: ignore, exited: ignore, swept: strayed },
  preparing: { died: ignore, exited: spawnFailed, swept: strayed },
  starting: { died: departed, exited: exitedUnasked, swept: ignore },
  ready: { died: departed, exited: exitedUnasked, swept: ignore },
  unhealthy: { died: departed, exited: exitedUnasked, swept: ignore },
  draining: { died: departed, exited: exitedUnasked, swept: ignore },
  stopping: { died: ignore, exited: endingExited, swept: endingSwept },
  backoff: { died: ignore, exited: ignore, swept: strayed },
  broken: { died: ignore, exited: ignore, swept: strayed },
  failed: { died: ignore, exited: ignore, swept: strayed },
  stuck: { died: ignore, exited: endingExited, swept: endingSwept },
};

/** What it answers when it is asked. */
const answers: Columns<'probed' | 'polled' | 'generated'> = {
  stopped: { probed: ignore, polled: ignore, generated: ignore },
  preparing: { probed: ignore, polled: ignore, generated: ignore },
  starting: { probed: startupProbed, polled: ignore, generated: ignore },
  ready: { probed: servingProbed, polled: servingPolled, generated: servingGenerated },
  unhealthy: { probed: servingProbed, polled: servingPolled, generated: servingGenerated },
  // No token is asked for any more; what one tells that was asked for before is of no use.
  draining: { probed: servingProbed, polled: servingPolled, generated: ignore },
  stopping: { probed: ignore, polled: ignore, generated: ignore },
  backoff: { probed: ignore, polled: ignore, generated: ignore },
  broken: { probed: ignore, polled: ignore, generated: ignore },
  failed: { probed: ignore, polled: ignore, generated: ignore },
  stuck: { probed: ignore, polled: ignore, generated: ignore },
};

/** Its log, its devices, its clients, and time. */
const signs: Columns<'alarmed' | 'offloaded' | 'seen' | 'idle' | 'woke'> = {
  stopped: { alarmed: ignore, offloaded: ignore, seen: ignore, idle: ignore, woke: ignore },
  preparing: { alarmed: ignore, offloaded: ignore, seen: ignore, idle: ignore, woke: preparingWoke },
  starting: { alarmed: startingAlarmed, offloaded, seen, idle: ignore, woke: startingWoke },
  ready: { alarmed, offloaded, seen, idle: ignore, woke: servingWoke },
  unhealthy: { alarmed, offloaded, seen, idle: giveUpOn, woke: servingWoke },
  draining: { alarmed: drainingAlarmed, offloaded, seen, idle: drainingIdle, woke: drainingWoke },
  stopping: { alarmed: ignore, offloaded: ignore, seen: ignore, idle: ignore, woke: stoppingWoke },
  backoff: { alarmed: ignore, offloaded: ignore, seen: ignore, idle: ignore, woke: retry },
  broken: { alarmed: ignore, offloaded: ignore, seen: ignore, idle: ignore, woke: brokenWoke },
  failed: { alarmed: ignore, offloaded: ignore, seen: ignore, idle: ignore, woke: ignore },
  stuck: { alarmed: ignore, offloaded: ignore, seen: ignore, idle: ignore, woke: stuckWoke },
};

/** All blocks together: a fact without a column of its own does not compile. */
type Row = Readonly<
  Record<
    | keyof (typeof wishes)['stopped']
    | keyof (typeof policy)['stopped']
    | keyof (typeof making)['stopped']
    | keyof (typeof process)['stopped']
    | keyof (typeof answers)['stopped']
    | keyof (typeof signs)['stopped'],
    Cell<StateName, Fact['type']>
  >
>;

/** The union of cells is wider than any one of them; the blocks' types have already paired each state and fact with its own cell. */
const rows = Object.fromEntries(
  Object.keys(wishes).map((state) => [
    state,
    [wishes, policy, making, process, answers, signs].reduce((row, block) => Object.assign(row, block[state as StateName]), {}),
  ]),
) as Record<StateName, Row>;

/** Old news is dropped: what a dead engine's exit or probe says must not touch its successor. */
const isStale = (replica: Replica, fact: Fact): boolean => 'incarnation' in fact && fact.incarnation !== replica.incarnation;

/** One turn of one replica. Pure; the only place that asks the table. */
export function turn(before: Replica, fact: Fact, scene: Scene): Turn {
  if (isStale(before, fact)) return stay(before);
  const replica = withGoal(before, fact);
  const cell = rows[replica.life.state][fact.type];
  return cell === 'ignore' ? stay(replica) : (cell as (r: Replica, f: Fact, s: Scene) => Turn)(replica, fact, scene);
}

function withGoal(replica: Replica, { type }: Fact): Replica {
  const goal =
    type === 'start' || type === 'restart' || type === 'reset' || type === 'switch'
      ? 'up'
      : type === 'stop' || type === 'kill' || type === 'drain'
        ? 'down'
        : replica.goal;
  return goal === replica.goal ? replica : { ...replica, goal };
}
