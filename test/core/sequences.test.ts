/** Laws that hold over any sequence of inputs, stale and senseless ones among them. */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { nextAt } from '../../src/core/due.js';
import type { Effect, Input, Launch } from '../../src/core/messages.js';
import type { ReplicaKey } from '../../src/core/model.js';
import type { State } from '../../src/core/state.js';
import { step } from '../../src/core/step.js';
import { exitOf, identityOf, probeResult, unmade } from '../rig/facts.js';
import { beginning, inventoryOf, poolSpec } from '../rig/specs.js';

type Step = typeof step;
type Move = { readonly kind: number; readonly choice: number; readonly flag: boolean; readonly waitMs: number };

const keys: readonly ReplicaKey[] = ['chat/r0', 'chat/r1', 'code/r0'];

/** The world that the effects act on: which processes live, which handoff files exist, what was ever launched. */
class World {
  readonly live = new Map<ReplicaKey, Map<number, Launch>>(keys.map((key) => [key, new Map()]));
  readonly handoffs = new Set<ReplicaKey>();
  readonly launched = new Set<string>();
  readonly open: Effect[] = [];
  readonly violations: string[] = [];

  perform(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type === 'write-handoff') this.handoffs.add(effect.launch.key);
      if (effect.type === 'remove-handoff') this.handoffs.delete(effect.key);
      if (effect.type === 'spawn') this.spawn(effect.launch);
      if (effect.type === 'check' || effect.type === 'spawn' || effect.type === 'probe' || effect.type === 'sweep')
        this.open.push(effect);
    }
  }

  private spawn(launch: Launch): void {
    const id = `${launch.key} ${launch.incarnation}`;
    if (this.launched.has(id)) this.violations.push(`incarnation launched twice: ${id}`);
    this.launched.add(id);
    const living = this.live.get(launch.key);
    if (living === undefined) return;
    if (living.size > 0) this.violations.push(`a second engine beside a living one: ${id}`);
    living.set(launch.incarnation, launch);
  }
}

/** Plays a sequence against a machine and tells which invariants it broke. */
function play(moves: readonly Move[], machine: Step = step): readonly string[] {
  const world = new World();
  let now = 0;
  let ids = 0;
  let state: State = beginning({ inventory: inventoryOf(poolSpec('chat', 2), poolSpec('code', 1)), now });
  const give = (input: Input): void => {
    const failedBefore = failed(state);
    // A restart takes its replicas one after another, so a later one may have failed before its turn: that it is launched then was asked for.
    const asked = new Set(
      [...state.operations.values()].flatMap(({ kind, state: is, steps }) =>
        kind === 'restart' && is === 'running' ? steps.map(({ key }) => key) : [],
      ),
    );
    const result = machine(state, input, { now, wallMs: now, rand: () => 0.5, id: () => `i${++ids}` });
    state = result.state;
    world.perform(result.effects);
    world.violations.push(...broken(state, world));
    if (input.type !== 'requested') {
      for (const key of failedBefore)
        if (!failed(state).includes(key) && !asked.has(key))
          world.violations.push(`a permanent failure was retried by itself: ${key}`);
    }
  };
  give({ type: 'woke' });
  for (const move of moves) {
    now += move.waitMs;
    const due = nextAt(state);
    if (due !== null && due < now) give({ type: 'woke' });
    const input = inputOf(move, state, world);
    if (input !== null) give(input);
  }
  return world.violations;
}

const replicasOf = (state: State) => [...state.pools.values()].flatMap(({ replicas }) => replicas);
const failed = (state: State): ReplicaKey[] =>
  replicasOf(state).flatMap(({ key, life }) => (life.state === 'failed' ? [key] : []));

function broken(state: State, world: World): readonly string[] {
  return replicasOf(state).flatMap(({ key, life }) => {
    const living = world.live.get(key)?.size ?? 0;
    const found: string[] = [];
    const restful = life.state === 'stopped' || life.state === 'failed' || life.state === 'backoff';
    if (restful && living > 0) found.push(`an engine that nobody tracks: ${key} is ${life.state}`);
    if (life.state === 'preparing' && life.phase !== 'spawning' && living > 0) found.push(`an engine that nobody tracks: ${key}`);
    if ((life.state === 'ready') !== world.handoffs.has(key))
      found.push(`handoff file and ready differ: ${key} is ${life.state}`);
    if (life.state === 'failed' && life.why === '') found.push(`a permanent failure that says nothing: ${key}`);
    return found;
  });
}

function inputOf({ kind, choice, flag }: Move, state: State, world: World): Input | null {
  const key = keys[choice % keys.length] ?? 'chat/r0';
  const [poolId] = key.split('/') as [string];
  const exit = exitOf({ code: flag ? 1 : 0 });
  switch (kind) {
    case 0:
    case 1:
    case 2:
      return {
        type: 'requested',
        verb: (['start', 'stop', 'restart'] as const)[kind],
        poolId,
        replicaId: null,
        correlationId: null,
      };
    case 3: {
      // The engine dies, alone or leaving its group behind.
      // The shell tells a spawn before it tells the exit of what was spawned.
      const [first] = world.live.get(key)?.entries() ?? [];
      if (first === undefined || world.open.some((effect) => effect.type === 'spawn' && effect.launch.key === key)) return null;
      if (flag) world.live.get(key)?.delete(first[0]);
      return { type: 'exited', key, incarnation: first[0], exit, empty: flag };
    }
    case 4:
      // Old news: an exit of an incarnation that is long gone, or never was.
      return { type: 'exited', key, incarnation: 10_000 + choice, exit, empty: true };
    case 5:
      return { type: 'woke' };
    default:
      return answerOf(world, choice, flag, state);
  }
}

/** The answer to one of the open effects, in any order, good or bad. */
function answerOf(world: World, choice: number, flag: boolean, _: State): Input | null {
  const [effect] = world.open.splice(choice % Math.max(1, world.open.length), 1);
  if (effect === undefined) return null;
  switch (effect.type) {
    case 'check': {
      const obstacles =
        flag || choice % 3 === 0 ? [] : [{ what: choice % 2 === 0 ? 'port' : 'program', text: 'in the way' } as const];
      const { key, check } = effect.launch;
      return { type: 'checked', key, check, obstacles, startupDeadlineMs: 60_000, portKnownFree: true };
    }
    case 'spawn': {
      const { key, incarnation, instance } = effect.launch;
      if (flag || choice % 3 > 0) return { type: 'spawned', key, incarnation, identity: identityOf(incarnation, instance) };
      world.live.get(key)?.delete(incarnation);
      return { type: 'exited', key, incarnation, exit: unmade(choice % 2 === 0 ? 'EAGAIN' : 'ENOENT', 'cannot'), empty: true };
    }
    case 'probe': {
      const { key, incarnation } = effect.launch;
      const verdict = flag ? 'ok' : 'failed';
      const listener = choice % 7 === 0 ? 'foreign' : 'ours';
      return { type: 'probed', key, incarnation, result: probeResult({ verdict, listener }) };
    }
    case 'sweep': {
      const { key, incarnation } = effect.launch;
      if (flag) world.live.get(key)?.delete(incarnation);
      return { type: 'swept', key, incarnation, left: world.live.get(key)?.has(incarnation) ? [incarnation] : [] };
    }
    default:
      return null;
  }
}

const move = fc.record({
  kind: fc.nat(13),
  choice: fc.nat(60),
  flag: fc.boolean(),
  waitMs: fc.constantFrom(0, 1, 100, 1_000, 6_000, 70_000),
});

it('holds its invariants over 10,000 random sequences', () => {
  const sequences = fc.array(move, { maxLength: 60 });
  fc.assert(
    fc.property(sequences, (moves) => {
      expect(play(moves)).toEqual([]);
    }),
    { numRuns: 10_000 },
  );
}, 120_000);

/** Machines broken on purpose: a checker that cannot fail proves nothing. */
const mutants: Readonly<Record<string, Step>> = {
  'forgets to take the handoff file away': (state, input, context) => {
    const result = step(state, input, context);
    return { ...result, effects: result.effects.filter(({ type }) => type !== 'remove-handoff') };
  },
  'takes old news for new': (state, input, context) => {
    if (input.type !== 'exited') return step(state, input, context);
    const replica = replicasOf(state).find(({ key }) => key === input.key);
    return step(state, { ...input, incarnation: replica?.incarnation ?? 0 }, context);
  },
  'takes a dead leader for an empty group': (state, input, context) =>
    step(state, input.type === 'exited' ? { ...input, empty: true } : input, context),
  'spawns every launch twice': (state, input, context) => {
    const result = step(state, input, context);
    return { ...result, effects: [...result.effects, ...result.effects.filter(({ type }) => type === 'spawn')] };
  },
  'believes that nobody is left': (state, input, context) =>
    step(state, input.type === 'swept' ? { ...input, left: [] } : input, context),
  'retries what failed for good': (state, input, context) => {
    const { key } = replicasOf(state).find(({ life }) => life.state === 'failed') ?? {};
    const result = step(state, input, context);
    if (key === undefined || input.type !== 'woke') return result;
    const verb = 'start' as const;
    return step(
      result.state,
      { type: 'requested', verb, poolId: key.split('/')[0] ?? '', replicaId: null, correlationId: null },
      context,
    );
  },
};

it.each(Object.entries(mutants))('catches a machine that %s', (_, mutant) => {
  const found = fc
    .sample(fc.array(move, { maxLength: 60 }), { numRuns: 10_000, seed: 7 })
    .some((moves) => play(moves, mutant).length > 0);
  expect(found).toBe(true);
});
