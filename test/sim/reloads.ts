/**
 * Whether all replicas of a pool change their model, or none does, and whether nobody loses anything by it. It knows which model each pool is to
 * have by what was asked and how that ended, over the deaths of supervisors too, and looks at the engines and the handoff files.
 */

import type { Answer } from '../../src/core/answers.js';
import type { Event } from '../../src/core/events.js';
import type { Input, Launch } from '../../src/core/messages.js';
import type { Inventory, PoolSpec, ReplicaKey } from '../../src/core/model.js';
import type { DrainWish } from './asked.js';
import {
  allowed,
  type Bystanders,
  type Course,
  hasty,
  longest,
  resting,
  stepsOf,
  unlikeBefore,
  unswitched,
  type Was,
} from './course.js';
import { keysOf, poolOf } from './keys.js';
import type { Machine } from './machine.js';
import { type Above, type Aboves, above, holding, isSame, withChosen } from './models-book.js';
import type { Supervisor } from './supervisor.js';

type Wanted = Extract<Input, { type: 'reload-requested' }>;

const gone: ReadonlySet<string> = new Set(['failed', 'broken', 'stuck']);

const givenUpMs = 600_000;

export class Reloads {
  private readonly courses = new Map<string, Course>();
  private aboves = new Map<string, Above>();
  private readonly specs = new Map<string, PoolSpec>();
  private readonly files = new Map<string, PoolSpec>();
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
  ) {}

  /** As it is when the registry is written. */
  copy(): Aboves {
    return new Map(this.aboves);
  }

  /** What the pools are to have now: the file, and what stands above it. */
  begun({ beginning: { written, inventory }, state }: Supervisor): Inventory {
    this.courses.clear();
    this.ended = [];
    this.aboves = written === null || written.ended === 'clean' ? new Map() : holding(written.aboves, inventory);
    const effective = above(inventory, this.aboves);
    this.specs.clear();
    this.files.clear();
    for (const spec of inventory.pools) this.files.set(spec.poolId, spec);
    for (const spec of effective.pools) this.specs.set(spec.poolId, spec);
    this.states.clear();
    for (const { replicas } of state.pools.values()) for (const { key, life } of replicas) this.states.set(key, life.state);
    return effective;
  }

  isMoving(poolId: string): boolean {
    const phase = this.courses.get(poolId)?.phase;
    return phase === 'forward' || phase === 'back';
  }

  /** Why a replica may be drained without anybody's asking. */
  drainWish(key: ReplicaKey): DrainWish | null {
    const course = this.courses.get(poolOf(key));
    if (course === undefined || !this.isMoving(poolOf(key))) return null;
    return { ms: course.drainMs, extend: false, why: course.phase === 'forward' ? 'reload' : 'rollback', atOnce: true };
  }

  /** A reload that goes back lets go of those that it drains. */
  isGoingBack(key: ReplicaKey): boolean {
    return this.courses.get(poolOf(key))?.phase === 'back';
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
    this.enter(course, sound ? 'forward' : 'refused');
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
    const spec = this.specs.get(input.poolId);
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
      this.enter(course, 'back');
    }
    if (name === 'operation.finished' && course !== undefined && course.operationId === operation_id)
      this.end(course, result ?? '');
    if (to === undefined || pool_id === undefined || replica_id === undefined) return null;
    const key: ReplicaKey = `${pool_id}/${replica_id}`;
    this.states.set(key, to);
    this.changed.add(key);
    const wrong = to === 'ready' ? (this.misready(key, launched) ?? this.tooSoon(key)) : null;
    return wrong ?? (course === undefined || !this.isMoving(pool_id) ? null : this.turned(course, key, to));
  }

  /** What is wrong with a launch; null: nothing. */
  launching({ key, spec }: Launch): string | null {
    const present = this.specs.get(poolOf(key));
    if (present === undefined) return `${key} is launched, and nobody knows its pool`;
    const course = this.courses.get(poolOf(key));
    const fitting = course === undefined ? [present] : allowed(course);
    if (fitting.some((each) => isSame(each, spec))) return null;
    return `${key} is launched with ${spec.model}, and is to have ${fitting.map(({ model }) => model).join(' or ')}`;
  }

  /** What is wrong after a step; null: nothing. */
  stepped(supervisor: Supervisor): string | null {
    if (!supervisor.alive || (this.courses.size === 0 && this.ended.length === 0)) return null;
    for (const course of [...this.courses.values(), ...this.ended]) {
      const wrong = this.followed(course, supervisor) ?? this.overdue(course, supervisor);
      if (wrong !== null) return wrong;
    }
    const wrong = this.ended.map((course) => this.misended(course, supervisor)).find((each) => each !== null);
    this.ended = [];
    return wrong ?? null;
  }

  private accepted({ poolId, chosen, drainMs }: Wanted, from: PoolSpec, operationId: string): string | null {
    const to = withChosen(from, chosen);
    if (isSame(from, to)) return this.changed.size === 0 ? null : `${poolId} has that model already, and is touched`;
    if (this.courses.has(poolId)) return `${poolId} is reloaded twice at once`;
    const { strategy } = from.reload;
    const ready = keysOf(from).filter((key) => this.machine().handoffs.has(key)).length;
    this.courses.set(poolId, {
      ...{ operationId, from, to, drainMs: drainMs ?? from.drain.deadlineMs },
      rolling: strategy === 'rolling' || (strategy === 'auto' && ready >= 2),
      ...{ phase: 'asked', since: this.machine().now, was: new Map(), cancelled: false, toldBack: false, result: null },
      ...{ touched: new Set(), returned: new Set(), out: new Map(), downs: new Set() },
    });
    return null;
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

  private enter(course: Course, phase: Course['phase']): void {
    course.phase = phase;
    course.since = this.machine().now;
  }

  private turned(course: Course, key: ReplicaKey, to: string): string | null {
    const { out, downs, rolling, was } = course;
    const rests = resting.has(to) && (downs.has(key) || resting.has(was.get(key)?.state ?? ''));
    if (to === 'ready' || to === 'unhealthy' || gone.has(to) || rests) out.delete(key);
    else if (to === 'draining' && !this.isAsked(key)) out.set(key, this.machine().now);
    // Who has waited so long for what it needs is given up, and the others go on.
    const away = [...out].filter(([, since]) => this.machine().now - since < givenUpMs).map(([each]) => each);
    return rolling && away.length > 1 ? `a rolling reload takes ${away.join(' and ')} at once` : null;
  }

  /** An old engine has come back. `launched`: as it truly was, whatever its supervisor takes it for. */
  private misready(key: ReplicaKey, launched: PoolSpec | null): string | null {
    const course = this.courses.get(poolOf(key));
    const present = this.specs.get(poolOf(key));
    if (launched === null || present === undefined || (course !== undefined && this.isMoving(poolOf(key)))) return null;
    return isSame(launched, present) ? null : `${key} is ready with ${launched.model}, and is to have ${present.model}`;
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
    this.specs.set(poolId, course.to);
    const file = this.files.get(poolId) ?? course.from;
    if (isSame(file, course.to)) this.aboves.delete(poolId);
    else this.aboves.set(poolId, { chosen: course.to, file });
  }

  /** By what its operation tells of its steps. */
  private followed(course: Course, { state }: Supervisor): string | null {
    const steps = state.operations.get(course.operationId)?.steps ?? [];
    for (const key of keysOf(course.from)) {
      const { turn, back } = stepsOf(key, steps);
      if (turn && !course.touched.has(key)) {
        course.touched.add(key);
        if (resting.has(course.was.get(key)?.state ?? '')) this.others.forgets(course.from.poolId);
      }
      if ((back !== 'done' && back !== 'failed') || course.returned.has(key) || course.result === 'cancelled') continue;
      course.returned.add(key);
      this.others.returned(key, !resting.has(course.was.get(key)?.state ?? ''));
      const wrong = back === 'done' && this.others.goalOf(key) === 'up' ? unlikeBefore(key, course, this.now(key)) : null;
      if (wrong !== null) return wrong;
    }
    return null;
  }

  private overdue(course: Course, supervisor: Supervisor): string | null {
    const { phase, since, from } = course;
    const lasted = this.machine().now - Math.max(since, supervisor.quietSince);
    if (phase === 'refused' && course.result === null)
      return `the model for ${from.poolId} was found wanting, and its reload goes on`;
    return lasted > longest(course) ? `the reload of ${from.poolId} goes ${phase} for ${Math.round(lasted)} ms` : null;
  }

  private misended(course: Course, { state }: Supervisor): string | null {
    const { from, to, result, phase, cancelled } = course;
    this.others.ends(course);
    if (result === 'cancelled') return null;
    const what = `the reload of ${from.poolId} has ended as ${result}`;
    const present = state.pools.get(from.poolId)?.spec;
    const due = result === 'reloaded' ? to : from;
    if (present !== undefined && !isSame(present, due)) return `${what}, and it shows ${present.model}`;
    if (phase === 'refused' && result !== 'failed') return `${what}, and its model was found wanting`;
    if (phase !== 'refused' && result === 'failed') return `${what}, and its model is sound`;
    if (result === 'reloaded' && cancelled) return `${what}, and it was cancelled`;
    const lost = keysOf(from).filter((key) => gone.has(this.states.get(key) ?? ''));
    for (const { key, launch, killed } of this.machine().processes.leaders())
      if (poolOf(key) === from.poolId && !isSame(launch.spec, due) && !killed && !lost.includes(key))
        return `${what}, and ${key} has ${launch.spec.model}`;
    const steps = state.operations.get(course.operationId)?.steps ?? [];
    const backs = keysOf(from).some((key) => stepsOf(key, steps).back !== null);
    if (backs && !course.toldBack) return `${what}, and nobody was told that it went back`;
    if (result === 'rollback_failed' && !keysOf(from).some((key) => stepsOf(key, steps).back === 'failed'))
      return `${what}, and all are as before`;
    const isUp = (key: ReplicaKey): boolean => this.others.goalOf(key) === 'up';
    return result === 'reloaded' ? unswitched(course, isUp, this.machine().handoffs) : null;
  }

  private now(key: ReplicaKey): Was {
    return { state: this.states.get(key) ?? '', handoff: this.machine().handoffs.get(key) ?? null };
  }
}
