/** The clients' own book of their leases. A lease stands in it as held only while that is beyond doubt. */

import type { Excuses } from './excuses.js';
import { policy } from './pools.js';
import { type Engine, named } from './witness.js';

export type Held = {
  readonly id: string;
  readonly key: string;
  /** Null: which engine it was granted for is not beyond doubt. */
  readonly engine: Engine | null;
  /** It lasts until then at least, by the moment that it was asked for. */
  until: number;
};

export class LeaseBook {
  private readonly held = new Map<string, Held>();

  constructor(
    private readonly excuses: Excuses,
    private readonly violate: (text: string) => void,
  ) {}

  granted(lease: Held): void {
    this.held.set(lease.id, lease);
    const { engine } = lease;
    if (engine === null || engine.goneAt !== null) return;
    const now = performance.now();
    const others = [...this.held.values()].filter((each) => each.engine === engine && each.until > now);
    if (others.length > policy.slots)
      this.violate(`${lease.key} has ${policy.slots} slots, and ${others.length} leases of them are held at the same time`);
  }

  renewed(id: string, until: number): void {
    const lease = this.held.get(id);
    if (lease !== undefined) lease.until = until;
  }

  /** From the moment that its return is on its way. */
  returned(id: string): void {
    this.held.delete(id);
  }

  /** They do not survive their supervisor. */
  lostAll(): void {
    this.held.clear();
  }

  isHeld(id: string): boolean {
    const lease = this.held.get(id);
    return lease !== undefined && lease.until > performance.now();
  }

  /** Whose leases are held, each as often as there are leases of it. */
  keys(): readonly string[] {
    return [...this.held.values()].filter(({ id }) => this.isHeld(id)).map(({ key }) => key);
  }

  /** An engine ended: had anybody a lease on it, and was there a reason to cut that? */
  died(engine: Engine): void {
    const held = [...this.held.values()].filter((lease) => lease.engine === engine);
    for (const { id } of held) this.held.delete(id);
    const cut = held.filter(({ until }) => until > (engine.goneAt ?? 0));
    if (cut.length === 0 || this.excuses.of(engine, true) !== null) return;
    this.violate(
      `${named(engine)} was ended while ${cut.length} leases on it were held (${cut.map(({ id }) => id).join(', ')}), and no deadline had passed`,
    );
  }
}
