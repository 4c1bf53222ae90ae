/** The ledger's count of automatic restarts: how many of a pool, and of a device, the policies allow in a window, and when they are a storm that trips. */

import type { Inventory, PoolSpec, ReplicaKey } from '../../src/core/model.js';
import type { breakerNames } from './account.js';
import { slackMs } from './policy.js';

export type Restart = { readonly at: number; readonly gpu: boolean };

export class Storms {
  /** By pool and by device, oldest first. */
  private readonly restarts = new Map<string, readonly Restart[]>();
  /** When a pool's storm was last told to have tripped: it counts more launches than are certain here, and does not trip again as long as they stay that many. */
  private readonly trippedAt = new Map<string, number>();

  /** All that another one has; of a device nothing is ever forgotten. `gone`: of these pools nothing is known any more. */
  take({ restarts, trippedAt }: Storms, gone: ReadonlySet<string> = new Set()): void {
    for (const [name, each] of restarts) if (!gone.has(name)) this.restarts.set(name, each);
    for (const [poolId, at] of trippedAt) this.trippedAt.set(poolId, at);
  }

  /** The same moments on the clock of another boot. */
  shift(byMs: number): void {
    for (const [name, restarts] of this.restarts)
      this.restarts.set(
        name,
        restarts.map(({ at, gpu }) => ({ at: at + byMs, gpu })),
      );
  }

  /** What its windows do not reach by now is forgotten: should they be widened later, nobody remembers it. */
  restarted(name: string, restart: Restart, windowMs: number): void {
    this.restarts.set(name, [...this.within(name, windowMs, restart.at), restart]);
  }

  forget(poolId: string): void {
    this.restarts.delete(poolId);
  }

  tripped(poolId: string, now: number): void {
    this.trippedAt.set(poolId, now);
  }

  /** One restart more of a pool: what is wrong with it; null: nothing. */
  over({ poolId, masks, restart: { storm } }: PoolSpec, now: number): string | null {
    return this.exceeded(poolId, Math.max(storm.limit, masks.length), storm.windowMs, now);
  }

  /** The same for the devices that it is on. */
  overDevices(
    key: ReplicaKey,
    uuids: readonly string[],
    specs: ReadonlyMap<string, PoolSpec>,
    { supervisor }: Inventory,
    now: number,
  ): string | null {
    const { limit, windowMs } = supervisor.deviceStorm;
    for (const uuid of uuids) {
      const neighbours = [...specs.values()].flatMap(({ masks }) =>
        masks.filter((mask) => mask.kind === 'list' && mask.ids.some((id) => uuid === `GPU-${id}`)),
      ).length;
      const over = this.exceeded(uuid, Math.max(limit, neighbours), windowMs, now);
      if (over !== null) return `${over} (${key})`;
    }
    return null;
  }

  /** So many restarts in so short a time open a breaker on all the pool's replicas: which; null: none. */
  trips({ poolId, masks, restart: { storm } }: PoolSpec, restart: Restart, now: number): (typeof breakerNames)[number] | null {
    const recent = [...this.within(poolId, storm.trip.windowMs, now), restart];
    const count = Math.max(storm.trip.count, 2 * masks.length);
    const last = this.trippedAt.get(poolId) ?? Number.NEGATIVE_INFINITY;
    if (recent.length !== count || now - last < 3 * storm.trip.windowMs) return null;
    return recent.every(({ gpu }) => gpu) ? 'cuda' : 'general';
  }

  private exceeded(name: string, limit: number, windowMs: number, now: number): string | null {
    const count = this.within(name, windowMs, now).length + 1;
    return count > limit ? `${count} restarts of ${name} in ${windowMs} ms, where ${limit} are allowed` : null;
  }

  private within(name: string, windowMs: number, now: number): readonly Restart[] {
    return (this.restarts.get(name) ?? []).filter(({ at }) => at > now - windowMs + slackMs);
  }
}
