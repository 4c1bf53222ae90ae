/** Applies in a step: what the new inventory says is put to work pool by pool; those that it does not touch are left alone. */

import { type Planned, planApply, supervisorChanges } from './apply.js';
import type { Event } from './events.js';
import { newReplica } from './initial.js';
import { handoffAfter, withNewPolicies } from './live-update.js';
import type { Context, Effect, Input } from './messages.js';
import type { Inventory } from './model.js';
import { begin } from './operation.js';
import { withUnseen } from './release.js';
import { planReload } from './reload.js';
import { reloadSteps } from './reload-steps.js';
import { retired } from './remains.js';
import { isLeft } from './replica.js';
import { type Apply, now, type Operation, type OperationStep, type Pool, type State } from './state.js';
import { inProgress, refuse, running, shuttingDown, type Wish } from './wish.js';
import type { Work } from './work.js';

type Wanted = Extract<Input, { type: 'apply-requested' }>;

export function askApply(state: State, { inventory, correlationId }: Wanted, context: Context): Wish {
  if (state.shutdown !== null) return refuse(shuttingDown('apply', inventory.file));
  const plan = planApply(state, inventory);
  const touched = plan.filter(({ action }) => action !== 'keep');
  const rival = running(state).find(
    ({ kind, poolId }) =>
      kind === 'apply' || kind === 'reload' || (kind === 'restart' && touched.some((each) => each.poolId === poolId)),
  );
  if (rival !== undefined) return refuse(inProgress(rival, 'apply', inventory.file));
  const leaving = inventory.pools.find(({ poolId }) => state.pools.get(poolId)?.retiring === true);
  if (leaving !== undefined) {
    const message = `cannot apply ${inventory.file}: an engine of "${leaving.poolId}" from before would not die yet`;
    return refuse({ code: 'OPERATION_IN_PROGRESS', message, hint: `poolctl status ${leaving.poolId}`, retryAfterMs: 5_000 });
  }
  const targets = [...state.pools.values()].flatMap(({ spec, replicas }) =>
    touched.some(({ poolId, action }) => poolId === spec.poolId && action !== 'live-update') ? replicas : [],
  );
  const changed = touched.length > 0 || supervisorChanges(state.inventory.supervisor, inventory.supervisor).now.length > 0;
  const begun = begin({ kind: 'apply', poolId: null, targets, leases: state.leases, correlationId }, changed, context);
  return {
    ok: true,
    operationId: begun.id,
    begun: { ...begun, steps: [], outcome: changed ? null : 'unchanged' },
    cancelled: [],
    facts: [],
    events: [],
    shutdown: null,
    apply: { inventory, plan },
  };
}

/** The whole plan at once; each pool then goes its own way. */
export function applyPlan(
  work: Work,
  operationId: string,
  { inventory, plan }: NonNullable<Extract<Wish, { ok: true }>['apply']>,
): void {
  const { state } = work;
  const effects: Effect[] = [];
  const pools = new Map<string, Pool>();
  for (const each of plan) {
    const before = state.pools.get(each.poolId);
    const after = poolAfter(each, before, operationId, inventory, work);
    pools.set(each.poolId, after);
    if (each.action === 'restart' && after.reload !== null) {
      const { allowDownloads } = inventory.supervisor;
      effects.push({ type: 'verify', operationId, poolId: each.poolId, spec: after.reload.to, allowDownloads });
    }
    effects.push(...after.replicas.flatMap((replica, index) => handoffAfter(before?.replicas[index] ?? replica, replica)));
  }
  for (const [poolId, pool] of state.pools) if (!pools.has(poolId)) pools.set(poolId, pool);
  const begun = plan.flatMap(({ poolId, action }) => (action === 'start' ? (pools.get(poolId)?.replicas ?? []) : []));
  work.state = {
    ...withUnseen(state, begun, work.context.now),
    inventory,
    pools,
    apply: {
      operationId,
      restarts: plan.flatMap(({ poolId, action }) => (action === 'restart' ? [{ poolId, end: null }] : [])),
      others: plan.some(({ action }) => action === 'start' || action === 'live-update'),
      stops: plan.flatMap(({ poolId, action }) => (action === 'stop' ? [poolId] : [])),
    },
  };
  for (const { poolId, action } of plan) {
    const pool = work.state.pools.get(poolId);
    if (action !== 'stop' || pool === undefined) continue;
    for (const { key } of pool.replicas) work.turn(key, { type: 'drain', deadlineMs: pool.spec.drain.deadlineMs, extend: false });
  }
  work.effects.push({ type: 'record' }, ...effects);
}

function poolAfter(
  { poolId, action, to, override }: Planned,
  before: Pool | undefined,
  operationId: string,
  { supervisor }: Inventory,
  { state, context }: Work,
): Pool {
  const polls = { before: state.inventory.supervisor.enginePollMs, after: supervisor.enginePollMs };
  if (before === undefined || to === null) {
    if (before !== undefined) return { ...before, retiring: true };
    if (to === null) throw new RangeError(`nobody knows ${poolId}`);
    const replicas = to.masks.map((_, index) => newReplica(to, index, to.autostart ? 'up' : 'down', state, context.now));
    return { spec: to, replicas, restarts: [], override: null, reload: null, retiring: false };
  }
  switch (action) {
    case 'restart': {
      const plan = { operationId, to, drainMs: to.drain.deadlineMs, cause: 'apply', override } as const;
      return { ...before, reload: planReload(before, plan) };
    }
    default:
      return {
        ...before,
        spec: to,
        override,
        replicas: before.replicas.map((replica) => withNewPolicies(replica, to, polls, context.now)),
      };
  }
}

/** Pools that are gone go; and the apply ends when nothing of it is under way any more. */
export function followApply(work: Work): void {
  for (const pool of work.state.pools.values()) if (pool.retiring && pool.replicas.every(isLeft)) remove(work, pool);
  const { apply } = work.state;
  const operation = apply === null ? undefined : work.state.operations.get(apply.operationId);
  if (apply === null || operation === undefined) return;
  const steps = stepsOf(apply, operation, work.state);
  const over =
    apply.restarts.every(({ end }) => end !== null) && apply.stops.every((poolId) => isGone(work.state.pools.get(poolId)));
  if (over) finish(work, apply, { ...operation, steps });
  else if (JSON.stringify(steps) !== JSON.stringify(operation.steps)) work.put({ ...operation, steps }, null);
}

/** One that would not die stays to be seen, and is not waited for. */
const isGone = (pool: Pool | undefined): boolean =>
  pool === undefined || !pool.retiring || pool.replicas.every(({ life }) => life.state === 'stopped' || life.state === 'stuck');

function remove(work: Work, { spec, replicas }: Pool): void {
  const pools = new Map(work.state.pools);
  pools.delete(spec.poolId);
  work.state = { ...work.state, pools, retired: { ...work.state.retired, ...retired(replicas) } };
  work.effects.push({ type: 'record' });
}

function finish(work: Work, apply: Apply, operation: Operation): void {
  const error = errorOf(apply);
  work.state = { ...work.state, apply: null };
  const outcome =
    operation.outcome ??
    (error === null
      ? 'applied'
      : apply.restarts.some(({ end }) => end === 'rollback_failed')
        ? 'rollback_failed'
        : 'rolled_back');
  const told: Event = {
    event: 'inventory.applied',
    level: error === null ? 'info' : 'warn',
    operation_id: operation.id,
    result: outcome,
    ...(error === null ? {} : { reason: error.message }),
    ...(operation.correlationId === null ? {} : { correlation_id: operation.correlationId }),
  };
  work.events.push(told);
  work.put(
    { ...operation, state: error === null ? 'succeeded' : 'failed', outcome, error, finishedAt: now(work.context) },
    'finished',
  );
}

/** Pools go their own ways: what some could not do undoes nothing of the others. */
function errorOf({ restarts, stops, others }: Apply): Operation['error'] {
  const failed = restarts.filter(({ end }) => end !== 'reloaded');
  const lost = failed.filter(({ end }) => end === 'rollback_failed');
  const [first] = lost.length > 0 ? lost : failed;
  if (first === undefined) return null;
  const names = (pools: typeof failed): string => pools.map(({ poolId }) => `pools.${poolId}`).join(', ');
  const back =
    lost.length === 0 ? 'what was there before is there again' : `not even what ran before came back in ${names(lost)}`;
  const rest = others || failed.length < restarts.length + stops.length ? '; the rest was applied' : '';
  return {
    code: 'RELOAD_FAILED',
    message: `cannot apply ${names(failed)}: ${back}${rest}`,
    ...(first.why === undefined ? {} : { why: first.why }),
    hint: first.key == null ? `poolctl status ${first.poolId}` : `poolctl logs ${first.key} --previous`,
  };
}

/** Steps of pools that are done stay as they were. */
function stepsOf({ restarts, stops }: Apply, { steps: before }: Operation, { pools }: State): readonly OperationStep[] {
  const of = (poolId: string): readonly OperationStep[] => before.filter(({ key }) => key.startsWith(`${poolId}/`));
  const stopping = stops.flatMap((poolId) => {
    const pool = pools.get(poolId);
    if (pool === undefined)
      return of(poolId).map((step) => ({ ...step, state: 'done' as const, detail: step.forced ? 'forced' : 'stopped' }));
    return pool.replicas.map(({ key, life, lastError }): OperationStep => {
      const state = life.state === 'stopped' ? 'done' : life.state === 'stuck' ? 'failed' : 'running';
      const same = of(poolId).filter((step) => step.key === key);
      const forced = same.some((step) => step.forced);
      const counted = same.some((step) => step.counted);
      return { key, what: `stop ${key}`, state, after: 0, forced, counted, detail: state === 'failed' ? lastError : null };
    });
  });
  const restarting = restarts.flatMap(({ poolId, steps }) => {
    const pool = pools.get(poolId);
    return steps ?? (pool?.reload == null ? of(poolId) : reloadSteps(pool.reload, pool.spec, of(poolId)));
  });
  return [...restarting, ...stopping];
}
