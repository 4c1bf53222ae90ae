/** Reloads in a step: asked for, verified, carried on move by move, committed or given up, and told. */

import type { Refusal } from './answers.js';
import type { Event } from './events.js';
import { unfit } from './fit.js';
import type { Context, Input, Verified } from './messages.js';
import type { PoolSpec, ReplicaKey } from './model.js';
import { overrideOf, withModel } from './model-choice.js';
import { begin } from './operation.js';
import { shownReference } from './reference.js';
import { endOf, failed, planReload, type ReloadEnd } from './reload.js';
import { advance } from './reload-moves.js';
import {
  type Failure,
  now,
  type Operation,
  type OperationStep,
  type Place,
  type Pool,
  type Reload,
  type State,
} from './state.js';
import { inProgress, refuse, running, shuttingDown, unknownPool, type Wish } from './wish.js';
import { span } from './words.js';
import type { Work } from './work.js';

type Wanted = Extract<Input, { type: 'reload-requested' }>;

export function askReload(state: State, wish: Wanted, context: Context): Wish {
  const { poolId, chosen, correlationId } = wish;
  const pool = state.pools.get(poolId);
  const refusal = refusalOf(state, pool, poolId);
  if (pool === undefined || refusal !== null) return refuse(refusal ?? unknownPool('reload', poolId, state));
  const same = pool.spec.model === chosen.model && pool.spec.modelDigest === chosen.modelDigest;
  const { replicas: targets } = pool;
  const begun = begin(
    { kind: 'reload', poolId, targets: same ? [] : targets, leases: state.leases, correlationId },
    !same,
    context,
  );
  const accepted = { ok: true, operationId: begun.id, cancelled: [], facts: [], events: [], shutdown: null } as const;
  if (same) return { ...accepted, begun: { ...begun, outcome: 'unchanged' } };
  const to = withModel(pool.spec, chosen);
  const reload = planReload(pool, { operationId: begun.id, to, drainMs: wish.drainMs ?? pool.spec.drain.deadlineMs });
  return {
    ...accepted,
    begun: { ...begun, steps: stepsOf(reload, pool.spec, begun.steps) },
    reload: { poolId, reload },
    effects: [{ type: 'verify', operationId: begun.id, spec: to }],
  };
}

function refusalOf(state: State, pool: Pool | undefined, poolId: string): Refusal | null {
  if (pool === undefined) return unknownPool('reload', poolId, state);
  if (state.shutdown !== null) return shuttingDown('reload', poolId);
  if (pool.spec.model === null) {
    const message = `cannot reload "${poolId}": it has no model`;
    return { code: 'NOT_SUPPORTED', message, hint: 'give the pool a "model" in pools.yaml' };
  }
  const rival = running(state).find(({ kind, poolId: of }) => of === poolId && (kind === 'reload' || kind === 'restart'));
  return rival === undefined ? null : inProgress(rival, 'reload');
}

/** The new model was looked at: now replicas may be touched, or the reload is over. */
export function verify(work: Work, operationId: string, found: Verified): void {
  const pool = poolOf(work, operationId);
  if (pool?.reload == null) return;
  const { reload } = pool;
  const [obstacle] = found.obstacles;
  const inTheWay = obstacle ?? unfit(pool, found, work.state);
  const named = found.name === null ? reload.to : withModel(reload.to, { ...reload.to, modelId: found.name });
  const failure: Failure | null = inTheWay === null ? null : { reason: 'model', key: null, text: inTheWay.text };
  work.putPool({ ...pool, reload: failure === null ? { ...reload, to: named, verified: true } : failed(reload, failure) });
  if (failure === null)
    work.events.push(
      told(pool, named, 'reload.started', {
        ...causeOf(work, operationId),
        strategy: reload.strategy,
        replicas: pool.replicas.map(({ id }) => id),
        ...(found.about === null ? {} : { detail: found.about }),
      }),
    );
}

/** What a request's events have in common. */
function causeOf({ state }: Work, operationId: string): Partial<Event> {
  const correlationId = state.operations.get(operationId)?.correlationId ?? null;
  return { operation_id: operationId, ...(correlationId === null ? {} : { correlation_id: correlationId }) };
}

/** One move after another, until something has to happen first. */
export function followReloads(work: Work): void {
  for (const poolId of work.state.pools.keys()) {
    for (let moved = carryOn(work, poolId); moved; moved = carryOn(work, poolId));
    const pool = work.state.pools.get(poolId);
    if (pool?.reload == null) continue;
    const end = endOf(pool.reload);
    if (end === null) show(work, pool, pool.reload);
    else finish(work, pool, pool.reload, end);
  }
}

function carryOn(work: Work, poolId: string): boolean {
  const pool = work.state.pools.get(poolId);
  const move = pool === undefined ? null : advance(pool, work.context.now);
  if (pool === undefined || move === null) return false;
  const { reload, replica, fact } = move;
  const before = pool.reload?.places ?? [];
  const key = reload.places.find((place, index) => place !== before[index])?.key;
  work.putPool({ ...pool, reload, replicas: replica === null ? pool.replicas : pool.replicas.with(replica.index, replica) });
  if (reload.failure !== null && pool.reload?.failure === null && reload.places.some(isTouched))
    work.events.push(
      told(pool, reload.to, 'reload.rolled_back', {
        ...causeOf(work, reload.operationId),
        level: 'warn',
        because: reload.failure.reason,
        reason: reasonOf(reload.failure),
      }),
    );
  if (fact !== null && key !== undefined) work.turn(key, fact);
  // What the next supervisor must not take for the pool's own is on disk before it is launched.
  work.effects.push({ type: 'record' });
  return true;
}

const isTouched = ({ stage }: Place): boolean => stage !== 'waiting' && stage !== 'returned';

/** The operation's steps, as far as they have come. */
function show(work: Work, { spec }: Pool, reload: Reload): void {
  const operation = work.state.operations.get(reload.operationId);
  if (operation === undefined) return;
  const steps = stepsOf(reload, spec, operation.steps);
  if (steps.some((step, index) => !isSame(step, operation.steps[index]))) work.put({ ...operation, steps }, null);
}

const isSame = (a: OperationStep, b: OperationStep | undefined): boolean =>
  b !== undefined && a.state === b.state && a.what === b.what && a.detail === b.detail;

/** The registry write that follows is the commit: killed before it, the next supervisor has the old model; after it, the new one. */
function finish(work: Work, pool: Pool, reload: Reload, end: ReloadEnd): void {
  const at = now(work.context);
  const committed = end === 'reloaded';
  const { to, failure } = reload;
  const file = work.state.inventory.pools.find(({ poolId }) => poolId === pool.spec.poolId);
  const override = committed && file !== undefined ? overrideOf(file, to, at) : pool.override;
  work.putPool({ ...pool, spec: committed ? to : pool.spec, override, reload: null });
  work.effects.push({ type: 'record' });
  const operation = work.state.operations.get(reload.operationId);
  if (operation === undefined) return;
  const steps = stepsOf(reload, pool.spec, operation.steps);
  const durationMs = Math.round(at.at - operation.startedAt.at);
  const ended: Operation = {
    ...operation,
    steps,
    state: committed ? 'succeeded' : 'failed',
    outcome: end,
    finishedAt: at,
    error: errorOf(pool, reload, end, durationMs),
  };
  work.events.push(
    told(pool, to, 'reload.finished', {
      ...causeOf(work, operation.id),
      level: committed ? 'info' : end === 'rollback_failed' ? 'error' : 'warn',
      result: end,
      duration_ms: durationMs,
      ...(failure === null ? {} : { reason: reasonOf(failure), because: failure.reason }),
    }),
  );
  work.put(ended, 'finished');
}

function errorOf(pool: Pool, { failure, to }: Reload, end: ReloadEnd, durationMs: number): Operation['error'] {
  const { poolId, modelId } = pool.spec;
  if (failure === null) return null;
  const cannot = `cannot reload ${poolId}`;
  const who = failure.key === null ? 'it' : failure.key.slice(failure.key.indexOf('/') + 1);
  const status = `poolctl status ${poolId}`;
  switch (end) {
    case 'failed': {
      const model = shownReference(to.model ?? '');
      const why = failure.text.replace(`cannot use the model "${to.model}": `, '');
      return { code: 'MODEL_UNAVAILABLE', message: `${cannot}: the model "${model}" cannot be used; nothing was touched`, why };
    }
    case 'drain_timeout':
      return {
        code: 'DRAIN_TIMEOUT',
        message: `${cannot}: the drain of ${who} was not over in time; it serves ${modelId} as before`,
        hint: `poolctl lease list ${poolId}`,
      };
    case 'rollback_failed':
      return {
        code: 'RELOAD_FAILED',
        message: `${cannot}: ${undone(failure, who)}, and not even the old one came back`,
        why: failure.text,
        hint: status,
      };
    default: {
      const message = `${cannot}: ${undone(failure, who)}; rolled back in ${span(durationMs)}`;
      if (failure.reason === 'cancelled') return { code: 'RELOAD_FAILED', message, hint: status };
      // What was never made has written nothing.
      const look = failure.key === null || failure.reason === 'spawn' ? status : `poolctl logs ${failure.key} --previous`;
      return {
        code: 'RELOAD_FAILED',
        message,
        why: failure.text,
        hint: `${look}; all replicas serve ${modelId} as before`,
      };
    }
  }
}

/** What went wrong, of whom. */
function undone({ reason, text }: Failure, who: string): string {
  if (reason === 'cancelled') return `it was cancelled by a ${text}`;
  return reason === 'drain_timeout' ? `the drain of ${who} was not over in time` : `${who} did not start the new model`;
}

const reasonOf = ({ reason, text }: Failure): string => (reason === 'cancelled' ? `cancelled by a ${text}` : text);

const shown: Readonly<
  Record<Place['stage'], { readonly state: OperationStep['state']; readonly detail: string | null; readonly back: boolean }>
> = {
  waiting: { state: 'pending', detail: null, back: false },
  draining: { state: 'running', detail: 'drains', back: false },
  launching: { state: 'running', detail: 'starts the new model', back: false },
  switched: { state: 'done', detail: null, back: false },
  emptying: { state: 'running', detail: 'ends the new engine', back: true },
  returning: { state: 'running', detail: 'starts the old model again', back: true },
  returned: { state: 'done', detail: 'as before', back: true },
  lost: { state: 'failed', detail: 'the old model does not come back', back: true },
};

/** One a replica forward, and one more for each that goes back. */
function stepsOf({ places, failure, to }: Reload, spec: PoolSpec, before: readonly OperationStep[]): readonly OperationStep[] {
  const step = (key: ReplicaKey, what: string, state: OperationStep['state'], detail: string | null): OperationStep => {
    const same = before.find((each) => each.key === key && each.what === what);
    return { key, what, after: 0, forced: same?.forced ?? false, state, detail };
  };
  const forward = places.map(({ key, stage }) => {
    const what = `switch to ${to.modelId}`;
    const { state, detail, back } = shown[stage];
    if (!back)
      return step(
        key,
        what,
        failure !== null && state !== 'done' ? 'failed' : state,
        failure?.key === key ? failure.text : detail,
      );
    const earlier = before.find((each) => each.key === key && each.what === what);
    return step(
      key,
      what,
      earlier?.state === 'done' ? 'done' : 'failed',
      failure?.key === key ? failure.text : (earlier?.detail ?? null),
    );
  });
  const backward = places
    .toReversed()
    .filter(({ stage, touched }) => shown[stage].back && touched)
    .map(({ key, stage }) => step(key, `back to ${spec.modelId}`, shown[stage].state, shown[stage].detail));
  return [...forward, ...backward];
}

function poolOf(work: Work, operationId: string): Pool | undefined {
  return [...work.state.pools.values()].find(({ reload }) => reload?.operationId === operationId);
}

function told({ spec }: Pool, to: PoolSpec, event: Event['event'], more: Partial<Event>): Event {
  return {
    event,
    level: 'info',
    pool_id: spec.poolId,
    engine: spec.engine,
    model_from: spec.modelId,
    model_to: to.modelId,
    ...more,
  };
}
