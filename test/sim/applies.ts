/**
 * Whether an apply does what it says: whom it may touch at all, by what differs between the file and what the pools are to have; that policies count
 * at once, that pools which are gone are drained and then gone, and that it ends in time and tells what came of it. The restarts among it are held
 * to all or none by reloads.ts.
 */

import type { Answer, Refusal } from '../../src/core/answers.js';
import type { Event } from '../../src/core/events.js';
import type { Input } from '../../src/core/messages.js';
import type { Inventory, PoolSpec, ReplicaKey } from '../../src/core/model.js';
import { described, type Plan, planOf } from './apply-plan.js';
import type { DrainWish } from './asked.js';
import type { Entries } from './entries.js';
import { keysOf, poolOf } from './keys.js';
import type { Machine } from './machine.js';
import type { Reloads } from './reloads.js';
import type { Supervisor } from './supervisor.js';

type Course = {
  operationId: string | null;
  readonly plan: Plan;
  /** How the restarts have ended, so far. */
  readonly ends: Map<string, string>;
  /** Since when nothing of it is under way. */
  idleSince: number | null;
};

/** Who are told of it. */
export type Affected = {
  readonly starts: (spec: PoolSpec) => void;
  readonly changes: (spec: PoolSpec) => void;
  /** Its pool is no longer in the file. */
  readonly retires: (spec: PoolSpec) => void;
  readonly gone: (spec: PoolSpec) => void;
  readonly supervises: (inventory: Inventory) => void;
};

const serving: ReadonlySet<string> = new Set(['ready', 'unhealthy']);

/** What has ended is seen within this, also where that waits for a slow disk. */
const seenMs = 25_000;

export class Applies {
  private course: Course | null = null;
  private supervisor: Inventory['supervisor'] | null = null;
  /** Operations that are under way, by id. */
  private readonly running = new Map<string, Pick<Event, 'kind' | 'pool_id'>>();
  /** Pools on their way out. */
  private readonly retiring = new Map<string, { readonly spec: PoolSpec; emptySince: number | null }>();
  private due: Refusal['code'] | null = null;
  private shuttingDown = false;
  private finished: { readonly id: string; readonly result: string } | null = null;

  constructor(
    private readonly machine: () => Machine,
    private readonly entries: Entries,
    private readonly reloads: () => Reloads,
    private readonly affected: Affected,
  ) {}

  begun({ beginning: { inventory } }: Supervisor): void {
    this.course = null;
    this.supervisor = inventory.supervisor;
    this.running.clear();
    this.retiring.clear();
    this.shuttingDown = false;
    this.finished = null;
  }

  /** Nobody leases it, and nobody wants it up. */
  isRetiring(poolId: string): boolean {
    return this.retiring.has(poolId);
  }

  /** Why a replica may be drained without anybody's asking. */
  drainWish(key: ReplicaKey): DrainWish | null {
    const spec = this.retiring.get(poolOf(key))?.spec;
    return spec === undefined ? null : { ms: spec.drain.deadlineMs, extend: false, why: 'retire', atOnce: true };
  }

  /** What it changes counts before its step is seen: it is known whether it is to be accepted. */
  asking(input: Input): void {
    if (input.type !== 'apply-requested') return;
    const file = this.reloads().models.above(input.inventory);
    const present = { specs: this.entries.specs, isLeaving: (id: string) => this.isRetiring(id), supervisor: this.supervisor };
    const plan = planOf(input.inventory, file.pools, present);
    this.due = this.refusal(plan);
    if (this.due !== null) return;
    this.course = { operationId: null, plan, ends: new Map(), idleSince: null };
    this.supervisor = plan.inventory.supervisor;
    const { affected, machine } = this;
    machine().watch.note(() => `  ${described(plan)}`);
    const reloads = this.reloads();
    reloads.models.names(plan.inventory);
    affected.supervises(plan.inventory);
    for (const spec of [...plan.lives, ...plan.keeps]) reloads.keeps(spec);
    for (const spec of plan.lives) {
      affected.changes(spec);
      this.entries.changes(spec, machine().processes.leaders());
    }
    for (const spec of plan.starts) {
      this.entries.specs.set(spec.poolId, spec);
      reloads.arrives(spec);
      affected.starts(spec);
    }
    for (const spec of plan.restarts) reloads.restarts(spec);
    for (const spec of plan.stops) {
      this.retiring.set(spec.poolId, { spec, emptySince: null });
      affected.retires(spec);
    }
  }

  /** What is wrong with an answer; null: nothing. */
  answered(input: Input, answer: Answer | null): string | null {
    if (input.type === 'shutdown-requested' && answer?.ok === true) this.shuttingDown = true;
    if (input.type === 'requested' || input.type === 'reload-requested') return this.revived(input, answer);
    if (input.type !== 'apply-requested' || answer === null) return null;
    const { due } = this;
    if (!answer.ok)
      return answer.refusal.code === due ? null : `an apply is refused with ${answer.refusal.code}, where it is ${due ?? 'due'}`;
    if (due !== null) return `an apply is accepted, where it is ${due}`;
    const { course } = this;
    if (course === null || !('operationId' in answer)) return null;
    return this.untouched(course.plan);
  }

  /** What is wrong with an event; null: nothing. */
  heard({ event, kind, pool_id, operation_id: id, result }: Event): string | null {
    if (id === undefined) return null;
    if (event === 'operation.started') {
      this.running.set(id, { ...(kind === undefined ? {} : { kind }), ...(pool_id === undefined ? {} : { pool_id }) });
      if (kind === 'apply' && this.course !== null) {
        this.course.operationId = id;
        this.reloads().belong(id);
      }
    }
    if (event === 'operation.finished') this.running.delete(id);
    if (event === 'operation.finished' && kind === 'apply') this.finished = { id, result: result ?? '' };
    return null;
  }

  /** The restart of a pool has ended. */
  restarted(poolId: string, result: string): void {
    this.course?.ends.set(poolId, result);
  }

  /** What is wrong after a step; null: nothing. */
  stepped(supervisor: Supervisor): string | null {
    if (!supervisor.alive || (this.retiring.size === 0 && this.course === null && this.finished === null)) return null;
    for (const [poolId, retiring] of this.retiring) {
      const wrong = this.left(poolId, retiring, supervisor);
      if (wrong !== null) return wrong;
    }
    const wrong = this.ended();
    return wrong ?? this.overdue(supervisor);
  }

  private refusal({ inventory, starts, lives, restarts, stops }: Plan): Refusal['code'] | null {
    if (this.shuttingDown) return 'SHUTTING_DOWN';
    const touched = [...starts, ...lives, ...restarts, ...stops].map(({ poolId }) => poolId);
    const crossed = [...this.running.values()].some(
      ({ kind, pool_id }) =>
        kind === 'apply' || kind === 'reload' || (kind === 'restart' && pool_id !== undefined && touched.includes(pool_id)),
    );
    const leaving = inventory.pools.some(({ poolId }) => this.retiring.has(poolId));
    return crossed || leaving ? 'OPERATION_IN_PROGRESS' : null;
  }

  /** Those that are gone serve nobody from now on. */
  private untouched({ stops }: Plan): string | null {
    for (const key of stops.flatMap(keysOf)) {
      if (this.machine().handoffs.has(key)) return `${key} is no longer in the file, and its handoff file is there`;
      const state = this.reloads().stateOf(key);
      if (serving.has(state)) return `${key} is no longer in the file, and is ${state}`;
    }
    return null;
  }

  /** Nobody brings back what the file no longer has. */
  private revived(input: Extract<Input, { type: 'requested' | 'reload-requested' }>, answer: Answer | null): string | null {
    const down = input.type === 'requested' && (input.verb === 'stop' || input.verb === 'drain');
    if (down || answer?.ok !== true || !this.retiring.has(input.poolId)) return null;
    return `${input.poolId} is no longer in the file, and is wanted up again`;
  }

  private left(
    poolId: string,
    retiring: { readonly spec: PoolSpec; emptySince: number | null },
    { state, quietSince }: Supervisor,
  ): string | null {
    const { spec } = retiring;
    const { now } = this.machine();
    const busy = keysOf(spec).filter((key) => this.reloads().stateOf(key) !== 'stopped');
    if (!state.pools.has(poolId)) {
      const [engine] = this.machine()
        .processes.leaders()
        .filter(({ key, killed }) => poolOf(key) === poolId && !killed);
      if (engine !== undefined) return `${poolId} is gone, and ${engine.key} #${engine.incarnation} lives`;
      if (busy.length > 0) return `${poolId} is gone, and ${busy[0]} is ${this.reloads().stateOf(busy[0] ?? 'x/r0')}`;
      this.retiring.delete(poolId);
      this.affected.gone(spec);
      return null;
    }
    if (busy.length > 0) {
      retiring.emptySince = null;
      return null;
    }
    retiring.emptySince ??= now;
    const emptyMs = now - Math.max(retiring.emptySince, quietSince);
    return emptyMs > seenMs ? `${poolId} is no longer in the file, is empty for ${Math.round(emptyMs)} ms, and is there` : null;
  }

  /** It tells what came of its pools. */
  private ended(): string | null {
    const { course, finished } = this;
    if (finished === null) return null;
    this.finished = null;
    if (course === null || course.operationId !== finished.id) return null;
    this.course = null;
    const { plan, ends } = course;
    const { result } = finished;
    if (result === 'cancelled')
      return this.shuttingDown || this.isShutDown() ? null : 'an apply is cancelled, and nobody shuts down';
    const open = plan.restarts.find(({ poolId }) => !ends.has(poolId));
    if (open !== undefined) return `an apply has ended as ${result}, and the restart of ${open.poolId} goes on`;
    const there = plan.stops.find(({ poolId }) => this.retiring.has(poolId) && !this.isStuck(poolId));
    if (there !== undefined) return `an apply has ended as ${result}, and ${there.poolId} is still there`;
    const all = [...ends.values()];
    const applied = all.every((end) => end === 'reloaded') ? 'applied' : 'rolled_back';
    const due = !plan.changed ? 'unchanged' : all.includes('rollback_failed') ? 'rollback_failed' : applied;
    return result === due ? null : `an apply is told as ${result}, where it was ${due}`;
  }

  /** All of it is done, and it goes on. */
  private overdue({ quietSince }: Supervisor): string | null {
    const { course } = this;
    if (course === null) return null;
    const { plan, ends } = course;
    const busy =
      plan.restarts.some(({ poolId }) => !ends.has(poolId)) ||
      plan.stops.some(({ poolId }) => this.retiring.has(poolId) && !this.isStuck(poolId));
    course.idleSince = busy ? null : (course.idleSince ?? this.machine().now);
    const idleMs = course.idleSince === null ? 0 : this.machine().now - Math.max(course.idleSince, quietSince);
    return idleMs > seenMs ? `all of an apply is done for ${Math.round(idleMs)} ms, and it goes on` : null;
  }

  /** Who would not die is told, and not waited for. */
  private isStuck(poolId: string): boolean {
    const spec = this.retiring.get(poolId)?.spec;
    const states = spec === undefined ? [] : keysOf(spec).map((key) => this.reloads().stateOf(key));
    return states.includes('stuck') && states.every((state) => state === 'stuck' || state === 'stopped');
  }

  private isShutDown(): boolean {
    return this.machine().supervisor?.state.shutdown != null;
  }
}
