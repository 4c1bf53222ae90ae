/** The virtual registry: whole or old, never torn; and what an observer knew when it was written. */

import type { Moment } from '../../src/core/model.js';
import type { RecordedState } from '../../src/core/record.js';
import type { Drains } from './drains.js';
import type { Goings } from './entries.js';
import type { Ledger } from './ledger.js';
import type { Aboves } from './models-book.js';
import type { Random } from './random.js';

export type Written = {
  readonly bootId: string;
  readonly ended: 'clean' | 'kept' | null;
  readonly at: Moment;
  readonly shuttingDown: boolean;
  /** Made only when it is read again: states never change. */
  readonly record: () => RecordedState;
  readonly ledger: Ledger;
  readonly drains: Drains;
  readonly aboves: Aboves;
  readonly goings: Goings;
};

export type RegistryWorld = {
  readonly random: Random;
  /** Asked when a write begins, so that it holds everything up to then. */
  readonly content: () => Written;
  readonly keep: (written: Written) => void;
  readonly after: (ms: number, run: () => void) => void;
  readonly isSlow: () => boolean;
  /** Told before a write begins, when it is on disk, and when those who waited for it have been told. The supervisor may die there. */
  readonly barrier: (at: 'before' | 'written' | 'told') => void;
};

/** As src/shell/registry.ts promises: one write at a time, and one more for all who ask meanwhile. */
export class Registry {
  private next: { readonly promise: Promise<void>; readonly resolve: () => void } | null = null;
  private writing = false;
  private touched = false;

  constructor(private readonly world: RegistryWorld) {}

  touch(): void {
    if (this.touched || this.next !== null) return;
    this.touched = true;
    this.world.after(20, () => {
      if (this.touched) void this.flush();
    });
  }

  flush(): Promise<void> {
    if (this.next !== null) return this.next.promise;
    let resolve: () => void = () => {};
    const promise = new Promise<void>((done) => {
      resolve = done;
    });
    this.next = { promise, resolve };
    if (!this.writing) this.begin();
    return promise;
  }

  private begin(): void {
    this.writing = true;
    const { random, after, isSlow, barrier } = this.world;
    after(0, () => {
      const { next } = this;
      this.next = null;
      this.touched = false;
      barrier('before');
      const written = this.world.content();
      after(isSlow() ? random.between(500, 8_000) : random.between(0.3, 4), () => {
        this.world.keep(written);
        barrier('written');
        next?.resolve();
        after(0, () => barrier('told'));
        this.writing = false;
        if (this.next !== null) this.begin();
      });
    });
  }
}
