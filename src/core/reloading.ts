/** Reloads in a step: asked for, verified, carried on move by move, committed or given up, and told. */

import type { Refusal } from './answers.js';
import { drainEnd } from './drain.js';
import type { Event } from './events.js';
import type { Verified } from './facts.js';
import { unfit } from './fit.js';
import { newReplica } from './initial.js';
import { countOf } from './lease.js';
import type { Context, Input } from './messages.js';
import type { PoolSpec, ReplicaKey } from './model.js';
import { overrideOf, withModel } from './model-choice.js';
import { begin } from './operation.js';
import type { Staging } from './progress.js';
import { withUnseen } from './release.js';
import { endOf, failed, planReload, type ReloadEnd, specFor } from './reload.js';
import { advance, isInDoubt } from './reload-moves.js';
import type { Failure, Place, Reload } from './reload-state.js';
import { errorOf, reasonOf, reloadSteps } from './reload-steps.js';
import { retired } from './remains.js';
import { endOfStaging, goOn } from './staging.js';
import { type Apply, now, type Operation, type OperationStep, type Pool, type State } from './state.js';
import { inProgress, onItsWayOut, refuse, running, shuttingDown, unknownPool, type Wish } from './wish.js';
import type { Work } from './work.js';

type Wanted = Extract<Input, { type: 'reload-requested' }>;
/** Which reload a model was looked at for. */
type Asked = { readonly poolId: string; readonly operationId: string };

export function askReload(state: State, wish: Wanted, context: Context): Wish {
  const { poolId, chosen, correlationId } = wish;
  const pool = state.pools.get(poolId);
  const refusal = refusalOf(state, pool, poolId);
  if (pool === undefined || refusal !== null) return refuse(refusal ?? unknownPool('reload', poolId, state));
  const same = pool.spec.model === chosen.model && pool.spec.modelDigest === chosen.modelDigest;
  const { replicas: targets } = pool;
  const begun = begin(
    { kind: 'reload', poolId, targets: same ? [] : targets, about: targets, leases: state.leases, correlationId },
    !same,
    context,
  );
  const accepted = { ok: true, operationId: begun.id, cancelled: [], facts: [], events: [], shutdown: null } as const;
  if (same) return { ...accepted, begun: { ...begun, outcome: 'unchanged' } };
  const to = withModel(pool.spec, chosen);
  const reload = planReload(pool, {
    ...{ operationId: begun.id, cause: 'reload', to, override: null },
    drainMs: wish.drainMs ?? pool.spec.drain.deadlineMs,
  });
  return {
    ...accepted,
    begun: { ...begun, steps: reloadSteps(reload, pool.spec, begun.steps) },
    reload: { poolId, reload },
    effects: [
      { type: 'verify', poolId, operationId: begun.id, spec: to, allowDownloads: state.inventory.supervisor.allowDownloads },
    ],
  };
}

function refusalOf(state: State, pool: Pool | undefined, poolId: string): Refusal | null {
  if (pool === undefined) return unknownPool('reload', poolId, state);
  if (state.shutdown !== null) return shuttingDown('reload', poolId);
  if (pool.spec.model === null) {
    const message = `cannot reload "${poolId}": it has no model`;
    return { code: 'NOT_SUPPORTED', message, hint: 'give the pool a "model" in pools.yaml' };
  }
  const rival = running(state).find(
    ({ kind, poolId: of }) => kind === 'apply' || (of === poolId && (kind === 'reload' || kind === 'restart')),
  );
  if (rival !== undefined) return inProgress(rival, 'reload', poolId);
  return pool.retiring ? onItsWayOut('reload', poolId) : null;
}

/** The new model is on its way. */
export function verifying(work: Work, { poolId, operationId }: Asked, staging: Staging): void {
  const pool = work.state.pools.get(poolId);
  if (pool?.reload?.operationId !== operationId || pool.reload.verified) return;
  const { staged, event } = goOn(pool.reload.staged, staging, work.context.now);
  work.putPool({ ...pool, reload: { ...pool.reload, staged } });
  if (event !== null) work.events.push(ofReload(pool, pool.reload, event));
}

/** The new model was looked at: now replicas may be touched, or the reload is over. */
export function verify(work: Work, { poolId, operationId }: Asked, found: Verified): void {
  const pool = work.state.pools.get(poolId);
  if (pool?.reload?.operationId !== operationId) return;
  const { reload } = pool;
  const [obstacle] = found.obstacles;
  const inTheWay = obstacle ?? unfit(pool, found, work.state);
  const named = found.name === null ? reload.to : withModel(reload.to, { ...reload.to, modelId: found.name });
  const ends = endOfStaging(reload.staged, { failure: obstacle?.text ?? null, news: found.modelNews ?? null });
  work.events.push(...ends.map((event) => ofReload(pool, reload, event)));
  const failure: Failure | null = inTheWay === null ? null : { reason: 'model', key: null, text: inTheWay.text };
  work.putPool({ ...pool, reload: failure === null ? { ...reload, to: named, verified: true } : failed(reload, failure) });
  if (failure === null && reload.cause === 'reload')
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
    const end = isInDoubt(pool) ? null : endOf(pool.reload);
    if (end !== null) finish(work, pool, pool.reload, end);
    else if (pool.reload.cause === 'reload') show(work, pool, pool.reload);
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
  tellBack(work, pool, reload);
  if (fact !== null && key !== undefined) work.turn(key, fact);
  if (key !== undefined) endIdle(work, key);
  // What the next supervisor must not take for the pool's own is on disk before it is launched.
  work.effects.push({ type: 'record' });
  return true;
}

/** From now on it goes back. */
export function tellBack(work: Work, pool: Pool, reload: Reload): void {
  const { failure } = reload;
  if (reload.cause !== 'reload' || failure === null || pool.reload?.failure !== null || !reload.places.some(isTouched)) return;
  work.events.push(
    told(pool, reload.to, 'reload.rolled_back', {
      ...causeOf(work, reload.operationId),
      level: 'warn',
      because: failure.reason,
      reason: reasonOf(failure),
    }),
  );
}

/** Who has nothing to wait for goes at once, also where it has no time to wait. */
function endIdle(work: Work, key: ReplicaKey): void {
  const [life, pool] = [work.find(key)?.life, work.poolOf(key)];
  if (life === undefined || pool === undefined) return;
  if (drainEnd(life, countOf(work.state.leases, key), specFor(pool, key), work.context.now) === 'idle')
    work.turn(key, { type: 'idle' });
}

const isTouched = ({ stage }: Place): boolean => stage !== 'waiting' && stage !== 'returned';

/** The operation's steps, as far as they have come. */
function show(work: Work, { spec }: Pool, reload: Reload): void {
  const operation = work.state.operations.get(reload.operationId);
  if (operation === undefined) return;
  const steps = reloadSteps(reload, spec, operation.steps);
  if (steps.some((step, index) => !isSame(step, operation.steps[index]))) work.put({ ...operation, steps }, null);
}

const isSame = (a: OperationStep, b: OperationStep | undefined): boolean =>
  b !== undefined && a.state === b.state && a.what === b.what && a.detail === b.detail;

/** The registry write that follows is the commit: killed before it, the next supervisor has the old entry; after it, the new one. */
function finish(work: Work, pool: Pool, reload: Reload, end: ReloadEnd): void {
  if (end === 'reloaded') commit(work, pool, reload);
  else work.putPool({ ...pool, reload: null });
  work.effects.push({ type: 'record' });
  const operation = work.state.operations.get(reload.operationId);
  if (operation === undefined) return;
  const steps = reloadSteps(reload, pool.spec, operation.steps);
  if (reload.cause === 'reload') endReload(work, pool, { ...operation, steps }, reload, end);
  else work.state = { ...work.state, apply: withEnd(work.state.apply, pool, reload, end, steps) };
}

/** Its replicas have the new entry, and so have those to come; whoever has no place in it any more is gone. */
function commit(work: Work, pool: Pool, { cause, to, override }: Reload): void {
  const { state, context } = work;
  const file = state.inventory.pools.find(({ poolId }) => poolId === to.poolId);
  const { replicas } = pool;
  const goal = replicas.some((replica) => replica.goal === 'up') ? 'up' : 'down';
  const added = to.masks.slice(replicas.length).map((_, n) => newReplica(to, replicas.length + n, goal, state, context.now));
  work.state = {
    ...withUnseen(state, added, context.now),
    retired: { ...state.retired, ...retired(replicas.slice(to.masks.length)) },
  };
  work.putPool({
    ...pool,
    spec: to,
    override: cause === 'reload' ? overrideOf(file ?? pool.spec, to, now(context)) : override,
    reload: null,
    replicas: [...replicas.slice(0, to.masks.length), ...added],
  });
}

function withEnd(
  apply: Apply | null,
  { spec }: Pool,
  { failure }: Reload,
  end: ReloadEnd,
  steps: readonly OperationStep[],
): Apply | null {
  if (apply === null) return null;
  const restarts = apply.restarts.map((each) =>
    each.poolId === spec.poolId
      ? { ...each, end, steps, ...(failure === null ? {} : { why: whyOf(failure), key: failure.key }) }
      : each,
  );
  return { ...apply, restarts };
}

const whyOf = (failure: Failure): string => (failure.key === null ? reasonOf(failure) : `${failure.key}: ${reasonOf(failure)}`);

function endReload(work: Work, pool: Pool, operation: Operation, reload: Reload, end: ReloadEnd): void {
  const at = now(work.context);
  const { to, failure } = reload;
  const state = end === 'reloaded' ? 'succeeded' : 'failed';
  const durationMs = Math.round(at.at - operation.startedAt.at);
  // Its last step is told before its end.
  work.put(operation, null);
  work.events.push(
    told(pool, to, 'reload.finished', {
      ...causeOf(work, operation.id),
      level: end === 'reloaded' ? 'info' : end === 'rollback_failed' ? 'error' : 'warn',
      result: end,
      duration_ms: durationMs,
      ...(failure === null ? {} : { reason: reasonOf(failure), because: failure.reason }),
    }),
  );
  const error = errorOf(pool, reload, end, durationMs);
  // Its model was not there: no replica has been touched.
  const changed = operation.changed && end !== 'failed';
  work.put({ ...operation, state, changed, outcome: end, finishedAt: at, error }, 'finished');
}

/** Of its new model. */
function ofReload({ spec }: Pool, { to, operationId }: Reload, event: Event): Event {
  return { pool_id: spec.poolId, engine: spec.engine, model_id: to.modelId, operation_id: operationId, ...event };
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
