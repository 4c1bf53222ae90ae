/**
 * Whether leases are granted, kept and ended as they are to be. It keeps its own book of them, by what clients ask and what is told, and decides
 * by the handoff files who is ready: nothing of it is the core's word.
 */

import type { Answer, Refusal } from '../../src/core/answers.js';
import type { Event } from '../../src/core/events.js';
import type { Input, Launch, LeaseWish } from '../../src/core/messages.js';
import type { ReplicaKey } from '../../src/core/model.js';
import type { Entries } from './entries.js';
import { keysOf } from './keys.js';
import type { Machine } from './machine.js';
import { slotsOf } from './probing.js';
import type { Supervisor } from './supervisor.js';

type Held = {
  readonly key: ReplicaKey;
  /** Of the engine that it was granted for. */
  readonly instance: string;
  readonly ttlMs: number;
  readonly grantedAt: number;
  readonly expiresAt: number;
};

/** What is due to who asks for a lease: whose slot, or why none. */
type Due = { readonly key: ReplicaKey } | { readonly code: Refusal['code'] };

/** An expiry is told within this. */
const expiryMs = 2_000;
/** An engine's death is found out within this, also where that waits for a slow disk. */
const deathMs = 25_000;
/** What was granted is on disk within this, however slow that is. */
const writtenMs = 30_000;

/** A lease goes on while its engine is one of these. */
const serving: ReadonlySet<string> = new Set(['ready', 'unhealthy', 'draining']);

export class Leases {
  private readonly held = new Map<string, Held>();
  /** Told as lost when this supervisor begins: those that the last one had written down. */
  private owed = new Set<string>();
  /** What replicas are, as far as it was told. */
  private readonly states = new Map<ReplicaKey, string>();
  /** `active_leases` of this step, as it was told last. */
  private readonly counts = new Map<ReplicaKey, number>();
  /** Since when nobody knows how many slots an engine has, by instance. */
  private readonly unknown = new Map<string, number>();
  private wish: LeaseWish | null = null;
  private due: Due | null = null;
  private granted: string | null = null;
  /** Was lost in the step in which its client renewed it. */
  private lostNow: string | null = null;
  private shuttingDown = false;
  private stirred = false;
  /** The last step, and since when nothing had disturbed the supervisor then. */
  private last = { at: 0, calmSince: 0 };

  constructor(
    private readonly machine: () => Machine,
    private readonly isDraining: (key: ReplicaKey) => boolean,
    /** Whether an engine that was asked after that has answered well. */
    private readonly hasTold: (launch: Launch, since: number) => boolean,
    private readonly entries: Entries,
  ) {}

  /** No lease outlives its supervisor. What is wrong; null: nothing. */
  begun({ beginning: { written }, state }: Supervisor): string | null {
    const recorded = new Set(written?.record().leases.map(({ id }) => id));
    const { at, calmSince } = this.last;
    const unwritten = [...this.held].find(
      ([id, { grantedAt }]) => !recorded.has(id) && at - Math.max(grantedAt, calmSince) > writtenMs,
    );
    this.held.clear();
    this.states.clear();
    this.counts.clear();
    this.unknown.clear();
    this.owed = recorded;
    this.shuttingDown = false;
    if (state.leases.size > 0) return `a supervisor begins with ${state.leases.size} leases of the last one`;
    if (written === null || unwritten === undefined) return null;
    return `lease ${unwritten[0]} of ${unwritten[1].key} was never written down`;
  }

  asking(input: Input): void {
    this.wish = isWish(input) ? input : null;
    this.granted = null;
    this.lostNow = null;
    this.due = this.wish?.type === 'lease-requested' ? this.dueTo(this.wish) : null;
  }

  /** What is wrong with an answer; null: nothing. */
  answered(input: Input, answer: Answer | null): string | null {
    const { wish, due } = this;
    this.wish = null;
    if (input.type === 'shutdown-requested' && answer?.ok === true) this.shuttingDown = true;
    if (wish === null || answer === null) return null;
    switch (wish.type) {
      case 'lease-requested':
        return due === null ? null : this.misgranted(due, answer);
      case 'lease-renewed':
        return this.misrenewed(wish, answer);
      case 'lease-released':
        if (!answer.ok) return `lease ${wish.id} is given back, and that is refused: ${answer.refusal.message}`;
        return this.held.has(wish.id) ? `lease ${wish.id} was given back, and is held` : null;
    }
  }

  /** What is wrong with an event; null: nothing. */
  heard(event: Event): string | null {
    const { pool_id, replica_id, to, lease_id, active_leases } = event;
    const key: ReplicaKey = `${pool_id}/${replica_id ?? 'r0'}`;
    if (to !== undefined) {
      this.stirred = true;
      this.states.set(key, to);
    }
    if (lease_id === undefined) return null;
    this.stirred = true;
    if (active_leases === undefined || !Number.isInteger(active_leases) || active_leases < 0)
      return `${event.event} tells of ${active_leases} leases of ${key}`;
    this.counts.set(key, active_leases);
    if (event.event === 'lease.granted') return this.begin(lease_id, key);
    if (event.event === 'lease.lost' && this.owed.delete(lease_id)) return null;
    const held = this.held.get(lease_id);
    if (held === undefined || held.key !== key) return `${event.event} is told of ${lease_id}, which ${key} does not have`;
    this.held.delete(lease_id);
    if (event.event === 'lease.lost') this.lostNow = lease_id;
    return this.misended(event.event, lease_id, held);
  }

  /** What is wrong after a step; null: nothing. */
  stepped(supervisor: Supervisor): string | null {
    if (!supervisor.alive) return null;
    const { now, processes } = this.machine();
    const { quietSince } = supervisor;
    this.last = { at: now, calmSince: quietSince };
    for (const [id, { key, expiresAt, instance }] of this.held) {
      const overMs = now - Math.max(expiresAt, quietSince);
      if (overMs > expiryMs) return `lease ${id} of ${key} is over for ${Math.round(overMs)} ms, and is held`;
      const deadMs = now - Math.max(processes.leaderEndedAt(instance) ?? now, quietSince);
      if (deadMs > deathMs) return `lease ${id} is held, and its engine ${instance} is dead for ${Math.round(deadMs)} ms`;
    }
    const { leases } = supervisor.state;
    if (leases.size !== this.held.size) return `${leases.size} leases are counted, where ${this.held.size} are held`;
    if (!this.stirred && this.owed.size === 0) return null;
    this.stirred = false;
    const [owed] = this.owed;
    if (owed !== undefined) return `lease ${owed} was written down, and nobody is told that it is lost`;
    return this.misheld() ?? this.miscounted() ?? this.misdescribed();
  }

  /** By the order of the replicas, so that of equals the first is meant. */
  private dueTo({ poolId, replicaId }: Extract<LeaseWish, { type: 'lease-requested' }>): Due {
    const spec = this.entries.specs.get(poolId);
    if (spec === undefined) return { code: 'POOL_NOT_FOUND' };
    const keys = keysOf(spec).filter((key) => replicaId === null || key === `${poolId}/${replicaId}`);
    if (keys.length === 0) return { code: 'REPLICA_NOT_FOUND' };
    if (this.shuttingDown) return { code: 'SHUTTING_DOWN' };
    const { handoffs, now } = this.machine();
    const ready = keys.filter((key) => handoffs.has(key));
    const [best, ...others] = ready.map((key) => ({ key, load: this.countOf(key, now) / this.capacityOf(key) }));
    if (best === undefined) return { code: keys.some(this.isDraining) ? 'POOL_DRAINING' : 'POOL_UNREADY' };
    const least = others.reduce((one, other) => (other.load < one.load ? other : one), best);
    return least.load < 1 ? { key: least.key } : { code: 'NO_FREE_SLOT' };
  }

  private misgranted(due: Due, answer: Answer): string | null {
    if (!answer.ok) {
      const { code, message } = answer.refusal;
      if (this.granted !== null) return `a lease is granted, and its client told ${code}`;
      if ('key' in due) return `a lease is refused, and ${due.key} has a free slot: ${message}`;
      return code === due.code ? null : `a lease is refused with ${code}, where it is ${due.code}: ${message}`;
    }
    const lease = 'lease' in answer ? answer.lease : null;
    const held = this.held.get(lease?.id ?? '');
    if (lease === null || held === undefined || lease.id !== this.granted) return 'a lease is granted, and nobody is told';
    if ('code' in due) return `a lease of ${held.key} is granted, where it is ${due.code}`;
    return held.key === due.key ? null : `a lease of ${held.key} is granted, and ${due.key} has less to do`;
  }

  private misrenewed({ id, ttlMs: wished }: Extract<LeaseWish, { type: 'lease-renewed' }>, answer: Answer): string | null {
    const before = this.held.get(id);
    if (before === undefined) {
      // It was its client's for a moment: a drain came to its deadline just then.
      if (this.lostNow === id) return null;
      if (answer.ok) return `lease ${id} has ended, and is renewed`;
      const { code } = answer.refusal;
      return code === 'LEASE_NOT_FOUND' ? null : `lease ${id} has ended, and its renewal is refused with ${code}`;
    }
    if (!answer.ok) return `lease ${id} is held, and its renewal is refused: ${answer.refusal.message}`;
    const overMs = this.machine().now - before.expiresAt;
    if (overMs > 1) return `lease ${id} is renewed ${Math.round(overMs)} ms after its time`;
    const ttlMs = wished ?? before.ttlMs;
    this.held.set(id, { ...before, ttlMs, expiresAt: this.machine().now + ttlMs });
    return null;
  }

  private begin(id: string, key: ReplicaKey): string | null {
    const { wish } = this;
    if (wish?.type !== 'lease-requested' || this.granted !== null) return `lease ${id} is granted, and nobody asked for it`;
    const { now, handoffs } = this.machine();
    this.granted = id;
    const instance = handoffs.get(key)?.launch.instance ?? '';
    this.held.set(id, { key, instance, ttlMs: wish.ttlMs, grantedAt: now, expiresAt: now + wish.ttlMs });
    return null;
  }

  private misended(how: Event['event'], id: string, { key, expiresAt }: Held): string | null {
    const asked = this.wish?.type === 'lease-released' && this.wish.id === id;
    if (how === 'lease.released') return asked ? null : `lease ${id} of ${key} is released, and nobody gave it back`;
    const earlyMs = expiresAt - this.machine().now;
    if (how === 'lease.expired') return earlyMs <= 1 ? null : `lease ${id} of ${key} expires ${Math.round(earlyMs)} ms early`;
    return serving.has(this.states.get(key) ?? '') ? `lease ${id} is lost, and ${key} is ${this.states.get(key)}` : null;
  }

  /** None outlives the serving of its engine. */
  private misheld(): string | null {
    for (const [id, { key, instance }] of this.held) {
      const state = this.states.get(key) ?? 'unknown';
      if (!serving.has(state)) return `lease ${id} is held, and ${key} is ${state}`;
      const present = this.machine().handoffs.get(key)?.launch.instance ?? instance;
      if (present !== instance) return `lease ${id} of ${key} is held, and its engine has a successor`;
    }
    return null;
  }

  private miscounted(): string | null {
    for (const [key, told] of this.counts) {
      const count = this.countOf(key);
      if (told !== count) return `${told} leases of ${key} are told, where ${count} are held`;
      // Whoever has them keeps them when an apply leaves it fewer slots.
      const most = this.granted === null ? Number.POSITIVE_INFINITY : this.capacityOf(key);
      if (count > most && this.held.get(this.granted ?? '')?.key === key) return `${key} has ${count} leases for ${most} slots`;
    }
    this.counts.clear();
    return null;
  }

  /** What its handoff file tells clients. An apply may have it asked once more: until then nobody knows more than one. */
  private capacityOf(key: ReplicaKey): number {
    return this.machine().handoffs.get(key)?.facts.description.slotsTotal ?? 1;
  }

  /** What is wrong with what a handoff file tells; null: nothing. */
  private misdescribed(): string | null {
    const engines = new Map(
      this.machine()
        .processes.leaders()
        .map((each) => [each.instance, each]),
    );
    for (const [key, { launch, facts }] of this.machine().handoffs) {
      const { slotsTotal } = facts.description;
      const { slots } = this.entries.goesBy(launch);
      const engine = engines.get(launch.instance);
      if (engine === undefined) continue;
      // Where the file leaves it to the engine, nobody knows before that was asked.
      if (slots === 'auto' && slotsTotal === null) {
        const since = this.unknown.get(launch.instance) ?? this.machine().now;
        this.unknown.set(launch.instance, since);
        if (this.hasTold(launch, since)) return `${key} was asked for its slots, and nobody is told how many`;
        continue;
      }
      this.unknown.delete(launch.instance);
      const due = slots === 'auto' ? slotsOf(engine.launch.spec) : slots;
      if (slotsTotal !== due) return `${key} tells of ${slotsTotal} slots, and has ${due}`;
    }
    return null;
  }

  /** Those whose time has come by `by` are nobody's. */
  countOf(key: ReplicaKey, by = Number.NEGATIVE_INFINITY): number {
    let count = 0;
    for (const held of this.held.values()) if (held.key === key && held.expiresAt > by) count += 1;
    return count;
  }
}

function isWish(input: Input): input is LeaseWish {
  return input.type === 'lease-requested' || input.type === 'lease-renewed' || input.type === 'lease-released';
}
