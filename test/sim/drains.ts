/**
 * Whether drains begin at once, wait for what they are to wait for, and end in time. It keeps its own book of them, by what is asked, what engines
 * say and what is told; over the deaths of supervisors too. All times are the timeline's.
 */

import type { Event } from '../../src/core/events.js';
import type { Input } from '../../src/core/messages.js';
import type { Inventory, PoolSpec, ReplicaKey } from '../../src/core/model.js';
import type { Applies } from './applies.js';
import { Asked, type DrainWish, isRequest } from './asked.js';
import { DrainPolicies } from './drain-policies.js';
import type { Entries } from './entries.js';
import { keysOf, poolOf } from './keys.js';
import type { Machine } from './machine.js';
import { Outcomes } from './outcomes.js';
import type { Process } from './processes.js';
import type { Reloads } from './reloads.js';
import { runningIn } from './requests.js';
import { entryOf, type Supervisor } from './supervisor.js';

/** One drain, of one engine. A restart may turn to it and shorten it unseen: then its deadline lies somewhere between. */
type Drain = {
  readonly earliest: number;
  readonly latest: number;
  readonly why: DrainWish['why'];
  /** How long its engine may take to obey. A stop that was begun under an earlier policy goes on by that. */
  readonly graceMs: number;
  /** `awaited`: its supervisor has died, and the next one is to go on with it. */
  readonly phase: 'awaited' | 'draining' | 'stopping';
  /** False where a restart may have turned to it: then the next supervisor may go on with it, and need not. */
  readonly certain: boolean;
  /** The entry of the inventory that its engine goes by. */
  readonly entry: string;
};

export type Drains = ReadonlyMap<ReplicaKey, Drain>;

/** What an engine said when it was asked last. */
type Answer = { readonly at: number; readonly incarnation: number; readonly inflight: number | null; readonly canTell: boolean };

/** So long an answer counts for new, with what rounding adds. */
const freshMs = 1_201;
const killWaitMs = 5_000;
/** A supervisor that nothing disturbs acts a moment after its alarm. */
const slackMs = 50;
/** The longest that a slow disk takes for what must be on it, twice over. */
const slowDiskMs = 30_000;

const serving: ReadonlySet<string> = new Set(['ready', 'unhealthy']);

const atRest: ReadonlySet<string> = new Set(['stopped', 'stuck']);

export class DrainWatch {
  private drains = new Map<ReplicaKey, Drain>();
  private readonly answers = new Map<ReplicaKey, Answer>();
  /** Incarnations whose log has told that only a new process helps. */
  private readonly condemned = new Set<string>();
  /** What replicas are, as far as this supervisor has told it. */
  private readonly states = new Map<ReplicaKey, string>();
  /** Whom clients are told to be draining. */
  private readonly shown = new Set<ReplicaKey>();
  private asked = new Asked();
  private readonly outcomes = new Outcomes((key) => this.states.get(key) === 'stuck');
  private readonly policies: DrainPolicies;
  /** As it was before the request that is being answered. */
  private before: { readonly drains: Drains; readonly states: ReadonlyMap<ReplicaKey, string> } | null = null;

  constructor(
    private readonly machine: () => Machine,
    private readonly leasesOf: (key: ReplicaKey) => number,
    /** Whose drain was called off is to be left alone from then on. */
    private readonly spared: (key: ReplicaKey) => void,
    private readonly reloads: () => Pick<Reloads, 'drainWish' | 'isGoingBack' | 'entryAhead'>,
    private readonly applies: () => Pick<Applies, 'drainWish'>,
    private readonly entries: Entries,
  ) {
    this.policies = new DrainPolicies(machine, entries, (poolId) => reloads().entryAhead(poolId));
  }

  /** As it is when the registry is written. */
  copy(): Drains {
    return new Map(
      [...this.drains].map(([key, drain]) => {
        const entry = this.policies.entryOf(key) ?? drain.entry;
        return [key, { ...drain, entry, certain: drain.certain && !this.asked.isRestarting(key) }];
      }),
    );
  }

  /** What nobody wants up any more goes on being drained; what was drained for a restart or a shutdown is left to serve. */
  begun({ beginning: { written, named, inventory } }: Supervisor): void {
    for (const book of [this.answers, this.states, this.shown]) book.clear();
    this.drains = new Map();
    this.asked = new Asked();
    this.outcomes.begun();
    this.before = null;
    this.policies.shutdownMs = inventory.supervisor.shutdownDeadlineMs;
    if (written === null || written.ended === 'clean' || written.bootId !== this.machine().bootId) return;
    // Whoever names pools wants the others down, whatever was wanted before.
    const asWritten = named.length === 0;
    for (const [key, drain] of written.drains) {
      const spec = this.entries.specs.get(poolOf(key));
      if (spec === undefined || !keysOf(spec).includes(key)) continue;
      const adoptable = inventory.supervisor.adopt && entryOf(spec) === drain.entry;
      if (drain.phase === 'stopping') this.drains.set(key, drain);
      else if (adoptable && (drain.why === 'drain' || !drain.certain || !asWritten))
        this.drains.set(key, { ...drain, phase: 'awaited', certain: drain.certain && asWritten });
    }
  }

  asking(input: Input): void {
    if (input.type === 'polled') {
      const { key, incarnation, inflight, canTell } = input;
      this.answers.set(key, { at: this.machine().now, incarnation, inflight, canTell });
    }
    if (input.type === 'alarmed' && input.alarm.kind === 'sticky') this.condemned.add(`${input.key} ${input.incarnation}`);
    if (!isRequest(input)) return;
    this.asked.asking(input, this.entries.specs);
    this.before = { drains: new Map(this.drains), states: new Map(this.states) };
  }

  /** What is wrong after a request; null: nothing. `operationId` is null where it was refused. */
  answered(operationId: string | null): string | null {
    const { before, asked } = this;
    if (before === null) return null;
    const wrong = operationId === null ? null : (this.unmoved(before) ?? this.outcomes.answered(asked, operationId));
    if (operationId !== null)
      for (const key of asked.targets) {
        const drain = this.drains.get(key);
        if (drain !== undefined && drain === before.drains.get(key)) this.drains.set(key, this.joined(key, drain));
      }
    this.before = null;
    asked.answered(operationId);
    return wrong;
  }

  /** Whether clients that find nobody ready are to hear that it is being drained. */
  isShown(key: ReplicaKey): boolean {
    return this.shown.has(key);
  }

  /** What is wrong with an event; null: nothing. */
  heard(event: Event, engine: Process | null): string | null {
    const { pool_id, replica_id, to, because } = event;
    if (event.event === 'operation.finished') this.asked.finished(event.operation_id ?? '');
    if (to === undefined || pool_id === undefined || replica_id === undefined) return this.outcomes.heard(event, this.asked);
    const key: ReplicaKey = `${pool_id}/${replica_id}`;
    const cut = to === 'stopping' && because === 'asked' && serving.has(this.states.get(key) ?? '') && !this.asked.mayCut(key);
    this.states.set(key, to);
    if (cut) return `${key} is stopped, and was to be drained`;
    if (to === 'draining' || (to === 'stopping' && because === 'drained')) this.shown.add(key);
    else this.shown.delete(key);
    return this.turned(key, to, event, engine) ?? this.outcomes.heard(event, this.asked);
  }

  /** What is wrong after a step; null: nothing. */
  stepped(supervisor: Supervisor): string | null {
    if (!supervisor.alive) return null;
    const { now, slowDiskUntil } = this.machine();
    // What the next supervisor begins with waits for its first record.
    const written = slowDiskUntil > supervisor.quietSince ? slowDiskMs : 0;
    for (const [key, { latest, phase, certain, graceMs }] of this.drains) {
      const grace = Math.max(graceMs, this.policies.graceOf(key));
      const overMs = now - (Math.max(latest, supervisor.quietSince) + grace + killWaitMs + slackMs + written);
      if (overMs > 0 && (certain || phase !== 'awaited'))
        return `the drain of ${key} was to be over ${Math.round(overMs)} ms ago, and it is ${this.states.get(key)}`;
    }
    return this.outcomes.stepped(supervisor);
  }

  /** Its pool is no longer in the file: what it is drained for already is to be over by then as well. */
  retires(spec: PoolSpec): void {
    const at = this.machine().now + spec.drain.deadlineMs;
    for (const key of keysOf(spec)) {
      const drain = this.drains.get(key);
      if (drain?.phase !== 'draining') continue;
      const [earliest, latest] = [Math.min(drain.earliest, at), Math.min(drain.latest, at)];
      this.drains.set(key, { ...drain, earliest, latest, why: 'retire', certain: true });
    }
  }

  /** An apply changes what the supervisor itself goes by. */
  supervises({ supervisor }: Inventory): void {
    this.policies.shutdownMs = supervisor.shutdownDeadlineMs;
  }

  private turned(key: ReplicaKey, to: string, event: Event, engine: Process | null): string | null {
    if (to === 'draining') return this.begin(key, engine);
    const drain = this.drains.get(key);
    if (drain === undefined) return null;
    if (to === 'stopping') {
      this.drains.set(key, { ...drain, phase: 'stopping', graceMs: Math.max(drain.graceMs, this.policies.graceOf(key)) });
      if (drain.phase === 'stopping') return null;
      const wrong = this.left(key, drain, event.because ?? '', engine);
      return drain.certain ? wrong : null;
    }
    this.drains.delete(key);
    if (serving.has(to)) {
      if (this.asked.callsOff(key) || !drain.certain) return null;
      return this.isGivenUp(key, drain) ? this.misgiven(key, engine) : `${key} leaves its drain, and nobody called it off`;
    }
    if (drain.phase !== 'stopping' && drain.why === 'drain' && drain.certain && !atRest.has(to) && !this.asked.isRestarting(key))
      return `${key} was drained for good, and is ${to}`;
    if (drain.phase === 'draining' && this.leasesOf(key) > 0) this.outcomes.force(key);
    return null;
  }

  private begin(key: ReplicaKey, engine: Process | null): string | null {
    const inherited = this.drains.get(key);
    if (inherited?.phase === 'awaited') {
      const drain: Drain = { ...inherited, phase: 'draining' };
      const joined = this.joined(key, drain);
      const wish = this.asked.reasonFor(key);
      // What a restart had come to when its supervisor died may be over: then it is drained for this wish alone.
      const latest =
        wish === null || inherited.certain
          ? joined.latest
          : Math.max(joined.latest, this.machine().now + this.policies.msOf(key, wish));
      this.drains.set(key, { ...joined, latest });
      return null;
    }
    const wish = this.asked.reasonFor(key) ?? this.applies().drainWish(key) ?? this.reloads().drainWish(key);
    if (wish === null) return `${key} is drained, and nobody asked for it`;
    const { now } = this.machine();
    const latest = now + this.policies.msOf(key, wish);
    const earliest = this.condemned.has(`${key} ${engine?.incarnation}`) ? now : latest;
    const graceMs = this.policies.graceOf(key);
    this.drains.set(key, {
      earliest,
      latest,
      why: wish.why,
      phase: 'draining',
      certain: true,
      graceMs,
      entry: this.policies.entryOf(key) ?? '',
    });
    return null;
  }

  /** As the request that is being answered leaves it: the earlier deadline counts, unless it extends. */
  private joined(key: ReplicaKey, drain: Drain): Drain {
    const wish = this.asked.wishFor(key);
    if (wish === null) return drain;
    const at = this.machine().now + this.policies.msOf(key, wish);
    const earliest = Math.min(drain.earliest, at);
    if (!wish.atOnce) return { ...drain, earliest };
    const stays = drain.why === 'retire' || (wish.why === 'shutdown' && drain.why !== 'reload');
    const why = stays ? drain.why : wish.why;
    return wish.extend
      ? { ...drain, why, earliest: at, latest: at }
      : { ...drain, why, earliest, latest: Math.min(drain.latest, at) };
  }

  /** A reload that goes back leaves the old engine to serve on; also where it took over from a restart that was cancelled. */
  private isGivenUp(key: ReplicaKey, { why }: Drain): boolean {
    const isReloads = why === 'reload' || (why === 'restart' && !this.asked.isRestarting(key));
    return isReloads && this.reloads().isGoingBack(key);
  }

  /** Who has nothing to wait for is not given up. */
  private misgiven(key: ReplicaKey, engine: Process | null): string | null {
    const told = this.answers.get(key);
    const mute = told !== undefined && told.incarnation === engine?.incarnation && !told.canTell;
    const silent = !this.policies.asks(key, 'any') || mute;
    return silent && this.leasesOf(key) === 0 ? `the drain of ${key} is given up, and nothing was in its way` : null;
  }

  /** Its engine is being ended. What is wrong with that; null: nothing. */
  private left(key: ReplicaKey, drain: Drain, because: string, engine: Process | null): string | null {
    const held = this.leasesOf(key);
    if (because === 'crashed' || because === 'strays' || (because === 'replaced' && engine?.alive === false)) {
      if (held > 0) this.outcomes.force(key);
      return null;
    }
    if (because === 'asked') return this.asked.mayCut(key) ? null : `the drain of ${key} is cut short, and nobody asked for that`;
    if (because !== 'drained') return `the drain of ${key} ends, for it is ${because}`;
    const { now } = this.machine();
    const told = this.answers.get(key);
    const last = told !== undefined && told.incarnation === engine?.incarnation ? told : null;
    const silent = !this.policies.asks(key) || last?.canTell === false;
    if (held === 0 && this.policies.asks(key, 'any') && !this.policies.asks(key)) this.outcomes.doubt(key);
    if (held > 0 || !(silent || last?.inflight === 0)) this.outcomes.force(key);
    const { earliest, why } = this.before?.drains.get(key) === drain ? this.joined(key, drain) : drain;
    if (now >= earliest - 1 && why !== 'reload') return null;
    const early = `the drain of ${key} ends ${Math.round(earliest - now)} ms before its deadline`;
    if (held > 0) return `${early}, and ${held} leases are held`;
    if (silent) return null;
    if (last?.inflight !== 0) return `${early}, and its engine tells of ${last?.inflight ?? 'no'} running requests`;
    if (now - last.at > freshMs) return `${early}, by what its engine said ${Math.round(now - last.at)} ms ago`;
    const cut = engine === null ? 0 : runningIn(engine, now, freshMs + slackMs);
    return cut === 0 ? null : `${early}, and cuts ${cut} running requests`;
  }

  /** Whom an accepted request should have moved at once, and has not. */
  private unmoved(before: NonNullable<DrainWatch['before']>): string | null {
    const { asked } = this;
    for (const key of asked.targets) {
      const [was, is] = [before.states.get(key) ?? '', this.states.get(key) ?? ''];
      if (asked.drainsNow && this.machine().handoffs.has(key)) return `${key} is to be drained, and its handoff file is there`;
      if (asked.drainsNow && serving.has(was) && is !== 'draining' && is !== 'stopping')
        return `${key} is to be drained, and is ${is}`;
      const drain = before.drains.get(key);
      if (drain === undefined || drain.why !== 'drain' || !asked.callsOff(key) || asked.isRestarting(key)) continue;
      if (drain.phase === 'draining' && !serving.has(is)) return `the drain of ${key} is called off, and it is ${is}`;
      if (drain.phase === 'awaited') this.drains.delete(key);
      if (drain.phase !== 'stopping') this.spared(key);
    }
    return null;
  }
}
