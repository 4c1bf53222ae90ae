/** Laws that hold over any sequence of inputs, stale and senseless ones among them, and over the deaths of supervisors. */

import { expect, it } from 'vitest';
import type { Effect } from '../../src/core/messages.js';
import type { Replica } from '../../src/core/replica.js';
import type { Pool, State } from '../../src/core/state.js';
import { step } from '../../src/core/step.js';
import fc from '../rig/chance.js';
import { find, type Machine, move, play, replicasOf, type Step, sound } from './play.js';

it('holds its invariants over 10,000 random sequences', () => {
  const sequences = fc.array(move, { maxLength: 80 });
  fc.assert(
    fc.property(sequences, (moves) => {
      expect(play(moves)).toEqual([]);
    }),
    { numRuns: 10_000 },
  );
});

it.each([
  [
    'waits with a reload for who is to go on draining once it is met',
    [
      { kind: 21, choice: 20, flag: false, waitMs: 0 },
      { kind: 23, choice: 27, flag: false, waitMs: 0 },
      { kind: 13, choice: 5, flag: false, waitMs: 0 },
      { kind: 0, choice: 47, flag: false, waitMs: 0 },
      { kind: 26, choice: 25, flag: false, waitMs: 0 },
    ],
  ],
  [
    'forgets the deadline of a drain that was called off before its engine was met',
    [
      { kind: 21, choice: 1, flag: false, waitMs: 0 },
      { kind: 23, choice: 6, flag: false, waitMs: 0 },
      { kind: 13, choice: 0, flag: false, waitMs: 0 },
      { kind: 0, choice: 0, flag: false, waitMs: 70_000 },
      { kind: 26, choice: 16, flag: false, waitMs: 0 },
    ],
  ],
  [
    'grants a lease of who is drained at that very instant',
    [
      { kind: 26, choice: 22, flag: false, waitMs: 0 },
      { kind: 3, choice: 5, flag: false, waitMs: 0 },
      { kind: 26, choice: 13, flag: false, waitMs: 0 },
      { kind: 24, choice: 0, flag: false, waitMs: 1_000 },
    ],
  ],
  [
    'counts a restart that was only ordered when its supervisor died from when the next one begins',
    [
      { kind: 21, choice: 0, flag: false, waitMs: 0 },
      { kind: 0, choice: 0, flag: false, waitMs: 1000 },
      { kind: 10, choice: 44, flag: true, waitMs: 1000 },
      { kind: 13, choice: 18, flag: true, waitMs: 0 },
      { kind: 21, choice: 9, flag: false, waitMs: 0 },
    ],
  ],
] as const)('%s, as a random sequence showed', (_, moves) => {
  expect(play(moves)).toEqual([]);
});

it('keeps the deadline of a drain, extended or not, over the death of its supervisor, as a random sequence showed', () => {
  const drained = [
    { kind: 21, choice: 0, flag: false, waitMs: 0 },
    { kind: 23, choice: 39, flag: false, waitMs: 0 },
  ];
  const died = { kind: 13, choice: 0, flag: false, waitMs: 0 };
  const later = [
    { kind: 10, choice: 0, flag: false, waitMs: 0 },
    { kind: 0, choice: 0, flag: false, waitMs: 70_000 },
  ];
  expect(play([...drained, died, ...later])).toEqual([]);
  const extended = { kind: 23, choice: 12, flag: true, waitMs: 0 };
  expect(play([...drained, extended, died, ...later])).toEqual([]);
});

/** Machines broken on purpose: a checker that cannot fail proves nothing. */
const mutants: Readonly<Record<string, Partial<Machine>>> = {
  'forgets to take the handoff file away': stepping((state, input, context) => {
    const result = step(state, input, context);
    return { ...result, effects: result.effects.filter(({ type }) => type !== 'remove-handoff') };
  }),
  'takes old news for new': stepping((state, input, context) =>
    step(state, input.type === 'exited' ? { ...input, incarnation: find(state, input.key)?.incarnation ?? 0 } : input, context),
  ),
  'takes a dead leader for an empty group': stepping((state, input, context) =>
    step(state, input.type === 'exited' ? { ...input, empty: true } : input, context),
  ),
  'spawns every launch twice': stepping((state, input, context) => {
    const result = step(state, input, context);
    return { ...result, effects: [...result.effects, ...result.effects.filter(({ type }) => type === 'spawn')] };
  }),
  'believes that nobody is left': stepping((state, input, context) =>
    step(state, input.type === 'swept' ? { ...input, left: [] } : input, context),
  ),
  'retries what failed for good': resetting((life) => life.state === 'failed'),
  'has no patience with an open breaker': resetting((life) => life.state === 'broken'),
  'forgets the restarts of its pools': stepping((state, input, context) => {
    const result = step(state, input, context);
    return { ...result, state: withPools(result.state, (pool) => ({ ...pool, restarts: [] })) };
  }),
  'goes on testing at half-open': stepping((state, input, context) => {
    const result = step(state, input, context);
    return { ...result, state: withReplicas(result.state, (replica) => testOn(replica, find(state, replica.key))) };
  }),
  'launches behind an open breaker': stepping((state, input, context) => {
    const result = step(state, input, context);
    const [since, cause] = [context.now, 'operator'] as const;
    const unheld = (replica: Replica): Replica =>
      replica.life.state === 'broken' && context.now >= replica.life.retryAt.at - 5_000
        ? { ...replica, life: { state: 'preparing', phase: 'queued', cause, since } }
        : replica;
    return { ...result, state: withReplicas(result.state, unheld) };
  }),
  'hears of no request while it drains': stepping((state, input, context) =>
    step(state, input.type === 'polled' ? { ...input, inflight: 0 } : input, context),
  ),
  'leases what it drains': stepping((state, input, context) => {
    const result = step(state, input, context);
    return input.type === 'requested' && input.verb === 'drain' ? { ...result, state } : result;
  }),
  'puts the end of its drains off': stepping((state, input, context) => {
    const result = step(state, input, context);
    const later = (replica: Replica): Replica =>
      replica.life.state === 'draining' ? { ...replica, life: { ...replica.life, deadline: context.now + 90_000 } } : replica;
    return { ...result, state: withReplicas(result.state, later) };
  }),
  'gives one port to all': stepping((state, input, context) => {
    const result = step(state, input, context);
    const onOne = (effect: Effect): Effect =>
      effect.type === 'spawn' ? { ...effect, launch: { ...effect.launch, port: 18_100 } } : effect;
    return { ...result, effects: result.effects.map(onOne) };
  }),
  'leaves a reload that has failed half done': stepping((state, input, context) => {
    const result = step(state, input, context);
    const dropped = (pool: Pool): Pool => (pool.reload?.failure != null ? { ...pool, reload: null } : pool);
    return { ...result, state: withPools(result.state, dropped) };
  }),
  'reloads with a model that nobody has looked at': stepping((state, input, context) => {
    const result = step(state, input, context);
    const verified = (pool: Pool): Pool =>
      pool.reload === null ? pool : { ...pool, reload: { ...pool.reload, verified: true } };
    return { ...result, state: withPools(result.state, verified) };
  }),
  'counts from nothing after a death': {
    restore: (restored) => ({ ...restored, state: withReplicas(restored.state, (each) => ({ ...each, crashesTotal: 0 })) }),
  },
  'adopts nobody': {
    restore: ({ state, ...rest }) => ({
      ...rest,
      state: withReplicas(state, (replica) => ({ ...replica, life: { state: 'stopped', why: null } })),
    }),
  },
  'forgets what has no place any more': { restore: (restored) => ({ ...restored, state: { ...restored.state, leftovers: [] } }) },
};

function stepping(mutant: Step): Partial<Machine> {
  return { step: mutant };
}

/** Whoever is in that life is launched at the next alarm. */
function resetting(where: (life: Replica['life']) => boolean): Partial<Machine> {
  return stepping((state, input, context) => {
    const { key } = replicasOf(state).find(({ life }) => where(life)) ?? {};
    const result = step(state, input, context);
    if (key === undefined || input.type !== 'woke') return result;
    const poolId = key.split('/')[0] ?? '';
    return step(result.state, { type: 'requested', verb: 'reset', poolId, replicaId: null, correlationId: null }, context);
  });
}

function withPools(state: State, change: (pool: Pool) => Pool): State {
  return { ...state, pools: new Map([...state.pools].map(([id, pool]) => [id, change(pool)])) };
}

function withReplicas(state: State, change: (replica: Replica) => Replica): State {
  return withPools(state, (pool) => ({ ...pool, replicas: pool.replicas.map(change) }));
}

/** A failed test launch opens nothing: the next one comes when its time is there. */
function testOn(after: Replica, before: Replica | undefined): Replica {
  if (before?.breakers.general.state !== 'half-open' || after.life.state !== 'broken') return after;
  const { cause, why, retryAt } = after.life;
  return {
    ...after,
    breakers: before.breakers,
    life: { state: 'backoff', cause, why, retry: { at: retryAt, delayMs: 1, attempt: 1 } },
  };
}

it.each(Object.entries(mutants))('catches a machine that %s', (_, mutant) => {
  const found = fc
    .sample(fc.array(move, { maxLength: 80 }), { numRuns: 10_000, seed: 7 })
    .some((moves) => play(moves, { ...sound, ...mutant }).length > 0);
  expect(found).toBe(true);
});
