/**
 * Whether all replicas of a pool change their model (a reload) or their entry (the restart of an apply), or none does, and whether nobody loses
 * anything by it. It knows what each pool is to have by what was asked and how that ended, over the deaths of supervisors too, and looks at the
 * engines and the handoff files.
 */

import type { Answer } from '../../src/core/answers.js';
import type { Event } from '../../src/core/events.js';
import type { Input, Launch } from '../../src/core/messages.js';
import type { Inventory, PoolSpec, ReplicaKey } from '../../src/core/model.js';
import type { DrainWish } from './asked.js';
import { allowed, type Bystanders, type Course, enter, hasty, named, stepsOf, taken, type Was } from './course.js';
import { difference, type Entries, isAlike } from './entries.js';
import { keysOf, poolOf } from './keys.js';
import type { Machine } from './machine.js';
import { isSame, ModelsBook, withChosen } from './models-book.js';
import { followed, misended, overdue } from './reload-ends.js';
import type { Supervisor } from './supervisor.js';

type Wanted = Extract<Input, { type: 'reload-requested' }>;

export class Reloads {
  private readonly courses = new Map<string, Course>();
  readonly models = new ModelsBook();
  private readonly states = new Map<ReplicaKey, string>();
  private input: Input | null = null;
  /** Replicas that were told to change in this step. */
  private changed = new Set<ReplicaKey>();
  private ended: Course[] = [];
  /** The request that is being answered was refused: it cancels nothing. */
  private undo: () => void = () => {};

  constructor(
    private readonly machine: () => Machine,
    private readonly others: Bystanders,
    private readonly entries: Entries,
  ) {}

  /** What the pools are to have now: the file, and what stands above it. */
  begun({ beginning: { written, inventory }, state }: Supervisor): Inventory {
    this.courses.clear();
    this.ended = [];
    const effective = this.models.begun(inventory, written === null || written.ended === 'clean' ? null : written.aboves);
    this.entries.begun(effective.pools, written?.goings ?? new Map());
    this.states.clear();
    for (const { replicas } of state.pools.values()) for (const { key, life } of replicas) this.states.set(key, life.state);
    return effective;
  }

  /** An apply that leaves its engines alone, or brings it, says what stands above it from now on. */
  keeps(spec: PoolSpec): void {
    this.models.stands(spec.poolId, this.models.holds(spec.poolId));
  }

  /** A pool that is new. Nobody tells what its replicas are before they turn. */
  arrives(spec: PoolSpec): void {
    this.models.stands(spec.poolId, null);
    for (const key of keysOf(spec)) this.states.set(key, spec.autostart ? 'preparing' : 'stopped');
  }

  /** A pool is restarted with another entry. */
  restarts(to: PoolSpec): void {
    const from = this.specOf(to.poolId);
    const moves = from.masks.some((mask, index) => to.masks[index] !== undefined && to.masks[index]?.written !== mask.written);
    this.begin(
      { cause: 'apply', operationId: null, from, to, drainMs: to.drain.deadlineMs, above: this.models.holds(to.poolId) },
      moves,
    );
  }

  /** The operation whose restarts these are. */
  belong(operationId: string): void {
    for (const course of this.courses.values()) course.operationId ??= operationId;
  }

  stateOf(key: ReplicaKey): string {
    return this.states.get(key) ?? '';
  }

  isRestarting(poolId: string): boolean {
    return this.courses.has(poolId);
  }

  /** Nothing is left of it. */
  forget(poolId: string): void {
    this.models.stands(poolId, null);
    for (const key of [...this.states.keys()]) if (poolOf(key) === poolId) this.states.delete(key);
  }

  isMoving(poolId: string): boolean {
    const phase = this.courses.get(poolId)?.phase;
    return phase === 'forward' || phase === 'back';
  }

  /** Why a replica may be drained without anybody's asking. */
  drainWish(key: ReplicaKey): DrainWish | null {
    const course = this.courses.get(poolOf(key));
    if (course === undefined || !this.isMoving(poolOf(key))) return null;
    const wish = { ms: course.drainMs, extend: false, atOnce: true } as const;
    if (course.phase === 'forward' && !(course.cause === 'apply' && this.hasNew(key, course))) return { ...wish, why: 'reload' };
    course.isToGoBack = true;
    return { ...wish, why: 'rollback' };
  }

  /** Its engine is one of the new entry: it is drained only to go back. */
  private hasNew(key: ReplicaKey, { from, to }: Course): boolean {
    const engine = this.machine()
      .processes.leaders()
      .find((each) => each.key === key);
    return engine !== undefined && isAlike(engine.launch.spec, to) && !isAlike(from, to);
  }

  /** What it is being changed to; undefined: nothing. */
  entryAhead(poolId: string): PoolSpec | undefined {
    return this.courses.get(poolId)?.to;
  }

  /** A reload that goes back lets go of those that it drains. */
  isGoingBack(key: ReplicaKey): boolean {
    const course = this.courses.get(poolOf(key));
    // Nobody is told aloud that the restart of an apply goes back: its steps are to show it at the end of this one.
    if (course?.cause === 'apply' && course.phase === 'forward') course.isToGoBack = true;
    return course?.phase === 'back' || course?.isToGoBack === true;
  }

  asking(input: Input): void {
    this.input = input;
    this.changed.clear();
    for (const { from, was, touched } of this.courses.values())
      for (const key of keysOf(from)) {
        if (touched.has(key)) continue;
        was.set(key, this.now(key));
        this.others.waits(key);
      }
    if (input.type === 'requested') this.cancel(input);
    if (input.type !== 'verified') return;
    const course = this.courses.get(input.poolId);
    if (course?.operationId !== input.operationId || course.phase !== 'asked') return;
    const sound = input.obstacles.length === 0 && input.modelBytes === null;
    enter(course, sound ? 'forward' : 'refused', this.machine().now);
    if (!sound) return;
    if (input.name !== null) course.to = withChosen(course.to, { ...course.to, modelId: input.name });
    this.others.begins(course);
  }

  /** What is wrong with an answer; null: nothing. */
  answered(input: Input, answer: Answer | null): string | null {
    this.input = null;
    if (answer?.ok === false) this.undo();
    this.undo = () => {};
    if (input.type !== 'reload-requested' || answer === null) return null;
    const spec = this.entries.specs.get(input.poolId);
    if (!answer.ok) {
      const can = spec !== undefined && spec.model !== null;
      return can && answer.refusal.code === 'NOT_SUPPORTED' ? `${input.poolId} has a model, and cannot be reloaded` : null;
    }
    if (spec === undefined) return `${input.poolId} is reloaded, and nobody knows it`;
    return 'operationId' in answer ? this.accepted(input, spec, answer.operationId) : null;
  }

  /** What is wrong with an event; null: nothing. */
  heard(event: Event, launched: PoolSpec | null): string | null {
    const { event: name, pool_id, replica_id, to, operation_id, result } = event;
    const course = pool_id === undefined ? undefined : this.courses.get(pool_id);
    if (name === 'reload.rolled_back' && course !== undefined) {
      course.toldBack = true;
      enter(course, 'back', this.machine().now);
    }
    if (name === 'operation.finished')
      for (const each of [...this.courses.values()])
        if (each.operationId === operation_id && (each.cause === 'reload' || result === 'cancelled'))
          this.end(each, result ?? '');
    if (to === undefined || pool_id === undefined || replica_id === undefined) return null;
    const key: ReplicaKey = `${pool_id}/${replica_id}`;
    this.states.set(key, to);
    this.changed.add(key);
    const wrong = to === 'ready' ? (this.misready(key, launched) ?? this.tooSoon(key)) : null;
    return (
      wrong ??
      (course === undefined || !this.isMoving(pool_id) ? null : taken(course, key, event, this.isAsked(key), this.machine().now))
    );
  }

  /** What is wrong with a launch; null: nothing. */
  launching({ key, spec, mask }: Launch): string | null {
    const present = this.entries.specs.get(poolOf(key));
    if (present === undefined) return `${key} is launched, and nobody knows its pool`;
    const course = this.courses.get(poolOf(key));
    const fitting = course === undefined ? [present] : allowed(course);
    const entry = fitting.find((each) => isAlike(each, spec));
    if (entry === undefined) return `${key} is launched with ${named(spec)}, and is to have ${fitting.map(named).join(' or ')}`;
    if (difference(entry, spec) !== 'none') return `${key} is launched, and goes by policies of before`;
    const due = entry.masks[keysOf(entry).indexOf(key)]?.written;
    return mask.written === due ? null : `${key} is launched on ${mask.written}, and is to be on ${due}`;
  }

  /** What is wrong after a step; null: nothing. */
  stepped(supervisor: Supervisor): string | null {
    if (!supervisor.alive || (this.courses.size === 0 && this.ended.length === 0)) return null;
    const machine = this.machine();
    for (const course of [...this.courses.values(), ...this.ended]) {
      const { state, quietSince } = supervisor;
      const wrong = followed(course, state, this.others, (key) => this.now(key), machine.now);
      if (wrong !== null) return wrong;
      this.closeIfOver(course, supervisor);
      const late = overdue(course, quietSince, machine.now);
      if (late !== null) return late;
    }
    const scene = { machine, stateOf: (key: ReplicaKey) => this.stateOf(key), others: this.others };
    const wrong = this.ended.map((course) => misended(course, supervisor.state, scene)).find((each) => each !== null);
    this.ended = [];
    return wrong ?? null;
  }

  private accepted({ poolId, chosen, drainMs }: Wanted, from: PoolSpec, operationId: string): string | null {
    const to = withChosen(from, chosen);
    if (isSame(from, to))
      return ![...this.changed].some((key) => poolOf(key) === poolId) ? null : `${poolId} has that model already, and is touched`;
    if (this.courses.has(poolId)) return `${poolId} is reloaded twice at once`;
    this.begin({ cause: 'reload', operationId, from, to, drainMs: drainMs ?? from.drain.deadlineMs, above: null }, false);
    return null;
  }

  /** `moves`: to where others have yet to leave, so that nobody could go first. */
  private begin(wish: Pick<Course, 'cause' | 'operationId' | 'from' | 'to' | 'drainMs' | 'above'>, moves: boolean): void {
    const { strategy } = wish.to.reload;
    const ready = keysOf(wish.from).filter((key) => this.machine().handoffs.has(key)).length;
    this.courses.set(wish.from.poolId, {
      ...wish,
      rolling: !moves && (strategy === 'rolling' || (strategy === 'auto' && ready >= 2)),
      ...{ phase: 'asked', since: this.machine().now, was: new Map(), cancelled: false, toldBack: false, result: null },
      ...{ touched: new Set(), returned: new Set(), out: new Map(), downs: new Set(), isToGoBack: false },
    });
  }

  private specOf(poolId: string): PoolSpec {
    const spec = this.entries.specs.get(poolId);
    if (spec === undefined) throw new RangeError(`nobody knows ${poolId}`);
    return spec;
  }

  /** A drain and a stop win over it: it goes back, and they stay down. */
  private cancel({ verb, poolId }: Extract<Input, { type: 'requested' }>): void {
    const course = this.courses.get(poolId);
    if (course === undefined || (verb !== 'stop' && verb !== 'drain')) return;
    const { cancelled, downs, phase, since } = course;
    const added = keysOf(course.from).filter((key) => this.isAsked(key) && !downs.has(key));
    course.cancelled = true;
    if (this.isMoving(poolId)) course.phase = 'back';
    for (const key of added) downs.add(key);
    this.undo = () => {
      Object.assign(course, { cancelled, phase, since });
      for (const key of added) downs.delete(key);
    };
  }

  /** An old engine has come back. `launched`: as it truly was, whatever its supervisor takes it for. */
  private misready(key: ReplicaKey, launched: PoolSpec | null): string | null {
    const course = this.courses.get(poolOf(key));
    const present = this.entries.specs.get(poolOf(key));
    if (launched === null || present === undefined || (course !== undefined && this.isMoving(poolOf(key)))) return null;
    return isAlike(launched, present) ? null : `${key} is ready with ${named(launched)}, and is to have ${named(present)}`;
  }

  private tooSoon(key: ReplicaKey): string | null {
    const course = this.courses.get(poolOf(key));
    const engine = this.machine()
      .processes.leaders()
      .find((each) => each.key === key);
    return course === undefined || engine === undefined ? null : hasty(course, engine, this.machine().now);
  }

  private isAsked(key: ReplicaKey): boolean {
    const { input } = this;
    if (input?.type === 'shutdown-requested') return true;
    return (
      input?.type === 'requested' &&
      input.poolId === poolOf(key) &&
      (input.replicaId === null || key.endsWith(`/${input.replicaId}`))
    );
  }

  private end(course: Course, result: string): void {
    const { poolId } = course.from;
    course.result = result;
    this.courses.delete(poolId);
    this.ended.push(course);
    if (result !== 'reloaded') return;
    this.entries.specs.set(poolId, course.to);
    if (course.cause === 'apply') {
      this.models.stands(poolId, course.above);
      const wanted = keysOf(course.from).some((key) => this.others.goalOf(key) === 'up');
      for (const key of keysOf(course.to).slice(course.from.masks.length)) this.states.set(key, wanted ? 'preparing' : 'stopped');
      return;
    }
    this.models.reloaded(course.to, course.from);
  }

  /** The restart of an apply has no end of its own that is told: its pool is said not to be under way any more. */
  private closeIfOver(course: Course, { state }: Supervisor): void {
    const { operationId, cause, from, result } = course;
    if (cause === 'reload' || result !== null || operationId === null || state.pools.get(from.poolId)?.reload != null) return;
    const steps = keysOf(from).map((key) => stepsOf(key, state.operations.get(operationId)?.steps ?? []));
    const lost = steps.some((step) => step.back === 'failed');
    // Who was never touched has nothing to go back from.
    const back =
      course.phase !== 'forward' || course.cancelled || !steps.every((step) => step.forth === 'done' && step.back === null);
    this.end(course, lost ? 'rollback_failed' : course.phase === 'refused' ? 'failed' : back ? 'rolled_back' : 'reloaded');
    this.others.ended(from.poolId, course.result ?? '');
  }

  private now(key: ReplicaKey): Was {
    return { state: this.states.get(key) ?? '', handoff: this.machine().handoffs.get(key) ?? null };
  }
}
