/** By which policies an engine is drained: for how long, whether its own requests count, and how it is stopped then. */

import type { PoolSpec, ReplicaKey } from '../../src/core/model.js';
import type { DrainWish } from './asked.js';
import type { Entries } from './entries.js';
import { poolOf } from './keys.js';
import type { Machine } from './machine.js';
import { entryOf } from './supervisor.js';

export class DrainPolicies {
  /** How long the shutdown of the supervisor waits. */
  shutdownMs = 0;

  constructor(
    private readonly machine: () => Machine,
    private readonly entries: Entries,
    /** What a pool is being changed to; undefined: nothing. */
    private readonly ahead: (poolId: string) => PoolSpec | undefined,
  ) {}

  /** While a reload or the restart of an apply is on its way to another entry, or back, nobody is told by which of them. */
  asks(key: ReplicaKey, by: 'all' | 'any' = 'all'): boolean {
    const entries = [this.entries.specs.get(poolOf(key)), this.ahead(poolOf(key))];
    const asking = (entry: PoolSpec | undefined): boolean => entry?.drain.inflight !== 'off';
    return by === 'all' ? entries.every(asking) : entries.some((entry) => entry !== undefined && asking(entry));
  }

  /** How long its engine may take to obey. */
  graceOf(key: ReplicaKey): number {
    const engines = this.machine()
      .processes.leaders()
      .filter((each) => each.key === key);
    const graces = engines
      .flatMap((each) => [each.launch.spec, this.entries.goesBy(each.launch)])
      .map(({ stop }) => stop.graceMs);
    return Math.max(this.entries.specs.get(poolOf(key))?.stop.graceMs ?? 0, ...graces);
  }

  /** The entry of the inventory that its engine goes by; null: it has none. */
  entryOf(key: ReplicaKey): string | null {
    const engine = this.machine()
      .processes.leaders()
      .find((each) => each.key === key);
    return engine === undefined ? null : entryOf(this.entries.goesBy(engine.launch));
  }

  /** How long it may be drained. */
  msOf(key: ReplicaKey, { ms, why }: DrainWish): number {
    return ms ?? (why === 'shutdown' ? this.shutdownMs : (this.entries.specs.get(poolOf(key))?.drain.deadlineMs ?? 0));
  }
}
