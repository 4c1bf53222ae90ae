/** What was asked for, how far it is, and how it ended. Operations read the replicas; only a restart also moves them, one after another. */

import type { Event } from './events.js';
import { leaseCounts } from './lease.js';
import { isServing } from './life.js';
import type { Context, Verb } from './messages.js';
import { type Instant, type Moment, poolIdOf, type ReplicaKey, replicaIdOf } from './model.js';
import { isFresh } from './polling.js';
import type { Replica } from './replica.js';
import { now, type Operation, type OperationStep, type State } from './state.js';

/** Ended ones are kept an hour, and at least so many. */
const kept = { forMs: 3_600_000, atLeast: 200 };

export type Begun = {
  readonly kind: Operation['kind'];
  readonly poolId: string | null;
  readonly targets: readonly Replica[];
  /** Whose leases and requests are told: of all that it is about, also where it has nothing to do. @default targets */
  readonly about?: readonly Replica[];
  readonly drainMs?: number | null;
  readonly leases: State['leases'];
  readonly correlationId: string | null;
};

/** All steps run at once, but for a restart: that takes one replica after another, of those that there is something to lose of. */
export function begin(
  { kind, poolId, targets, about = targets, drainMs = null, leases, correlationId }: Begun,
  changed: boolean,
  context: Context,
): Operation {
  const counts = leaseCounts(leases);
  const steps = targets.map(
    (replica, at): OperationStep => ({
      key: replica.key,
      what: null,
      state: kind === 'restart' && at > 0 && replica.life.state !== 'stopped' ? 'pending' : 'running',
      after: lastBegun(replica),
      forced: false,
      counted: inflightOf(replica, context.now) !== null,
      detail: null,
    }),
  );
  return {
    id: context.id(),
    kind,
    poolId,
    state: 'running',
    outcome: null,
    changed,
    startedAt: now(context),
    finishedAt: null,
    interrupted: false,
    activeLeases: about.reduce((total, { key }) => total + (counts.get(key) ?? 0), 0),
    inflight: sum(about.map((replica) => inflightOf(replica, context.now))),
    cut: 0,
    drainMs,
    steps,
    error: null,
    correlationId,
  };
}

/** Where the steps stand, by what the replicas are now. `next` is the replica that a restart turns to. */
export function advance(
  operation: Operation,
  find: (key: ReplicaKey) => Replica | undefined,
  at: Moment,
): { operation: Operation; next: ReplicaKey | null } {
  const steps = operation.steps.map((step) =>
    step.state === 'running' ? judgeStep(step, operation.kind, find(step.key)) : step,
  );
  const failed = steps.find(({ state }) => state === 'failed');
  const running = steps.some(({ state }) => state === 'running');
  if (failed !== undefined && (operation.kind === 'restart' || !running))
    return { operation: fail({ ...operation, steps }, failed, at), next: null };
  const pending = steps.find(({ state }) => state === 'pending');
  if (!running && pending !== undefined) {
    const replica = find(pending.key);
    const after = replica === undefined ? pending.after : lastBegun(replica);
    const begun = steps.map((step) => (step === pending ? ({ ...step, state: 'running', after } as const) : step));
    return { operation: { ...operation, steps: begun, changed: true }, next: pending.key };
  }
  const moved = steps.some((step, index) => step !== operation.steps[index]);
  if (!running)
    return {
      operation: {
        ...operation,
        steps,
        state: 'succeeded',
        outcome: operation.outcome ?? outcomeOf(operation.kind, steps),
        finishedAt: at,
      },
      next: null,
    };
  return { operation: moved ? { ...operation, steps } : operation, next: null };
}

/** The last incarnation that a restart has to outlive. A process that is only being made is left to come, and is new enough. */
function lastBegun({ incarnation, life }: Replica): number {
  return life.state === 'preparing' && life.phase === 'spawning' ? incarnation - 1 : incarnation;
}

function outcomeOf(kind: Operation['kind'], steps: readonly OperationStep[]): string {
  const drains = kind === 'drain' || kind === 'shutdown';
  return drains && steps.some(({ forced }) => forced) ? 'forced' : outcomes[kind];
}

/** What an engine has told of its requests for the first time since this began. */
export function withInflight(operation: Operation, key: ReplicaKey, inflight: number): Operation {
  const known = (step: OperationStep): boolean => step.key !== key || step.counted || step.state !== 'running';
  if (operation.state !== 'running' || operation.steps.every(known)) return operation;
  const steps = operation.steps.map((step) => (known(step) ? step : { ...step, counted: true }));
  return { ...operation, inflight: (operation.inflight ?? 0) + inflight, steps };
}

/** What it has said some seconds ago is no more than a guess, and null. */
function inflightOf({ life }: Replica, at: Instant): number | null {
  return isServing(life) && isFresh(life.polling, at) ? life.inflight : null;
}

/** Leases were lost with the engine of a replica that they work on, or its drain ended by force. */
export function withCut(operation: Operation, key: ReplicaKey, lost: number, forced: boolean): Operation {
  if (operation.state !== 'running' || !operation.steps.some((step) => step.key === key && step.state === 'running'))
    return operation;
  const steps = operation.steps.map((step) => (step.key === key && forced ? { ...step, forced } : step));
  return { ...operation, cut: operation.cut + lost, steps };
}

const outcomes: Readonly<Record<Operation['kind'], string>> = {
  start: 'ready',
  restart: 'ready',
  reset: 'ready',
  stop: 'stopped',
  drain: 'drained',
  reload: 'reloaded',
  apply: 'applied',
  shutdown: 'stopped',
};

/** Whether an accepted restart has yet to come to it: it is wanted up from then on, whatever it is until its turn. */
export function awaitsRestart(operations: State['operations'], key: ReplicaKey): boolean {
  for (const { kind, state, steps } of operations.values())
    if (kind === 'restart' && state === 'running' && steps.some((step) => step.key === key && step.state === 'pending'))
      return true;
  return false;
}

/** A later wish of the operator overrides an earlier one. */
export function cancel(operation: Operation, by: Verb | 'shutdown', at: Moment): Operation {
  const { kind, poolId } = operation;
  const message = kind === 'reload' ? `cannot reload ${poolId}: it was cancelled by a ${by}` : `${kind} was cancelled by a ${by}`;
  return {
    ...operation,
    state: 'failed',
    outcome: 'cancelled',
    finishedAt: at,
    error: { code: kind === 'reload' ? 'RELOAD_FAILED' : 'OPERATION_FAILED', message, hint: 'poolctl status' },
    steps: operation.steps.map((step) => (step.state === 'done' ? step : { ...step, state: 'failed', detail: message })),
  };
}

/** Cut in half by the supervisor's death. */
export function interrupted(operation: Operation, at: Moment): Operation {
  const message = `the supervisor ended while this ${operation.kind} was under way`;
  return {
    ...operation,
    state: 'failed',
    outcome: 'interrupted',
    interrupted: true,
    finishedAt: at,
    error: { code: 'OPERATION_FAILED', message, hint: 'poolctl status' },
    steps: operation.steps.map((step) =>
      step.state === 'done' ? step : { ...step, state: 'failed' as const, detail: 'interrupted' },
    ),
  };
}

/** Forgets the oldest ended ones. */
export function prune(operations: ReadonlyMap<string, Operation>, { now: at }: Context): ReadonlyMap<string, Operation> {
  if (operations.size <= kept.atLeast) return operations;
  const left = new Map(operations);
  for (const [id, { finishedAt }] of operations) {
    if (left.size <= kept.atLeast) break;
    if (finishedAt !== null && at - finishedAt.at > kept.forMs) left.delete(id);
  }
  return left;
}

/** Each step that has begun or ended since, but for those that began with the operation. */
export function stepsTold(before: Operation, { id, kind, poolId, correlationId, steps }: Operation): readonly Event[] {
  if (steps === before.steps) return [];
  const isNews = (step: OperationStep, at: number): boolean => {
    // Of hundreds that end together one changes at a time.
    if (step === before.steps[at]) return false;
    const { key, what, state } = step;
    const isIt = (other: OperationStep | undefined): boolean => other?.key === key && other.what === what;
    const was = isIt(before.steps[at]) ? before.steps[at] : before.steps.find(isIt);
    return state !== 'pending' && was?.state !== state;
  };
  return steps.filter(isNews).map(({ key, what, state, detail }) => ({
    event: 'operation.step',
    level: 'debug',
    operation_id: id,
    kind,
    pool_id: poolId ?? poolIdOf(key),
    replica_id: replicaIdOf(key),
    detail: what ?? kind,
    result: state,
    ...(detail === null ? {} : { reason: detail }),
    ...(correlationId === null ? {} : { correlation_id: correlationId }),
  }));
}

/** What is told at its beginning and at its end; of a drain also by names of its own. */
export function told(operation: Operation, when: 'started' | 'finished'): readonly Event[] {
  const { id, kind, poolId, outcome, error, activeLeases, inflight, correlationId, steps } = operation;
  const event: Event = {
    event: `operation.${when}`,
    // What a person reads of a drain are its own events.
    level: kind === 'drain' ? 'debug' : operation.state === 'failed' ? 'warn' : 'info',
    operation_id: id,
    kind,
    ...(poolId === null ? {} : { pool_id: poolId }),
    ...(outcome === null ? {} : { result: outcome }),
    ...(error === null ? {} : { reason: error.message }),
    ...(correlationId === null ? {} : { correlation_id: correlationId }),
  };
  // One that did something tells its end by itself.
  if (kind === 'reload' && when === 'finished' && (outcome === 'unchanged' || outcome === 'cancelled'))
    return [
      { ...event, event: 'reload.finished', ...(outcome === 'cancelled' ? { because: outcome } : {}), ...lasted(operation) },
      event,
    ];
  if (kind !== 'drain') return [event];
  const busy = activeLeases > 0 || (inflight ?? 0) > 0;
  const only = steps.length === 1 ? steps[0]?.key : undefined;
  const drain = only === undefined ? event : { ...event, replica_id: replicaIdOf(only) };
  return when === 'started'
    ? [event, { ...drain, event: 'drain.started', level: busy ? 'warn' : 'info', active_leases: activeLeases }]
    : [{ ...drain, event: 'drain.finished', ...ended(operation) }, event];
}

function ended(operation: Operation): Partial<Event> {
  const { outcome, cut } = operation;
  return {
    level: outcome === 'drained' ? 'info' : 'warn',
    ...lasted(operation),
    ...(cut === 0 ? {} : { detail: `${cut} lease${cut === 1 ? '' : 's'} cut` }),
  };
}

function lasted({ startedAt, finishedAt }: Operation): Partial<Event> {
  return finishedAt === null ? {} : { duration_ms: Math.round(finishedAt.at - startedAt.at) };
}

function judgeStep(step: OperationStep, kind: Operation['kind'], replica: Replica | undefined): OperationStep {
  const wantsUp = kind === 'start' || kind === 'restart' || kind === 'reset';
  const ended = { ...step, state: 'done', detail: step.forced ? 'forced' : outcomes[kind] } as const;
  // An apply takes no place away before that has stopped.
  if (replica === undefined) return wantsUp ? { ...step, state: 'failed', detail: 'the replica is gone' } : ended;
  const { life, goal, lastError } = replica;
  if (life.state === 'stuck') return { ...step, state: 'failed', detail: lastError };
  if (!wantsUp) return life.state === 'stopped' ? ended : step;
  if (goal === 'down') return { ...step, state: 'failed', detail: 'stopped meanwhile' };
  if (life.state === 'failed') return { ...step, state: 'failed', detail: life.why };
  if (life.state === 'broken') return { ...step, state: 'failed', detail: `its breaker is open: ${life.why}` };
  if (life.state === 'stopped') return { ...step, state: 'failed', detail: life.why ?? 'stopped' };
  const arrived = life.state === 'ready' && (kind !== 'restart' || replica.incarnation > step.after);
  return arrived ? { ...step, state: 'done', detail: `pid ${life.engine.identity.pid}` } : step;
}

function fail(operation: Operation, failed: OperationStep, at: Moment): Operation {
  const verb = operation.kind === 'shutdown' ? 'stop' : operation.kind;
  return {
    ...operation,
    state: 'failed',
    outcome: 'failed',
    finishedAt: at,
    error: {
      code: 'OPERATION_FAILED',
      message: `cannot ${verb} ${failed.key}: ${failed.detail ?? 'it failed'}`,
      hint: `poolctl logs ${failed.key}`,
    },
  };
}

function sum(counts: readonly (number | null)[]): number | null {
  const known = counts.filter((count) => count !== null);
  return known.length === 0 ? null : known.reduce((total, count) => total + count, 0);
}
