/** Whose engines may be ended: somebody asked for it, they are not to be adopted, or they were not well. */

import type { Answer } from '../../src/core/answers.js';
import type { Input } from '../../src/core/messages.js';
import type { ReplicaKey } from '../../src/core/model.js';
import type { RecordedState } from '../../src/core/record.js';
import type { Beats } from './beats.js';
import { poolOf } from './keys.js';
import type { Ledger } from './ledger.js';
import type { Machine } from './machine.js';
import type { Process } from './processes.js';
import { endable } from './resumption.js';
import type { Supervisor } from './supervisor.js';

/** An engine that takes longer to load may come too late for its deadline. */
const longLoadMs = 50_000;

export class Blame {
  /** By instance. */
  private readonly asked = new Set<string>();
  /** Instances of pools that this supervisor's file no longer has. */
  private readonly retiring = new Set<string>();
  /** By the order that is being given: taken back where it is refused. */
  private permitted: readonly string[] = [];

  constructor(
    private readonly machine: () => Machine,
    private readonly beats: Beats,
  ) {}

  begun(ledger: Ledger, supervisor: Supervisor, record: RecordedState | null): void {
    for (const process of this.machine().processes.leaders()) {
      // Whose stop was written down is stopped, also where the file has its pool again.
      const isEnding = this.retiring.has(process.instance) && record?.replicas[process.key]?.life.state === 'ending';
      if (isEnding || endable(process, ledger, supervisor) !== null) this.asked.add(process.instance);
    }
    this.retiring.clear();
  }

  /** An order to end engines is carried out before it is answered. */
  asking(input: Input): void {
    if (input.type === 'requested') this.permitted = this.permit((key) => poolOf(key) === input.poolId);
    if (input.type === 'shutdown-requested') this.permitted = this.permit((_, dies) => input.keep !== true || dies);
  }

  answered(answer: Answer | null): void {
    if (answer?.ok === false) for (const instance of this.permitted) this.asked.delete(instance);
    this.permitted = [];
  }

  retires(poolId: string): void {
    for (const { key, instance } of this.machine().processes.leaders()) if (poolOf(key) === poolId) this.retiring.add(instance);
  }

  mayEnd(instance: string): void {
    this.asked.add(instance);
  }

  /** Answers whom that makes a difference to. */
  permit(which: (key: ReplicaKey, diesWithSupervisor: boolean) => boolean): readonly string[] {
    const permitted = this.machine()
      .processes.leaders()
      .filter(({ key, instance, launch }) => which(key, launch.spec.isolate.dieWithSupervisor) && !this.asked.has(instance))
      .map(({ instance }) => instance);
    for (const instance of permitted) this.asked.add(instance);
    return permitted;
  }

  /** Whoever ends it now has to have a reason of their own. */
  spare(key: ReplicaKey): void {
    for (const process of this.machine().processes.leaders()) if (process.key === key) this.asked.delete(process.instance);
  }

  /** It is told to end. What is wrong with that; null: nothing. */
  signalled(process: Process, ledger: Ledger): string | null {
    const { key, instance, incarnation, wasUnwell, loadedAt, bornAt } = process;
    if (wasUnwell || loadedAt === null || this.asked.has(instance) || loadedAt - bornAt > longLoadMs) return null;
    if (ledger.of(key).goal === 'down' || ledger.isRestarting(key)) return null;
    if (this.machine().supervisor?.state.shutdown != null) return null;
    // One that counts as ready without a probe may load yet when an apply has it probed.
    if (!this.beats.isKnown(process)) return null;
    return `a healthy engine is ended, and nobody asked: ${key} #${incarnation}`;
  }
}
