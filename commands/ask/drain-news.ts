/** What the event stream tells of drains while they are waited for: whose leases were cut, which deadlines passed, and what has ended. */

import type { EventLine } from '../../src/api/wire.js';
import type { Target } from './selectors.js';

/** What the sentence at the end tells of those who were cut off. */
export type Losses = {
  /** Who had the leases that were lost, in the order in which they were; null for one that nobody put a name to. */
  readonly holders: readonly (string | null)[];
  /** When the last of the drains that ended at their deadline did, in epoch milliseconds; null: none did. */
  readonly deadlineAt: number | null;
};

type Place = { readonly poolId: unknown; readonly replicaId: unknown };

export class DrainNews {
  private readonly lost: (Place & { readonly holder: string | null })[] = [];
  private readonly passed: (Place & { readonly at: number })[] = [];
  private readonly finished = new Set<unknown>();
  private readonly waiting = new Set<() => void>();
  /** Something was not told to us: what is waited for may have been among it. */
  private missed = false;
  private over = false;

  hear({ event, pool_id: poolId, replica_id: replicaId, holder, because, result, time, operation_id }: EventLine): void {
    const place = { poolId, replicaId };
    if (event === 'lease.lost') this.lost.push({ ...place, holder: typeof holder === 'string' ? holder : null });
    if (event === 'replica.stopping' && because === 'drained' && result === 'forced')
      this.passed.push({ ...place, at: Date.parse(time) });
    if (event === 'gap') this.missed = true;
    if (event === 'operation.finished') this.finished.add(operation_id);
    if (event === 'supervisor.stopped') this.over = true;
    this.wake();
  }

  /** There will be no more. */
  end(): void {
    this.over = true;
    this.wake();
  }

  /** Until the end of the operation was heard of, and with it all that came before; or until there is no more to hear. */
  async untilFinished(operationId: string): Promise<void> {
    await this.until(() => this.missed || this.finished.has(operationId));
  }

  /** Until the supervisor has said that it has ended, or has gone. */
  async untilOver(): Promise<void> {
    await this.until(() => this.over);
  }

  /** Of one target; null: of all. */
  lossesOf(target: Target | null): Losses {
    const passed = this.passed.filter((each) => isOf(each, target)).map(({ at }) => at);
    return {
      holders: this.lost.filter((each) => isOf(each, target)).map(({ holder }) => holder),
      deadlineAt: passed.length === 0 ? null : Math.max(...passed),
    };
  }

  private async until(come: () => boolean): Promise<void> {
    while (!come() && !this.over) {
      await new Promise<void>((resolve) => {
        this.waiting.add(resolve);
      });
    }
  }

  private wake(): void {
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
  }
}

function isOf({ poolId, replicaId }: Place, target: Target | null): boolean {
  return target === null || (poolId === target.poolId && (target.replicaId === null || replicaId === target.replicaId));
}
