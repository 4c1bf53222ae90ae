/** Whether operations that end engines tell how they ended: drained or by force, cancelled by whom, and how many leases they have cut. */

import type { Event } from '../../src/core/events.js';
import type { ReplicaKey } from '../../src/core/model.js';
import type { Asked } from './asked.js';
import type { Supervisor } from './supervisor.js';

type Kind = 'drain' | 'stop' | 'shutdown';

type Operation = {
  readonly kind: Kind;
  readonly keys: readonly ReplicaKey[];
  /** Those that have not come to rest. */
  readonly open: Set<ReplicaKey>;
  cut: number;
  forced: boolean;
  /** Whether it was by force is a matter of policies that were just changing. */
  doubtful: boolean;
  stuck: boolean;
};

const isEnding = (kind: string | undefined): kind is Kind => kind === 'drain' || kind === 'stop' || kind === 'shutdown';

export class Outcomes {
  private readonly operations = new Map<string, Operation>();
  /** Told to be finished in this step, and what they are to have counted. */
  private finished: { readonly id: string; readonly cut: number }[] = [];

  constructor(private readonly isStuck: (key: ReplicaKey) => boolean) {}

  begun(): void {
    this.operations.clear();
    this.finished = [];
  }

  /** What is wrong with an event; null: nothing. */
  heard(event: Event, asked: Asked): string | null {
    const { operation_id: id, kind, to, pool_id, replica_id } = event;
    if (event.event === 'operation.started' && id !== undefined && isEnding(kind))
      this.operations.set(id, {
        ...{ kind, keys: asked.targets, cut: 0, forced: false, doubtful: false },
        // Who was stuck before can no more be ended than who becomes so.
        open: new Set(asked.targets.filter((key) => !this.isStuck(key))),
        stuck: asked.targets.some(this.isStuck),
      });
    if (event.event === 'operation.finished' && id !== undefined) return this.finish(id, event, asked);
    const key: ReplicaKey = `${pool_id}/${replica_id ?? 'r0'}`;
    if (event.event === 'lease.lost') for (const operation of this.on(key)) operation.cut += 1;
    if (to !== 'stopped' && to !== 'stuck') return null;
    for (const operation of this.on(key)) {
      operation.open.delete(key);
      if (to === 'stuck') operation.stuck = true;
    }
    return null;
  }

  /** A drain came to its end by force. */
  force(key: ReplicaKey): void {
    for (const operation of this.on(key)) operation.forced = true;
  }

  doubt(key: ReplicaKey): void {
    for (const operation of this.on(key)) operation.doubtful = true;
  }

  /** What is wrong with the accounts of those that have ended in this step; null: nothing. */
  stepped({ state: { operations } }: Supervisor): string | null {
    if (this.finished.length === 0) return null;
    const { finished } = this;
    this.finished = [];
    for (const { id, cut } of finished) {
      const told = operations.get(id)?.cut;
      if (told !== undefined && told !== cut) return `operation ${id} tells of ${told} leases cut, where ${cut} were lost`;
    }
    return null;
  }

  /** What is wrong after an accepted request; null: nothing. It cancels what it overrides. */
  answered(asked: Asked, operationId: string): string | null {
    for (const [id, { kind, keys }] of this.operations)
      if (id !== operationId && asked.overrides(kind, keys)) return `a ${kind} is overridden, and goes on: operation ${id}`;
    return null;
  }

  private finish(id: string, { result }: Event, asked: Asked): string | null {
    const operation = this.operations.get(id);
    if (operation === undefined) return null;
    this.operations.delete(id);
    const { kind, keys, cut, forced, stuck, doubtful } = operation;
    this.finished.push({ id, cut });
    if (result === 'kept') return null;
    if (result === 'cancelled') return asked.overrides(kind, keys) ? null : `a ${kind} is cancelled, and nobody overrode it`;
    if (doubtful && !stuck && (result === 'forced' || result === 'drained' || result === 'stopped')) return null;
    const due = stuck ? 'failed' : kind !== 'stop' && forced ? 'forced' : kind === 'drain' ? 'drained' : 'stopped';
    return result === due ? null : `a ${kind} of ${keys.join(', ')} is told as ${result}, where it was ${due}`;
  }

  private on(key: ReplicaKey): readonly Operation[] {
    return [...this.operations.values()].filter(({ open }) => open.has(key));
  }
}
