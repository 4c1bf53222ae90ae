/**
 * Whether engines are asked for their health as often as their policy says, from the moment on at which it does, and answers are waited for; and
 * whether they have said yet how they are.
 */

import type { Event } from '../../src/core/events.js';
import type { Input, Launch } from '../../src/core/messages.js';
import type { ReplicaKey } from '../../src/core/model.js';
import type { Entries } from './entries.js';
import type { Machine } from './machine.js';
import type { Process } from './processes.js';
import type { Supervisor } from './supervisor.js';

/** An alarm and an answer take a moment. */
const slackMs = 500;
/** A probe goes out behind the records of its step: the longest that a slow disk takes for some of them, and for what it is at already. */
const slowDiskMs = 60_000;

const never = Number.NEGATIVE_INFINITY;

const serving: ReadonlySet<string> = new Set(['ready', 'unhealthy', 'draining']);

type Running = { readonly process: Process; readonly loads: boolean; readonly since: number };

/** `answeredAt`: null while it is out. `judgedAt`: when its answer last told something. */
type Beat = {
  readonly askedAt: number;
  readonly timeoutMs: number;
  readonly answeredAt: number | null;
  readonly judgedAt: number;
  /** When it was asked what it last answered well. */
  readonly wellAskedAt: number;
};

export class Beats {
  /** By key and incarnation. */
  private readonly beats = new Map<string, Beat>();
  /** Engines that load or serve, as far as it was told. */
  private readonly running = new Map<ReplicaKey, Running>();
  /** Pools whose policies have changed, and when they last did. */
  private readonly changedAt = new Map<string, number>();

  constructor(
    private readonly machine: () => Machine,
    private readonly entries: Entries,
  ) {}

  /** It is not known how long each of them has waited. */
  begun(): void {
    for (const book of [this.beats, this.running, this.changedAt]) book.clear();
  }

  changes(poolId: string): void {
    this.changedAt.set(poolId, this.machine().now);
  }

  probes({ key, incarnation, spec: { health } }: Launch): void {
    const { timeoutMs } = health;
    const askedAt = this.machine().now;
    const before = this.beats.get(`${key} ${incarnation}`) ?? { judgedAt: never, wellAskedAt: never };
    this.beats.set(`${key} ${incarnation}`, { ...before, askedAt, timeoutMs, answeredAt: null });
  }

  asking(input: Input): void {
    if (input.type !== 'probed') return;
    const id = `${input.key} ${input.incarnation}`;
    const beat = this.beats.get(id);
    const { now } = this.machine();
    if (beat === undefined) return;
    const { verdict } = input.result;
    const judgedAt = verdict === 'unknown' ? beat.judgedAt : now;
    const wellAskedAt = verdict === 'ok' ? beat.askedAt : beat.wellAskedAt;
    this.beats.set(id, { ...beat, answeredAt: now, judgedAt, wellAskedAt });
  }

  heard({ to }: Event, key: ReplicaKey, process: Process | null): void {
    if (to === undefined) return;
    const loads = to === 'starting';
    if (process === null || !(loads || serving.has(to))) {
      this.running.delete(key);
      return;
    }
    const before = this.running.get(key);
    if (before?.process === process && before.loads === loads) return;
    this.running.set(key, { process, loads, since: this.machine().now });
  }

  /** Whether it has answered since it has loaded: until then nobody can know that it is well. */
  isKnown({ key, incarnation, loadedAt }: Process): boolean {
    return loadedAt !== null && (this.beats.get(`${key} ${incarnation}`)?.judgedAt ?? never) >= loadedAt;
  }

  /** Whether it was asked after that, and has answered well. */
  hasTold({ key, incarnation }: Launch, since: number): boolean {
    return (this.beats.get(`${key} ${incarnation}`)?.wellAskedAt ?? never) > since;
  }

  /** What is wrong after a step; null: nothing. */
  stepped({ alive, bornAt, quietSince }: Supervisor): string | null {
    if (!alive) return null;
    const { now, slowDiskUntil } = this.machine();
    for (const [key, { process, loads, since }] of this.running) {
      const { path, intervalMs, startupIntervalMs } = this.entries.goesBy(process.launch).health;
      const beat = this.beats.get(`${key} ${process.incarnation}`);
      // One that an earlier supervisor launched is met before it is asked.
      const isMet = beat !== undefined || !loads || process.bornAt >= bornAt;
      if (path === 'none' || !process.alive || !isMet) continue;
      const changedAt = this.changedAt.get(process.launch.spec.poolId) ?? never;
      const everyMs = loads ? startupIntervalMs : intervalMs;
      const askedAt = Math.max(beat?.askedAt ?? never, since);
      const out = beat !== undefined && beat.answeredAt === null;
      const slowMs = beat !== undefined && beat.askedAt < slowDiskUntil + slowDiskMs ? slowDiskMs : 0;
      const due = out ? beat.askedAt + beat.timeoutMs + slowMs : Math.max(askedAt + everyMs, beat?.answeredAt ?? 0);
      const overMs = now - Math.max(due, changedAt, quietSince);
      if (overMs <= slackMs) continue;
      if (out) return `a probe of ${key} was to be over ${Math.round(overMs)} ms ago`;
      return `${key} is to be probed every ${everyMs} ms, and was to be ${Math.round(overMs)} ms ago`;
    }
    return null;
  }
}
