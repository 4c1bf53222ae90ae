import type { LeaseAnswer, OperationAnswer } from '../../src/core/answers.js';
import { nextAt } from '../../src/core/due.js';
import type { Event, EventName } from '../../src/core/events.js';
import type { Verified } from '../../src/core/facts.js';
import type { Effect, Input, Launch, LeaseWish, Verb } from '../../src/core/messages.js';
import type { Device, PoolSpec, ReplicaKey, SupervisorSpec } from '../../src/core/model.js';
import type { Restored } from '../../src/core/restore.js';
import { viewPools } from '../../src/core/snapshot.js';
import type { State } from '../../src/core/state.js';
import { step } from '../../src/core/step.js';
import type { ReplicaView } from '../../src/core/views.js';
import { exitOf, identityOf, probeResult } from '../rig/facts.js';
import { holdEvents, holdViews } from '../rig/held-views.js';
import { beginning, inventoryOf, supervisorSpec } from '../rig/specs.js';

export type BenchOptions = { readonly devices?: readonly Device[]; readonly supervisor?: Partial<SupervisorSpec> };

/** A core whose shell is the test: facts go in, effects come out; what is shown and told of it is held to openapi.json. Without a key, everything is about `chat/r0`. */
export class Bench {
  now = 1_000;
  /** By how much the clock on the wall was set since. */
  wallStepMs = 0;
  /** What the core is given for chance. */
  chance = 0.5;
  state: State;
  /** Of the last step. */
  effects: Effect[] = [];
  events: Event[] = [];
  answer: OperationAnswer | null = null;
  /** Of all steps. */
  readonly spawns: { readonly key: ReplicaKey; readonly at: number }[] = [];
  readonly story: Event[] = [];
  private ids = 0;

  constructor(pools: readonly PoolSpec[], { devices = [], supervisor = {} }: BenchOptions = {}) {
    const inventory = { ...inventoryOf(...pools), supervisor: { ...supervisorSpec, ...supervisor } };
    const tool = devices.length === 0 ? 'none' : 'working';
    this.state = beginning({
      inventory,
      now: this.now,
      devices: { devices, tool, note: null, processes: null, askedAt: this.now },
    });
    this.give({ type: 'woke' });
  }

  /** A supervisor that goes on from here. */
  resume({ state, effects, events }: Restored): this {
    this.state = state;
    this.effects = [...effects];
    this.events = [...events];
    return this;
  }

  give(input: Input): this {
    const result = step(this.state, input, {
      now: this.now,
      wallMs: 1e12 + this.now + this.wallStepMs,
      rand: () => this.chance,
      id: () => `id${++this.ids}`,
    });
    this.state = result.state;
    this.answer = result.answer as OperationAnswer | null;
    this.effects = [...result.effects];
    this.events = [...result.events];
    this.story.push(...result.events);
    holdViews(this.state, this.now);
    holdEvents(result.events);
    for (const effect of this.effects) if (effect.type === 'spawn') this.spawns.push({ key: effect.launch.key, at: this.now });
    return this;
  }

  /** What the client is told. */
  lease(wish: LeaseWish): LeaseAnswer {
    return this.give(wish).answer as unknown as LeaseAnswer;
  }

  ask(verb: Verb, more: Partial<Extract<Input, { type: 'requested' }>> = {}): this {
    return this.give({ type: 'requested', verb, poolId: 'chat', replicaId: null, correlationId: null, ...more });
  }

  /** To the next instant at which something is due. */
  wake(): this {
    const at = nextAt(this.state);
    if (at === null) throw new Error('nothing is due');
    this.now = Math.max(this.now, at);
    return this.give({ type: 'woke' });
  }

  /** So much later; every probe in between is answered alike, and nothing else. */
  pass(ms: number, result = probeResult()): this {
    const end = this.now + ms;
    for (let at = nextAt(this.state); at !== null && at <= end; at = nextAt(this.state)) {
      this.wake();
      for (const effect of this.effects) if (effect.type === 'probe') this.probed(result, effect.launch.key);
    }
    this.now = end;
    return this;
  }

  launch(key: ReplicaKey = 'chat/r0'): Launch {
    const { life } = this.replica(key);
    if (!('launch' in life)) throw new Error(`${key} is not being launched: ${life.state}`);
    return life.launch;
  }

  checked(key: ReplicaKey = 'chat/r0'): this {
    const { check } = this.launch(key);
    return this.give({
      type: 'checked',
      key,
      check,
      obstacles: [],
      startupDeadlineMs: 120_000,
      portKnownFree: true,
      modelBytes: null,
      listed: true,
    });
  }

  /** The answer to every `verify` of the last step: the model is there and sound, but for what is said. */
  verified(more: Partial<Verified> = {}): this {
    const asked = this.effects.filter((effect) => effect.type === 'verify');
    if (asked.length === 0) throw new Error('nothing is verified');
    const found: Verified = { obstacles: [], name: null, modelBytes: null, hostTotalBytes: null, about: null, ...more };
    for (const { poolId, operationId } of asked) this.give({ type: 'verified', poolId, operationId, ...found });
    return this;
  }

  spawned(pid = 100, key: ReplicaKey = 'chat/r0'): this {
    const { incarnation, instance } = this.launch(key);
    return this.give({ type: 'spawned', key, incarnation, identity: identityOf(pid, instance) });
  }

  probed(result = probeResult(), key: ReplicaKey = 'chat/r0'): this {
    return this.give({ type: 'probed', ...this.of(key), result });
  }

  /** The answer to the question for running requests; null: it cannot tell just now. */
  polled(inflight: number | null, key: ReplicaKey = 'chat/r0', canTell = true): this {
    return this.give({ type: 'polled', ...this.of(key), inflight, canTell, counters: null });
  }

  exited(exit = exitOf(), empty = true, key: ReplicaKey = 'chat/r0'): this {
    return this.give({ type: 'exited', ...this.of(key), exit, empty });
  }

  swept(left: number[] = [], key: ReplicaKey = 'chat/r0'): this {
    return this.give({ type: 'swept', ...this.of(key), left });
  }

  ready(key: ReplicaKey = 'chat/r0'): this {
    return this.checked(key).spawned(100, key).wake().probed(probeResult(), key);
  }

  replica(key: ReplicaKey = 'chat/r0') {
    const [poolId = '', index] = key.split('/r');
    const replica = this.state.pools.get(poolId)?.replicas[Number(index)];
    if (replica === undefined) throw new Error(`no ${key}`);
    return replica;
  }

  of(key: ReplicaKey = 'chat/r0') {
    return { key, incarnation: this.replica(key).incarnation };
  }

  view(key: ReplicaKey = 'chat/r0'): ReplicaView {
    const [poolId = '', index] = key.split('/r');
    const pools = viewPools(this.state, { now: this.now, time: (ms) => new Date(ms).toISOString() });
    const view = pools.find(({ pool_id }) => pool_id === poolId)?.replicas[Number(index)];
    if (view === undefined) throw new Error(`no ${key}`);
    return view;
  }

  did(): string[] {
    return this.effects.map(({ type }) => type);
  }

  told(): string[] {
    return this.events.map(({ event }) => event);
  }

  /** All that was told by that name, the last as the last. */
  heard(name: EventName): readonly Event[] {
    return this.story.filter(({ event }) => event === name);
  }
}

/** Ready, dead, waited for: over and over, as often as asked. */
export function crash(bench: Bench, times: number, exit = exitOf(), key: ReplicaKey = 'chat/r0'): Bench {
  for (let n = 0; n < times; n += 1) {
    if (n > 0) bench.wake().ready(key);
    bench.exited(exit, true, key);
  }
  return bench;
}
