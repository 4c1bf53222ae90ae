/** Operators' wishes: accepted with an operation, or refused with a code, in the same turn. */

import type { Refusal } from './answers.js';
import { openOnes } from './breakers.js';
import type { Fact } from './engine.js';
import { isLive, type StateName } from './life.js';
import type { Context, Input, Verb } from './messages.js';
import type { PoolSpec, ReplicaKey } from './model.js';
import { begin, cancel } from './operation.js';
import { beforeReload, failed } from './reload.js';
import type { Failure } from './reload-state.js';
import type { Replica } from './replica.js';
import { now, type Operation, type State } from './state.js';
import { inProgress, onItsWayOut, refuse, running, shuttingDown, unknownPool, unknownReplica, type Wish } from './wish.js';
import { span } from './words.js';

export function ask(state: State, wish: Extract<Input, { type: 'requested' }>, context: Context): Wish {
  const { verb, poolId, replicaId, correlationId } = wish;
  const pool = state.pools.get(poolId);
  if (pool === undefined) return refuse(unknownPool(verb, poolId, state));
  const targets = replicaId === null ? pool.replicas : pool.replicas.filter(({ id }) => id === replicaId);
  if (targets.length === 0) return refuse(unknownReplica(verb, pool, replicaId));
  if (state.shutdown !== null) return refuse(shuttingDown(verb, poolId));
  const touching = running(state).filter(({ steps }) => steps.some(({ key }) => targets.some((target) => target.key === key)));
  const rival = touching.find(({ kind }) => crosses(verb, kind));
  if (rival !== undefined) return refuse(inProgress(rival, verb, poolId));
  if (pool.retiring && wantsUp(verb)) return refuse(onItsWayOut(verb, poolId));
  if (verb === 'start' || verb === 'restart') {
    const broken = targets.flatMap(({ key, breakers }) =>
      openOnes(breakers).map(({ retryAt }) => ({ key, retryAt: retryAt.at })),
    );
    const moved = verb === 'restart' ? targets : targets.filter((target) => changes(verb, target));
    const held = moved.filter(({ key }) => broken.some((each) => each.key === key));
    // A restart would stop what serves, and then could not launch it.
    if (held.length > 0 && (verb === 'restart' || held.length === moved.length))
      return refuse(unavailable(poolId, verb, broken, context.now));
  }
  const facts = targets.flatMap((target) => factsFor(target, wish, pool.spec).map((fact) => ({ key: target.key, fact })));
  const joined =
    verb === 'drain' ? touching.find((operation) => operation.kind === 'drain' && covers(operation, targets)) : undefined;
  const drainMs = verb === 'restart' && wish.now !== true ? drainMsOf(wish, pool.spec) : null;
  const changed = targets.some((target) => changes(verb, target));
  const begun = joined ?? begin({ kind: verb, poolId, targets, drainMs, leases: state.leases, correlationId }, changed, context);
  const moved = new Set(begun.steps.filter((step) => step.state === 'running').map(({ key }) => key));
  return {
    ok: true,
    operationId: begun.id,
    begun: joined === undefined ? begun : null,
    cancelled: touching.filter(({ kind }) => overrides(verb, kind)).map((operation) => cancel(operation, verb, now(context))),
    facts: facts.filter(({ key }) => moved.has(key)),
    events: [],
    shutdown: null,
    ...(pool.reload === null
      ? {}
      : { reload: { poolId, reload: failed(pool.reload, cancelled(verb), new Set(targets.map(({ key }) => key))) } }),
  };
}

/** Only a stop and a drain come as far as this beside a reload, and it goes back. */
const cancelled = (verb: Verb): Failure => ({ reason: 'cancelled', key: null, text: verb });

/** Neither may come between the other's replicas. */
function crosses(verb: Verb, kind: Operation['kind']): boolean {
  return (verb === 'restart' && kind === 'restart') || (wantsUp(verb) && (kind === 'reload' || kind === 'apply'));
}

const wantsUp = (verb: Verb): boolean => verb === 'start' || verb === 'restart' || verb === 'reset';

type Asked = Extract<Input, { type: 'requested' }>;

function factsFor(target: Replica, wish: Asked, spec: PoolSpec): readonly Fact[] {
  const { verb, once = false, extend = false } = wish;
  switch (verb) {
    case 'drain':
      return [{ type: verb, deadlineMs: drainMsOf(wish, spec), extend }];
    case 'restart':
      return [{ type: verb, drainMs: wish.now === true ? null : drainMsOf(wish, spec) }];
    case 'start':
      // Whoever is drained in order to be restarted comes up by itself.
      return changes(verb, target) ? [{ type: verb }] : [];
    case 'reset':
      return [...(isDrainedForGood(target) ? [{ type: 'start' } as const] : []), { type: verb, once }];
    case 'stop':
      return [{ type: verb }];
  }
}

const drainMsOf = ({ deadlineMs }: Asked, { drain }: PoolSpec): number => deadlineMs ?? drain.deadlineMs;

const isDrainedForGood = ({ goal, life }: Replica): boolean => goal === 'down' && life.state === 'draining';

/** Whether it works on just these. */
function covers({ steps }: Operation, targets: readonly Replica[]): boolean {
  return steps.length === targets.length && targets.every(({ key }) => steps.some((step) => step.key === key));
}

/** The first wish ends every engine in order; a later one may take their time away. */
export function shutDown(
  state: State,
  { because, rung, deadlineMs = null, keep = false, exit, correlationId }: Extract<Input, { type: 'shutdown-requested' }>,
  context: Context,
): Wish {
  const replicas = [...state.pools.values()].flatMap((pool) => pool.replicas);
  // A rollback that ends a new engine wants it down only for a moment.
  const wanted = [...state.pools.values()].flatMap((pool) => pool.replicas.map((replica) => beforeReload(pool, replica)));
  const { adopt, shutdownDeadlineMs } = state.inventory.supervisor;
  if (keep && !adopt)
    return refuse({
      code: 'NOT_SUPPORTED',
      message: 'cannot keep the engines: supervisor.adopt is false, so the next supervisor would stop them',
      hint: 'poolctl down stops them now',
    });
  const targets = keep ? replicas.filter(diesWithUs) : replicas;
  const drain = { type: 'drain', deadlineMs: deadlineMs ?? shutdownDeadlineMs, extend: false } as const;
  const facts = targets.map(({ key }) => ({ key, fact: rung === 'drain' ? drain : ({ type: rung } as const) }));
  if (state.shutdown !== null) {
    const { operationId } = state.shutdown;
    return {
      ok: true,
      operationId,
      begun: null,
      cancelled: [],
      facts,
      events: [],
      shutdown: rung === 'kill' ? { ...state.shutdown, exit } : state.shutdown,
    };
  }
  const stopping = begin(
    { kind: 'shutdown', poolId: null, targets, about: replicas, leases: state.leases, correlationId },
    true,
    context,
  );
  const begun = keep ? { ...stopping, outcome: 'kept' } : stopping;
  return {
    ok: true,
    operationId: begun.id,
    begun,
    cancelled: running(state).map((operation) => cancel(operation, 'shutdown', now(context))),
    facts,
    events: [
      {
        event: 'supervisor.stopping',
        level: 'info',
        reason: because,
        ...(correlationId === null ? {} : { correlation_id: correlationId }),
      },
    ],
    shutdown: { operationId: begun.id, exit, keep, goals: new Map(wanted.map(({ key, goal }) => [key, goal])) },
  };
}

/** Where the supervisor's death is the engine's there is nothing to keep. */
function diesWithUs({ life }: Replica): boolean {
  return isLive(life) && life.engine.launch.spec.isolate.dieWithSupervisor;
}

type Held = { readonly key: ReplicaKey; readonly retryAt: number };

function unavailable(poolId: string, verb: Verb, broken: readonly Held[], at: number): Refusal {
  const retryAfterMs = Math.max(0, Math.min(...broken.map(({ retryAt }) => retryAt)) - at);
  return {
    code: 'POOL_UNAVAILABLE',
    message: `cannot ${verb} "${poolId}": the breaker of ${broken.map(({ key }) => key).join(', ')} is open for ${span(retryAfterMs)} more`,
    hint: `poolctl reset ${broken[0]?.key ?? poolId}`,
    retryAfterMs: Math.round(retryAfterMs),
  };
}

/** Stop always wins, and a drain over all but a stop; whoever wants it up overrides both. */
function overrides(verb: Verb, kind: Operation['kind']): boolean {
  const up = kind === 'start' || kind === 'restart' || kind === 'reset';
  if (verb === 'stop') return up || kind === 'drain';
  return verb === 'drain' ? up : kind === 'stop' || kind === 'drain';
}

/** False where the replica is already what is wanted, or on its way there. */
function changes(verb: Verb, { goal, life }: Replica): boolean {
  switch (verb) {
    case 'restart':
    case 'reset':
      return true;
    case 'drain':
      return goal === 'up' || (life.state !== 'stopped' && life.state !== 'draining' && life.state !== 'stopping');
    case 'stop':
      return goal === 'up' || (life.state !== 'stopped' && life.state !== 'stopping');
    case 'start':
      return goal === 'down' || startable.has(life.state);
  }
}

/** A broken one is not started either, but that is refused aloud. */
const startable: ReadonlySet<StateName> = new Set(['stopped', 'backoff', 'failed', 'broken']);
