/** A virtual supervisor: the real core, the real runtime and the real order of effects, on virtual hands and a virtual clock. */

import type { Answer, AnswerTo, LeaseAnswer } from '../../src/core/answers.js';
import type { Event } from '../../src/core/events.js';
import type { ExitEvidence } from '../../src/core/facts.js';
import type { Input, LeaseWish } from '../../src/core/messages.js';
import type { Inventory, PoolSpec } from '../../src/core/model.js';
import { recorded } from '../../src/core/record.js';
import { restore } from '../../src/core/restore.js';
import type { State } from '../../src/core/state.js';
import type { Clock } from '../../src/shell/clock.js';
import { makePerform, type Reports } from '../../src/shell/perform.js';
import { makeRuntime, type Runtime } from '../../src/shell/runtime.js';
import { makeAlarm } from './alarm.js';
import { Registry, type Written } from './disk.js';
import { type alarmOf, bySignal } from './exits.js';
import { makeVirtualHands } from './hands.js';
import { clearLeftovers } from './leftovers.js';
import type { Machine } from './machine.js';
import type { Death, Process } from './processes.js';

export type Beginning = {
  readonly inventory: Inventory;
  readonly named: readonly string[];
  /** What the last one wrote; null: there was none, or it cannot be read. */
  readonly written: Written | null;
  readonly keep: (written: Written) => void;
  readonly barrier: (at: 'before' | 'written' | 'told', supervisor: Supervisor) => void;
  readonly ended: () => void;
};

export class Supervisor {
  alive = true;
  readonly bornAt: number;
  readonly registry: Registry;
  readonly runtime: Runtime;
  /** Nothing is taken before then: it is stopped, or starved. */
  private stalledUntil = 0;
  private disturbedAt = -1;
  private ended: Written['ended'] = null;
  private readonly children = new Map<Process, Reports>();
  /** How engines ended that nobody waited for yet. */
  private readonly deaths = new Map<Process, Death>();

  constructor(
    private readonly machine: Machine,
    readonly beginning: Beginning,
  ) {
    const { inventory, named, written } = beginning;
    this.bornAt = machine.now;
    const random = machine.random.fork(`supervisor ${machine.now}`);
    const restored = restore({
      ...{ inventory, named, exitOnAllFailed: false, entryOf },
      devices: machine.gpus.observe([...machine.processes.living.values()], machine.monotonicMs, machine.now),
      now: machine.monotonicMs,
      wallMs: machine.wallMs,
      record: written === null ? null : (JSON.parse(JSON.stringify(written.record())) as ReturnType<Written['record']>),
      clean: written?.ended === 'clean',
      sameBoot: written?.bootId === machine.bootId,
    });
    const unrecorded = written === null ? machine.processes.trees().map(asLeft) : [];
    const leftovers = [...restored.state.leftovers, ...unrecorded];
    machine.handoffs.clear();
    this.registry = new Registry({
      random,
      content: () => this.content(),
      keep: beginning.keep,
      after: this.after,
      isSlow: () => machine.now < machine.slowDiskUntil,
      barrier: (at) => beginning.barrier(at, this),
    });
    const clock: Clock = {
      now: () => machine.monotonicMs,
      wallMs: () => machine.wallMs,
      alarm: makeAlarm(machine, (ring) => this.deliver(ring)),
      lagMs: () => 0,
    };
    let ids = 0;
    const chance = {
      rand: () => random.next(),
      id: () => {
        ids += 1;
        return `${machine.bootId}-${Math.floor(machine.now)}-${ids}`;
      },
    };
    const perform = makePerform(makeVirtualHands(machine, this));
    const state = { ...restored.state, leftovers };
    this.runtime = makeRuntime(
      { ...restored, state },
      clock,
      (effects, give) => {
        machine.watch.effects(effects, this);
        perform(effects, (input) => this.take(input, give));
      },
      chance,
    );
    this.runtime.onEvent((event) => this.tell(event));
    this.runtime.onInput(() => machine.watch.stepped(this));
  }

  /** Since when it has run without a disturbance. */
  get quietSince(): number {
    return Math.max(this.bornAt, this.disturbedAt);
  }

  get state(): State {
    return this.runtime.state();
  }

  begin(): void {
    const { machine } = this;
    machine.supervisor = this;
    machine.watch.begun(this);
    this.runtime.begin();
    this.registry.touch();
    void clearLeftovers(this.state.leftovers, machine, this.later).then(() => this.give({ type: 'leftovers-gone' }));
  }

  /** An input from outside of the hands. */
  give<I extends Input>(input: I): AnswerTo<I> | null {
    return this.alive ? (this.take(input, (each) => this.runtime.give(each)) as AnswerTo<I> | null) : null;
  }

  /** What a client asks waits for the end of a stall; of a supervisor that is dead by then it hears nothing. */
  ask(wish: LeaseWish, hear: (answer: LeaseAnswer) => void): void {
    this.deliver(() => {
      const answer = this.give(wish);
      if (answer !== null) hear(answer);
    });
  }

  /** `kill -9`. What has not been written is lost, and its engines live on. */
  die(): void {
    this.alive = false;
    this.machine.supervisor = null;
    for (const { key, launch, instance } of this.machine.processes.leaders()) {
      if (!launch.spec.isolate.dieWithSupervisor) continue;
      this.machine.watch.note(() => `${key} goes with its supervisor`);
      for (const each of this.machine.processes.treeOf(instance))
        if (each.isLeader) this.machine.processes.die(each, bySignal.kill);
    }
    this.beginning.ended();
  }

  /** It has come to its end as asked. */
  end(_exit: number): void {
    if (!this.alive || this.ended !== null) return;
    this.ended = this.state.shutdown?.keep === true ? 'kept' : 'clean';
    this.machine.watch.atEnd(this, this.ended);
    this.beginning.keep(this.content());
    this.alive = false;
    this.machine.supervisor = null;
    this.beginning.ended();
  }

  /** SIGSTOP, or a starved machine: everything that comes meanwhile is met at the end, all at once. */
  stall(forMs: number): void {
    // One in another ends with the longer one: what waits for its end does not come earlier.
    this.stalledUntil = Math.max(this.stalledUntil, this.machine.now + forMs);
    this.disturbedAt = this.stalledUntil;
  }

  /** The machine slept: what was out then cannot be judged. */
  slept(): void {
    // A stall that it falls into goes on.
    this.disturbedAt = Math.max(this.disturbedAt, this.machine.now);
  }

  wasDisturbed(since: number): boolean {
    return since <= this.disturbedAt;
  }

  /** Tells of the process's end, never at once. */
  wait(process: Process, reports: Reports): void {
    this.children.set(process, reports);
    const death = this.deaths.get(process);
    if (death !== undefined) this.reap(death);
    else if (!process.alive) this.after(400, () => this.tellUnseen(process, reports));
  }

  reap(death: Death): void {
    const { process, how, empty } = death;
    const reports = this.children.get(process);
    if (reports === undefined) {
      this.deaths.set(process, death);
      return;
    }
    this.children.delete(process);
    const isChild = process.bornAt >= this.bornAt;
    // A long log is read for longer.
    const slow = how.exit.lastLines.length > 0 && process.pid % 7 === 0;
    if (slow) {
      this.machine.watch.count('a death takes time to be found out');
      this.after(isChild ? 1 : 400, () => reports.died());
    }
    if (isChild) this.after(slow ? 900 : 1, () => reports.exited(how.exit, empty));
    else this.after(slow ? 1_300 : 400, () => this.tellUnseen(process, reports));
  }

  private tellUnseen({ instance }: Process, reports: Reports): void {
    reports.exited(this.unseen(instance), this.machine.processes.treeOf(instance).length === 0);
  }

  /** Of an engine that is no child: nobody is told its code, and its log tells the rest. */
  unseen(instance: string): ExitEvidence {
    return { ...bySignal.unseen, diagnosis: this.machine.watch.howOf(instance)?.exit.diagnosis ?? null };
  }

  hear({ key, incarnation, launch }: Process, alarm: ReturnType<typeof alarmOf>): void {
    if (launch.spec.engine === 'command') return;
    this.machine.watch.count(`alarm: ${alarm.kind}`);
    // Who follows a log may fall behind; the engine may have a successor by then.
    const lateMs = this.machine.random.chance(0.3) ? this.machine.random.exponential(30_000) : 5;
    this.after(lateMs, () => this.give({ type: 'alarmed', key, incarnation, alarm }));
  }

  /** A promise of what `look` says in so many ms, and never where this supervisor is dead by then. */
  readonly later = <T>(ms: number, look: () => T): Promise<T> => new Promise((resolve) => this.after(ms, () => resolve(look())));

  private readonly after = (ms: number, run: () => void): void => this.machine.timeline.after(ms, () => this.deliver(run));

  private deliver(run: () => void): void {
    if (!this.alive) return;
    if (this.machine.now < this.stalledUntil) this.machine.timeline.at(this.stalledUntil, () => this.deliver(run));
    else run();
  }

  private take(input: Input, give: (input: Input) => unknown): Answer | null {
    if (!this.alive) return null;
    const { watch } = this.machine;
    watch.before(input);
    const answer = give(input) as Answer | null | undefined;
    watch.after(input, answer ?? null, this);
    return answer ?? null;
  }

  private tell(event: Event): void {
    this.machine.watch.heard(event, this);
    this.registry.touch();
  }

  private content(): Written {
    const { state, machine } = this;
    const at = { at: machine.monotonicMs, wallMs: machine.wallMs };
    return {
      ...{ bootId: machine.bootId, ended: this.ended, at, shuttingDown: state.shutdown !== null },
      record: () => recorded(state, entryOf, at),
      ledger: machine.watch.ledger.copy(),
      drains: machine.watch.drains.copy(),
      aboves: machine.watch.reloads.models.copy(),
      goings: machine.watch.entries.copy(),
    };
  }
}

/** Tells one entry from another, as the digest of the real one does. */
export function entryOf(spec: PoolSpec): string {
  const known = entries.get(spec);
  if (known !== undefined) return known;
  // A name that was found is no part of the entry.
  const entry = JSON.stringify(spec.modelIdGiven ? spec : { ...spec, modelId: null });
  entries.set(spec, entry);
  return entry;
}

const entries = new WeakMap<PoolSpec, string>();

function asLeft({ launch, pid, startTicks }: Process): State['leftovers'][number] {
  const { key, incarnation, instance, devices, port, spec } = launch;
  const identity = { pid, startTicks, instance, logOffset: 0 };
  return { key, incarnation, instance, identity, startedAt: { at: 0, wallMs: 0 }, devices, port, stop: spec.stop, entry: '' };
}
