/**
 * What the policies of the specification allow, kept by an observer who sees launches, exits, events and requests, and never asks the core: when a
 * replica may be launched by itself, and how often. All times are of the monotonic clock.
 */

import type { Event } from '../../src/core/events.js';
import type { Input, Launch } from '../../src/core/messages.js';
import type { Inventory, PoolSpec, ReplicaKey } from '../../src/core/model.js';
import { type Account, asBefore, breakerNames, copyOf, fresh, type Lifetime, renewed } from './account.js';
import { hear, want } from './account-events.js';
import type { Ending } from './exits.js';
import { keysOf, poolOf } from './keys.js';
import { longer, onLaunch, onReward, tripped, type Waits, waitsOf } from './policy.js';
import { Storms } from './storms.js';

type Requested = Extract<Input, { type: 'requested' }>;

export class Ledger {
  readonly accounts = new Map<ReplicaKey, Account>();
  readonly storms = new Storms();
  /** Restarts that are under way take one replica after another: by operation, whom. */
  readonly restarting = new Map<string, readonly ReplicaKey[]>();
  /** Pools that are being reloaded, and what their replicas had come to before their turn. */
  readonly reloading = new Map<string, Map<ReplicaKey, Account>>();
  /** Pools on their way out of the file. */
  private readonly retiring = new Set<string>();
  /** What places had come to that the file no longer has. */
  readonly retired = new Map<ReplicaKey, Lifetime>();
  /** The longest waits that any policy of a pool has made since it is watched: one that was made by an earlier policy goes on. */
  readonly longest = new Map<string, Waits>();
  private readonly specs = new Map<string, PoolSpec>();
  /** Breakers that are open let one launch through now, since somebody asks for that. */
  private once = false;

  constructor(public inventory: Inventory) {
    for (const spec of inventory.pools) {
      this.goesBy(spec);
      for (const key of keysOf(spec)) this.accounts.set(key, fresh(spec.autostart));
    }
  }

  copy(): Ledger {
    const copy = new Ledger({ ...this.inventory, pools: [] });
    copy.inventory = this.inventory;
    for (const [poolId, spec] of this.specs) copy.specs.set(poolId, spec);
    for (const [key, account] of this.accounts) copy.accounts.set(key, copyOf(account));
    // Who comes after a death in a reload finds what was before it, and makes it anew.
    for (const before of this.reloading.values())
      for (const [key, account] of before) copy.accounts.set(key, { ...asBefore(account, this.of(key)), excused: true });
    for (const [key, account] of copy.accounts)
      if (this.retiring.has(poolOf(key)) && this.specOf(key).autostart) account.goal = 'up';
    for (const [key, lifetime] of this.retired) copy.retired.set(key, lifetime);
    for (const [poolId, waits] of this.longest) copy.longest.set(poolId, waits);
    copy.storms.take(this.storms);
    for (const [id, keys] of this.restarting) copy.restarting.set(id, keys);
    return copy;
  }

  /** The monotonic clock of a new boot: the same moments on another scale. No engine has been ready since. */
  shift(byMs: number, writtenAt: number): void {
    for (const [key, account] of this.accounts) {
      onReward(account, this.specOf(key), writtenAt);
      account.notBefore += byMs;
      account.readySince = null;
      for (const name of breakerNames) {
        const breaker = account.breakers[name];
        account.breakers[name] = { ...breaker, until: breaker.until + byMs };
      }
    }
    this.storms.shift(byMs);
  }

  of(key: ReplicaKey): Account {
    const account = this.accounts.get(key);
    if (account === undefined) throw new RangeError(`nobody knows ${key}`);
    return account;
  }

  specOf(key: ReplicaKey): PoolSpec {
    const spec = this.specs.get(poolOf(key));
    if (spec === undefined) throw new RangeError(`nobody knows the pool of ${key}`);
    return spec;
  }

  isRestarting(key: ReplicaKey): boolean {
    return [...this.restarting.values()].some((keys) => keys.includes(key));
  }

  /** A restart that ends half done, or with its supervisor, never came to the later ones: they are wanted as they were. */
  finished(operationId: string, goalOf: (key: ReplicaKey) => Account['goal']): void {
    for (const key of this.restarting.get(operationId) ?? []) {
      const account = this.accounts.get(key);
      if (account === undefined) continue;
      account.goal = goalOf(key);
      // Whose turn had come may be launched after the end: by one that would not die, and did.
      if (account.goal === 'up') account.excused = true;
    }
    this.restarting.delete(operationId);
  }

  reloads(spec: PoolSpec, now: number): void {
    this.reloading.set(spec.poolId, new Map());
    for (const key of keysOf(spec)) this.waits(key, now);
  }

  /** Its turn in the reload comes only later: what counts is what it will have come to by then. */
  waits(key: ReplicaKey, now: number): void {
    const before = copyOf(this.of(key));
    onReward(before, this.specOf(key), now);
    this.reloading.get(poolOf(key))?.set(key, before);
  }

  /** It has its old model again, and what that had come to. One that ran is launched at once, whatever has opened meanwhile. */
  returned(key: ReplicaKey, ran: boolean, now: number): void {
    const before = this.reloading.get(poolOf(key))?.get(key);
    const { breakers } = fresh(true);
    if (before !== undefined) this.accounts.set(key, { ...asBefore(before, this.of(key)), ...(ran ? { breakers } : {}) });
    this.waits(key, now);
  }

  /** `to`: what the pool has from now on; null: what it had. */
  reloaded(spec: PoolSpec, to: PoolSpec | null): void {
    this.reloading.delete(spec.poolId);
    const isUp = keysOf(spec).some((key) => this.of(key).goal === 'up');
    for (const key of keysOf(spec)) {
      const account = this.of(key);
      account.excused = account.readySince === null;
      if (to === null) continue;
      this.accounts.set(key, renewed(account));
    }
    if (to === null) return;
    this.goesBy(to);
    for (const key of keysOf(spec).slice(to.masks.length)) this.retire(key);
    for (const key of keysOf(to).slice(spec.masks.length)) this.arrive(key, isUp);
  }

  /** Other policies, from now on. What ready time has earned by those before, it has. */
  changes(to: PoolSpec, now: number): void {
    // Whether a storm counts as one by these is not certain: it may have tripped before.
    this.storms.tripped(to.poolId, now);
    for (const key of keysOf(to)) onReward(this.of(key), this.specOf(key), now);
    this.goesBy(to);
  }

  /** A pool is new, or there again: its lifetime goes on. */
  starts(spec: PoolSpec): void {
    this.goesBy(spec);
    for (const key of keysOf(spec)) this.arrive(key, spec.autostart);
  }

  /** Should it be in the file again when its supervisor dies, nobody wanted it down for ever. */
  retires(spec: PoolSpec): void {
    this.retiring.add(spec.poolId);
    for (const key of keysOf(spec)) this.of(key).goal = 'down';
  }

  gone(spec: PoolSpec): void {
    for (const key of keysOf(spec)) this.retire(key);
    this.specs.delete(spec.poolId);
    this.retiring.delete(spec.poolId);
    this.storms.forget(spec.poolId);
  }

  private goesBy(spec: PoolSpec): void {
    this.specs.set(spec.poolId, spec);
    this.longest.set(spec.poolId, longer(this.longest.get(spec.poolId), waitsOf(spec)));
  }

  private arrive(key: ReplicaKey, isUp: boolean): void {
    this.accounts.set(key, { ...fresh(isUp), ...this.retired.get(key) });
    this.retired.delete(key);
  }

  private retire(key: ReplicaKey): void {
    const { crashes, restarts } = this.of(key);
    this.retired.set(key, { crashes, restarts });
    this.accounts.delete(key);
  }

  /** The order to spawn: what is wrong with it; null: nothing. */
  launching({ key, devices }: Launch, now: number): string | null {
    const account = this.of(key);
    const spec = this.specOf(key);
    if (account.goal === 'down') return `${key} is launched, and nobody wants it up`;
    if (account.permanent !== null && !this.isExcused(key))
      return `a permanent failure is retried by itself: ${key}, ${account.permanent}`;
    const excused = this.isExcused(key);
    const early = onLaunch(account, spec, now);
    account.pending = { restart: null, devices: [] };
    if (excused) return null;
    if (early !== null) return `${key} ${early}`;
    const restart = { at: now, gpu: account.gpu };
    const uuids = devices.map(({ uuid }) => uuid);
    const over = this.storms.over(spec, now) ?? this.storms.overDevices(key, uuids, this.specs, this.inventory, now);
    account.pending = { restart, devices: uuids };
    const name = over === null ? this.storms.trips(spec, restart, now) : null;
    if (name !== null) for (const each of keysOf(spec)) tripped(this.of(each), name, spec, now);
    return over;
  }

  /** The process was made: from now on it counts, whatever becomes of the supervisor. */
  launched(key: ReplicaKey): void {
    const account = this.of(key);
    const { pending } = account;
    if (pending === null) return;
    account.pending = null;
    account.notBefore = 0;
    if (pending.restart === null) {
      account.excused = false;
      account.permanent = null;
      return;
    }
    account.restarts += 1;
    const { storm } = this.specOf(key).restart;
    this.storms.restarted(poolOf(key), pending.restart, Math.max(storm.windowMs, storm.trip.windowMs));
    const { windowMs } = this.inventory.supervisor.deviceStorm;
    for (const uuid of pending.devices) this.storms.restarted(uuid, pending.restart, windowMs);
  }

  /** `how`: what the world knows of that incarnation's end. */
  told(event: Event, how: Ending | null, now: number): void {
    if (event.event === 'storm.tripped' && event.pool_id !== undefined) this.storms.tripped(event.pool_id, now);
    if (event.pool_id === undefined || event.replica_id === undefined) return;
    const key: ReplicaKey = `${event.pool_id}/${event.replica_id}`;
    const account = this.accounts.get(key);
    // The end of an operation on a pool that is gone.
    if (account === undefined) return;
    const spec = this.specOf(key);
    const waits = this.longest.get(spec.poolId) ?? waitsOf(spec);
    hear(account, event, { spec, waits, how, once: this.once, now });
  }

  asking(input: Input): void {
    this.once = input.type === 'requested' && input.verb === 'reset' && input.once === true;
  }

  /** An accepted request. */
  asked({ verb, poolId, replicaId, once = false }: Requested, operationId: string): void {
    const spec = this.specs.get(poolId);
    if (spec === undefined) return;
    const keys = keysOf(spec).filter((key) => replicaId === null || key === `${poolId}/${replicaId}`);
    if (verb === 'restart') this.restarting.set(operationId, keys);
    for (const key of keys) {
      want(this.of(key), verb, once);
    }
    if (verb === 'reset' && !once) this.storms.forget(poolId);
  }

  private isExcused(key: ReplicaKey): boolean {
    return this.of(key).excused || this.isRestarting(key) || this.reloading.has(poolOf(key));
  }
}
