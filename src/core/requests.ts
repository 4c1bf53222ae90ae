/** Operators' wishes: accepted with an operation, or refused with a code, in the same turn. */

import type { Fact } from './engine.js';
import type { Context, Event, Input, Refusal, Verb } from './messages.js';
import type { ReplicaKey } from './model.js';
import { begin, cancel, refusal } from './operation.js';
import { now, type Operation, type Replica, type Shutdown, type State } from './state.js';

export type Wish =
  | { readonly ok: false; readonly refusal: Refusal }
  | {
      readonly ok: true;
      readonly operationId: string;
      /** Null where an operation that runs already is joined. */
      readonly begun: Operation | null;
      readonly cancelled: readonly Operation[];
      readonly facts: readonly { readonly key: ReplicaKey; readonly fact: Fact }[];
      readonly events: readonly Event[];
      readonly shutdown: Shutdown | null;
    };

export function ask(
  state: State,
  { verb, poolId, replicaId, correlationId }: Extract<Input, { type: 'requested' }>,
  context: Context,
): Wish {
  const pool = state.pools.get(poolId);
  if (pool === undefined)
    return refuse({
      code: 'POOL_NOT_FOUND',
      message: `cannot ${verb} "${poolId}": there is no such pool`,
      hint: `pools: ${[...state.pools.keys()].join(', ') || 'none'}`,
    });
  const targets = replicaId === null ? pool.replicas : pool.replicas.filter(({ id }) => id === replicaId);
  if (targets.length === 0) {
    return refuse({
      code: 'REPLICA_NOT_FOUND',
      message: `cannot ${verb} "${poolId}/${replicaId}": there is no such replica`,
      hint: `replicas: ${pool.replicas.map(({ key }) => key).join(', ')}`,
    });
  }
  if (state.shutdown !== null)
    return refuse({
      code: 'SHUTTING_DOWN',
      message: `cannot ${verb} "${poolId}": the supervisor is shutting down`,
      retryAfterMs: 5_000,
    });
  const touching = running(state).filter(({ steps }) => steps.some(({ key }) => targets.some((target) => target.key === key)));
  const rival = verb === 'restart' ? touching.find(({ kind }) => kind === 'restart') : undefined;
  if (rival !== undefined) return refuse(refusal(rival, verb));
  const at = now(context);
  const begun = begin(
    { kind: verb, poolId, targets, correlationId },
    targets.some((target) => changes(verb, target)),
    context,
  );
  return {
    ok: true,
    operationId: begun.id,
    begun,
    cancelled: touching.filter(({ kind }) => overrides(verb, kind)).map((operation) => cancel(operation, verb, at)),
    facts: begun.steps
      .filter(({ state: stepState }) => stepState === 'running')
      .map(({ key }) => ({ key, fact: { type: verb } })),
    events: [],
    shutdown: null,
  };
}

/** The first wish stops every engine in order; a later one may take their grace away. */
export function shutDown(
  state: State,
  { because, kill, exit, correlationId }: Extract<Input, { type: 'shutdown-requested' }>,
  context: Context,
): Wish {
  const targets = [...state.pools.values()].flatMap(({ replicas }) => replicas);
  const facts = targets.map(({ key }) => ({ key, fact: { type: kill ? 'kill' : 'stop' } as const }));
  if (state.shutdown !== null) {
    const { operationId } = state.shutdown;
    return {
      ok: true,
      operationId,
      begun: null,
      cancelled: [],
      facts: kill ? facts : [],
      events: [],
      shutdown: kill ? { operationId, exit } : state.shutdown,
    };
  }
  const begun = begin({ kind: 'shutdown', poolId: null, targets, correlationId }, true, context);
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
    shutdown: { operationId: begun.id, exit },
  };
}

const refuse = (reason: Refusal): Wish => ({ ok: false, refusal: reason });

const running = ({ operations }: State): readonly Operation[] =>
  [...operations.values()].filter(({ state }) => state === 'running');

/** Stop always wins; a start or restart overrides a stop; a restart also takes over a start. */
function overrides(verb: Verb, kind: Operation['kind']): boolean {
  return verb === 'stop' ? kind === 'start' || kind === 'restart' : kind === 'stop';
}

/** False where the replica is already what is wanted, or on its way there. */
function changes(verb: Verb, { goal, life }: Replica): boolean {
  switch (verb) {
    case 'restart':
      return true;
    case 'stop':
      return goal === 'up' || (life.state !== 'stopped' && life.state !== 'stopping');
    case 'start':
      return goal === 'down' || life.state === 'stopped' || life.state === 'backoff' || life.state === 'failed';
  }
}
