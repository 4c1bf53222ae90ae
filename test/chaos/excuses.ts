/**
 * Why an engine may have ended: what was done to it, and what was asked for. An engine that ends without any of that was ended by poolctl for
 * no reason, or died of something that poolctl did.
 */

import { models } from './pools.js';
import type { Engine } from './witness.js';

/** A wish that may end engines. It is open from the moment that it was sent: it may have been heard though no answer came. */
export type Excuse = {
  readonly what: string;
  readonly keys: ReadonlySet<string>;
  readonly from: number;
  /** From then on leases and requests may be cut. */
  forceFrom: number;
  /** A change that its supervisor has not brought to its end: the next one stops what it finds of it, and drains nothing. */
  readonly isChange: boolean;
  /** It has certainly come to its end then; infinite: it may be at work yet. */
  until: number;
};

type Fault = { readonly what: string; readonly key: string; readonly from: number; readonly until: number };

/** What an operation has done is seen so much later at most. */
const settledMs = 2_000;

export class Excuses {
  private readonly excuses: Excuse[] = [];
  private readonly faults: Fault[] = [];

  open(what: string, keys: readonly string[], forceInMs: number, isChange = false): Excuse {
    const from = performance.now();
    const until = Number.POSITIVE_INFINITY;
    const excuse = { what, keys: new Set(keys), from, forceFrom: from + forceInMs, isChange, until };
    this.excuses.push(excuse);
    return excuse;
  }

  close(excuse: Excuse): void {
    excuse.until = Math.min(excuse.until, performance.now() + settledMs);
  }

  /** Changes that were at work are taken back or brought about by the next supervisor, at once. */
  supervisorGone(): void {
    const now = performance.now();
    for (const excuse of this.excuses) {
      if (excuse.isChange && excuse.until > now) excuse.forceFrom = Math.min(excuse.forceFrom, now);
    }
  }

  /** Nothing is at work any more. */
  closeAll(): void {
    for (const excuse of this.excuses) this.close(excuse);
  }

  /** Whoever of that replica lived in that time may die of it, whenever that is. */
  fault(what: string, key: string, from: number): void {
    this.faults.push({ what, key, from, until: performance.now() + settledMs });
  }

  /** Why it may have ended; null: for no reason. `cut`: while it had leases or requests. */
  of({ key, model, bornAt, aliveAt, goneAt }: Engine, cut = false): string | null {
    if (model === models.bad) return 'its model';
    const end = goneAt ?? performance.now();
    const fault = this.faults.find((each) => each.key === key && each.from <= end && each.until >= bornAt);
    if (fault !== undefined) return fault.what;
    const wish = this.excuses.find(
      ({ keys, from, forceFrom, until }) => keys.has(key) && (cut ? forceFrom : from) <= end && until >= aliveAt,
    );
    return wish?.what ?? null;
  }

  /** Whose wishes were sent since. */
  askedSince(at: number): readonly string[] {
    return this.excuses.filter(({ from }) => from >= at).flatMap(({ keys }) => [...keys]);
  }

  /** What is at work now. */
  openOn(key: string): readonly Excuse[] {
    const now = performance.now();
    return this.excuses.filter(({ keys, until }) => keys.has(key) && until > now);
  }
}
