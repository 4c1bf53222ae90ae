/** The observer: sees all that the supervisor does to the world and says, holds it against the invariants, and keeps the trace. */

import type { Answer } from '../../src/core/answers.js';
import type { Event } from '../../src/core/events.js';
import type { Effect, Input, Launch } from '../../src/core/messages.js';
import type { Inventory, ReplicaKey } from '../../src/core/model.js';
import { Applies } from './applies.js';
import { Beats } from './beats.js';
import { Blame } from './blame.js';
import { Bounds } from './bounds.js';
import type { Bystanders } from './course.js';
import { DrainWatch } from './drains.js';
import { Entries } from './entries.js';
import type { Ending } from './exits.js';
import { keysOf, poolOf } from './keys.js';
import { Leases } from './leases.js';
import { Ledger } from './ledger.js';
import type { Machine } from './machine.js';
import { hasty, misfit } from './memory.js';
import type { Death, Process } from './processes.js';
import { Reloads } from './reloads.js';
import { lost, resumed } from './resumption.js';
import type { Supervisor } from './supervisor.js';
import { misstated } from './telling.js';
import { line, news, told } from './trace.js';
import { type Standing, untracked } from './tracking.js';

const quiet: ReadonlySet<Effect['type']> = new Set(['probe', 'poll', 'generate', 'observe']);
/** However quiet it is, everything is looked at every so many inputs. */
const lookEvery = 200;

export class Watch {
  ledger: Ledger;
  violation: string | null = null;
  inputs = 0;
  readonly faults = new Map<string, number>();
  private readonly engines = new Map<string, Process>();
  private readonly ends = new Map<string, Ending>();
  private readonly blame: Blame;
  /** Told to be stuck, and left alone. */
  private readonly given = new Set<string>();
  private launched = new Set<string>();
  private bounds = new Bounds();
  private readonly leases: Leases;
  readonly drains: DrainWatch;
  readonly reloads: Reloads;
  readonly entries = new Entries();
  private readonly applies: Applies;
  private readonly beats: Beats;
  private stirred = false;

  constructor(
    inventory: Inventory,
    private readonly machine: () => Machine,
    private readonly trace: ((text: string) => void) | null,
  ) {
    this.ledger = new Ledger(inventory);
    this.beats = new Beats(machine, this.entries);
    this.blame = new Blame(machine, this.beats);
    const hasTold = (launch: Launch, since: number): boolean => this.beats.hasTold(launch, since);
    this.leases = new Leases(machine, (key) => this.drains.isShown(key), hasTold, this.entries);
    this.drains = new DrainWatch(
      machine,
      (key) => this.leases.countOf(key),
      (key) => this.blame.spare(key),
      () => this.reloads,
      () => this.applies,
      this.entries,
    );
    this.applies = new Applies(machine, this.entries, () => this.reloads, {
      starts: (spec) => this.ledger.starts(spec),
      changes: (spec) => {
        this.ledger.changes(spec, machine().monotonicMs);
        this.beats.changes(spec.poolId);
      },
      retires: (spec) => {
        this.ledger.retires(spec);
        this.drains.retires(spec);
        this.blame.retires(spec.poolId);
      },
      gone: (spec) => {
        this.ledger.gone(spec);
        this.reloads.forget(spec.poolId);
        this.entries.specs.delete(spec.poolId);
      },
      supervises: (inventory) => {
        this.ledger.inventory = inventory;
        this.drains.supervises(inventory);
      },
    });
    const bystanders: Bystanders = {
      begins: ({ from }) => {
        this.ledger.reloads(from, machine().monotonicMs);
        this.blame.permit((key) => poolOf(key) === from.poolId);
      },
      forgets: (poolId) => this.ledger.storms.forget(poolId),
      waits: (key) => this.ledger.waits(key, machine().monotonicMs),
      returned: (key, ran) => this.ledger.returned(key, ran, machine().monotonicMs),
      ends: ({ from, to, result, touched }) => {
        if (result === 'cancelled') for (const key of touched) this.ledger.returned(key, false, machine().monotonicMs);
        this.ledger.reloaded(from, result === 'reloaded' ? to : null);
        for (const key of keysOf(from))
          if (machine().handoffs.has(key) && this.ledger.accounts.get(key)?.goal === 'up') this.blame.spare(key);
      },
      goalOf: (key) => this.ledger.of(key).goal,
      ended: (poolId, result) => this.applies.restarted(poolId, result),
    };
    this.reloads = new Reloads(machine, bystanders, this.entries);
  }

  note(text: () => string): void {
    if (this.trace !== null) this.trace(line(this.machine().now, text()));
  }

  count(fault: string): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
    this.note(() => `FAULT ${fault}`);
  }

  violate(text: string | null): void {
    if (text === null || this.violation !== null) return;
    this.violation = text;
    this.note(() => `VIOLATION ${text}`);
  }

  howOf(instance: string): Ending | null {
    return this.ends.get(instance) ?? null;
  }

  /** A supervisor is about to take its first step. */
  begun(supervisor: Supervisor): void {
    const machine = this.machine();
    const { written } = supervisor.beginning;
    this.note(() => `supervisor begins: ${written === null ? 'no registry' : (written.ended ?? 'after an unclean end')}`);
    const clock = { now: machine.monotonicMs, wallMs: machine.wallMs, bootId: machine.bootId };
    const living = new Set(machine.processes.leaders().map(({ key }) => key));
    const inventory = this.reloads.begun(supervisor);
    this.ledger = resumed(this.ledger, supervisor, inventory, clock, (key) => living.has(key));
    this.violate(lost(this.ledger, supervisor));
    this.violate(this.leases.begun(supervisor));
    this.drains.begun(supervisor);
    this.applies.begun(supervisor);
    this.beats.begun();
    this.bounds = new Bounds();
    const record = written?.record();
    const known = { ...record?.replicas, ...record?.retired };
    this.launched = new Set([...this.launched].filter((id) => id.slice(0, id.indexOf(' ')) in known));
    this.blame.begun(this.ledger, supervisor, record ?? null);
  }

  /** An order to end engines is carried out before it is answered. */
  before(input: Input): void {
    this.note(() => `> ${told(input)}`);
    this.leases.asking(input);
    this.drains.asking(input);
    this.reloads.asking(input);
    this.applies.asking(input);
    this.beats.asking(input);
    this.ledger.asking(input);
    this.blame.asking(input);
  }

  after(input: Input, answer: Answer | null, supervisor: Supervisor): void {
    this.inputs += 1;
    this.violate(this.leases.answered(input, answer));
    this.violate(this.drains.answered(answer?.ok === true && 'operationId' in answer ? answer.operationId : null));
    this.violate(this.reloads.answered(input, answer));
    this.violate(this.applies.answered(input, answer));
    this.blame.answered(answer);
    if (answer?.ok === false) this.note(() => `  refused: ${answer.refusal.message}`);
    if (input.type === 'requested' && answer?.ok === true && 'operationId' in answer) {
      this.ledger.asked(input, answer.operationId);
      if (supervisor.state.operations.get(answer.operationId)?.state !== 'running')
        this.ledger.finished(answer.operationId, (key) => goalOf(key, supervisor));
    }
    if (this.stirred || this.inputs % lookEvery === 0) this.look(supervisor);
    this.stirred = false;
  }

  effects(effects: readonly Effect[], supervisor: Supervisor): void {
    for (const effect of effects) {
      if (!quiet.has(effect.type)) this.stirred = true;
      this.note(() => `  < ${effect.type} ${'launch' in effect ? `${effect.launch.key} #${effect.launch.incarnation}` : ''}`);
      if (effect.type === 'probe') this.beats.probes(effect.launch);
      if (effect.type === 'spawn' && supervisor.alive)
        this.violate(this.reloads.launching(effect.launch) ?? this.ledger.launching(effect.launch, this.machine().monotonicMs));
    }
  }

  /** After each step, and before its answer. */
  stepped(supervisor: Supervisor): void {
    this.violate(
      this.leases.stepped(supervisor) ??
        this.drains.stepped(supervisor) ??
        this.reloads.stepped(supervisor) ??
        this.applies.stepped(supervisor) ??
        this.beats.stepped(supervisor),
    );
  }

  heard(event: Event, supervisor: Supervisor): void {
    this.note(() => `  ! ${news(event)}`);
    const { pool_id, replica_id, incarnation } = event;
    const engine = pool_id === undefined ? undefined : this.engines.get(`${pool_id}/${replica_id} ${incarnation}`);
    this.violate(
      this.reloads.heard(event, engine?.launch.spec ?? null) ??
        this.leases.heard(event) ??
        this.applies.heard(event) ??
        this.drains.heard(event, engine ?? null),
    );
    if (event.event.startsWith('lease.')) return;
    this.stirred = true;
    if (event.event === 'operation.finished') this.ledger.finished(event.operation_id ?? '', (key) => goalOf(key, supervisor));
    const how = engine === undefined ? null : this.howOf(engine.instance);
    this.ledger.told(event, how, this.machine().monotonicMs);
    if (pool_id === undefined || replica_id === undefined) return;
    this.beats.heard(event, `${pool_id}/${replica_id}`, engine ?? null);
    // What is moved may be ready, drained and given up again in one step.
    if ((event.event === 'replica.ready' || event.event === 'replica.draining') && this.reloads.isMoving(pool_id)) return;
    const spec = engine === undefined ? null : this.entries.goesBy(engine.launch);
    this.violate(misstated(event, { key: `${pool_id}/${replica_id}`, engine: engine ?? null, how, spec }, this.machine()));
  }

  /** A launch has come to a process, or failed to (null). */
  spawned(launch: Launch, process: Process | null, supervisor: Supervisor): void {
    const machine = this.machine();
    this.violate(misfit(launch, machine, supervisor) ?? hasty(launch, machine, supervisor, this.given));
    const id = `${launch.key} ${launch.incarnation}`;
    if (this.launched.has(id)) this.violate(`an incarnation is launched twice: ${id}`);
    this.launched.add(id);
    this.ledger.launched(launch.key);
    this.engines.delete(id);
    if (process === null) return;
    this.engines.set(id, process);
    this.entries.launched(process);
    if (this.ledger.isRestarting(launch.key) || this.reloads.isMoving(poolOf(launch.key))) this.blame.mayEnd(process.instance);
    for (const other of this.machine().processes.living.values()) {
      // Who has left the group of a dead engine is found beside its successor.
      if (other.instance === process.instance || this.given.has(other.instance) || (!other.isLeader && other.group === other.pid))
        continue;
      if (other.key === launch.key)
        this.violate(`a second engine beside a living one: ${id} beside pid ${other.pid} of #${other.incarnation}`);
      if (!other.isLeader) continue;
      if (other.launch.port === launch.port) this.violate(`two engines on port ${launch.port}: ${id} and ${other.key}`);
      const shared = other.launch.spec.share && launch.spec.share;
      const device = launch.devices.find(({ uuid }) => other.launch.devices.some((each) => each.uuid === uuid));
      if (!shared && device !== undefined) this.violate(`two engines on GPU ${device.index}: ${id} and ${other.key}`);
    }
  }

  signalled(launch: Launch, process: Process | null, rung: 'term' | 'kill'): void {
    this.note(() => `  ${rung} to ${launch.key} #${launch.incarnation}`);
    if (process !== null) this.violate(this.blame.signalled(process, this.ledger));
  }

  ended(death: Death): void {
    this.ends.set(death.process.instance, death.how);
  }

  /** A leftover that would not die is told of, and left alone. */
  abandoned(instance: string): void {
    this.given.add(instance);
  }

  /** A clean end leaves nobody behind but those that it has told to be stuck. */
  atEnd(supervisor: Supervisor, ended: 'clean' | 'kept'): void {
    this.note(() => `supervisor ends: ${ended}`);
    if (ended === 'kept') return;
    const stuck = new Set(
      [...supervisor.state.pools.values()].flatMap(({ replicas }) =>
        replicas.flatMap(({ key, life }) => (life.state === 'stuck' ? [key] : [])),
      ),
    );
    for (const { key, instance } of this.machine().processes.leaders())
      if (!stuck.has(key) && !this.given.has(instance))
        this.violate(`the supervisor ends as asked, and an engine lives on: ${key}`);
  }

  private look(supervisor: Supervisor): void {
    if (!supervisor.alive) return;
    const standing: Standing = { machine: this.machine(), supervisor, ledger: this.ledger, given: this.given };
    this.violate(untracked(standing) ?? this.bounds.broken(standing));
  }
}

/** A supervisor on its way down wants nobody up; what it wanted before holds. */
function goalOf(key: ReplicaKey, { state }: Supervisor): 'up' | 'down' {
  const before = state.shutdown?.goals.get(key);
  if (before !== undefined) return before;
  return state.pools.get(poolOf(key))?.replicas.find((replica) => replica.key === key)?.goal ?? 'down';
}
