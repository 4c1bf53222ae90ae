/** Random sequences, played against a machine: what happens, and which invariants that broke. */

import { openOnes } from '../../src/core/breakers.js';
import { nextAt } from '../../src/core/due.js';
import type { Input } from '../../src/core/messages.js';
import { type PoolSpec, poolIdOf, type ReplicaKey } from '../../src/core/model.js';
import type { Replica } from '../../src/core/replica.js';
import type { Restored } from '../../src/core/restore.js';
import type { State } from '../../src/core/state.js';
import { step } from '../../src/core/step.js';
import fc from '../rig/chance.js';
import { exitOf } from '../rig/facts.js';
import { beginning, inventoryOf, poolSpec } from '../rig/specs.js';
import { restoredFrom, written } from './again.js';
import { Drains } from './drains.js';
import { Reloads } from './reloads.js';
import { keys, type Luck, World } from './world.js';

export type Step = typeof step;
type Move = Luck & { readonly kind: number; readonly waitMs: number };
export type Machine = { readonly step: Step; readonly restore: (restored: Restored) => Restored };
export const sound: Machine = { step, restore: (restored) => restored };

const chosen = (n: number) => ({ model: `/models/${n}`, modelDigest: null, modelId: String(n) });

/** Short times and low thresholds, so that short sequences get everywhere. */
const storm = { limit: 3, warnAt: 1, trip: { count: 6, windowMs: 60_000 }, resetAfterMs: 60_000 };
function spec(poolId: string, replicas: number, threshold: number, windowMs: number): PoolSpec {
  const { health, restart } = poolSpec(poolId, replicas);
  return poolSpec(poolId, replicas, {
    ...chosen(0),
    reload: { strategy: 'rolling', minHealthyMs: 2_000 },
    health: { ...health, failureThreshold: 2, restartAfterMs: 6_000, generate: { everyMs: 10_000, timeoutMs: 1_000 } },
    restart: {
      ...restart,
      backoff: { ...restart.backoff, initialMs: 100, minMs: 0, maxMs: 1_000 },
      breaker: { threshold, openForMs: 6_000, extendFactor: 2, maxOpenForMs: 20_000, closeAfterMs: 6_000, cudaThreshold: 2 },
      storm: { ...storm, windowMs },
    },
  });
}
/** The one is broken soon, the other restarted so often that its storm holds it back. */
const [chat, code] = [spec('chat', 2, 2, 30_000), spec('code', 1, 99, 300_000)];

/** An answer as one would have it. */
const well: Luck = { choice: 3, flag: true };
/** Moves of these kinds are whole lives. */
const loops: ReadonlySet<number> = new Set([21, 22]);

/** Plays a sequence against a machine and tells which invariants it broke. */
export function play(moves: readonly Move[], machine: Machine = sound): readonly string[] {
  const world = new World();
  let now = 0;
  let ids = 0;
  let state: State = beginning({ inventory: inventoryOf(chat, code), now });
  /** What the next supervisor would find. */
  let disk = { state, now };
  let restarts: readonly { readonly poolId: string; readonly at: number }[] = [];
  const tested = new Set<ReplicaKey>();
  const drains = new Drains();
  const reloads = new Reloads();

  const give = (input: Input): void => {
    const before = state;
    const result = machine.step(state, input, { now, wallMs: now, rand: () => 0.5, id: () => `i${++ids}` });
    state = result.state;
    world.perform(result.effects);
    if (result.effects.some(({ type }) => type === 'record')) disk = { state, now };
    world.violations.push(...untracked(state, world), ...untrue(state, world));
    world.violations.push(...reloads.broken(input, { before, after: state, effects: result.effects }));
    // A reload launches who waits for a storm as well.
    restarts = restarts.filter(
      ({ poolId }) => state.pools.get(poolId)?.reload == null && before.pools.get(poolId)?.reload == null,
    );
    world.violations.push(...drains.broken(input, { before, after: state, answer: result.answer }, now));
    if (input.type === 'requested' && input.verb === 'reset' && input.once !== true)
      restarts = restarts.filter(({ poolId }) => poolId !== input.poolId);
    if (input.type !== 'requested') world.violations.push(...hasty(before, state, now));
    for (const replica of replicasOf(state)) if (!isTested(replica)) tested.delete(replica.key);
    for (const effect of result.effects) if (effect.type === 'spawn') launches(effect.launch.key, before);
  };
  const launches = (key: ReplicaKey, before: State): void => {
    const [replica, was] = [find(state, key), find(before, key)];
    if (was !== undefined && openOnes(was.breakers).length > 0) world.violations.push(`launched behind an open breaker: ${key}`);
    if (replica?.life.state !== 'preparing' || (replica.life.cause !== 'crash' && replica.life.cause !== 'health')) return;
    if (isTested(replica) && tested.has(key)) world.violations.push(`launched twice at half-open: ${key}`);
    if (isTested(replica)) tested.add(key);
    const { poolId, restart } = key.startsWith('chat') ? chat : code;
    const { limit, windowMs } = restart.storm;
    restarts = [...restarts, { poolId, at: now }];
    const inWindow = restarts.filter((each) => each.poolId === poolId && each.at > now - windowMs).length;
    if (inWindow > limit) world.violations.push(`more restarts of ${poolId} than its storm allows`);
  };
  /** kill -9 of the supervisor, and another one; its inventory may have lost a pool, or got it back. */
  const succeed = (luck: Luck): void => {
    tested.clear();
    drains.succeed();
    reloads.clear();
    world.orphan(luck);
    const pools = luck.choice % 4 === 0 ? [chat] : [chat, code];
    // A place that goes takes its restarts with it.
    if (!pools.includes(code)) restarts = restarts.filter(({ poolId }) => poolId !== 'code');
    const before = state;
    const restored = machine.restore(restoredFrom(written(disk.state, disk.now), state, { pools, now, wallMs: now }));
    state = restored.state;
    world.perform(restored.effects);
    world.violations.push(...untracked(state, world), ...uncounted(before, state));
    give({ type: 'woke' });
  };

  /** What chance alone would seldom make: everything goes well until the engine lives, and then it dies. */
  const crashAgain = (key: ReplicaKey): void => {
    for (let n = 0; n < 12 && (world.live.get(key)?.size ?? 0) === 0; n += 1) {
      for (let answer = world.answer(well); answer !== null; answer = world.answer(well)) give(answer);
      const due = nextAt(state);
      if (due !== null) now = Math.max(now, due);
      give({ type: 'woke' });
    }
    for (let answer = world.answer(well); answer !== null; answer = world.answer(well)) give(answer);
    const death = world.die(key, well);
    if (death !== null) give(death);
  };

  /** A reload as far as it comes: engines are looked at, end when they are told to, and load, well or badly. */
  const carryOn = ({ choice, flag }: Luck): void => {
    for (let n = 0; n < choice; n += 1) {
      const ending = keys.find((key) => find(state, key)?.life.state === 'stopping');
      const luck = n === choice - 1 ? { choice, flag } : well;
      const input = world.answer(luck) ?? (ending === undefined ? null : world.die(ending, well));
      if (input === null) now = Math.max(now, nextAt(state) ?? now);
      give(input ?? { type: 'woke' });
    }
  };

  give({ type: 'woke' });
  for (const move of moves) {
    now += move.waitMs;
    const due = nextAt(state);
    if (due !== null && due < now) give({ type: 'woke' });
    if (move.kind === 13) {
      succeed(move);
      continue;
    }
    for (let n = 0; loops.has(move.kind) && n <= move.choice % 5; n += 1)
      crashAgain(keys[move.choice % keys.length] ?? 'chat/r0');
    const input = inputOf(move, state, world);
    if (input !== null) give(input);
    if (move.kind === 26 || move.kind === 27) carryOn(move);
  }
  return world.violations;
}

/** A loop: this is asked several times a step. */
export function replicasOf({ pools }: State): readonly Replica[] {
  const all: Replica[] = [];
  for (const { replicas } of pools.values()) all.push(...replicas);
  return all;
}
export const find = ({ pools }: State, key: ReplicaKey) =>
  pools.get(poolIdOf(key))?.replicas.find((replica) => replica.key === key);
const isTested = ({ breakers }: Replica) => breakers.general.state === 'half-open' || breakers.cuda.state === 'half-open';

/** Every living engine has somebody to whom it belongs. */
function untracked(state: State, world: World): readonly string[] {
  return keys.flatMap((key) => {
    if ((world.live.get(key)?.size ?? 0) === 0 || state.leftovers.some((each) => each.key === key)) return [];
    const life = find(state, key)?.life;
    const tracked = life !== undefined && ('engine' in life || (life.state === 'preparing' && life.phase === 'spawning'));
    return tracked ? [] : [`an engine that nobody tracks: ${key} is ${life?.state ?? 'not there'}`];
  });
}

function untrue(state: State, world: World): readonly string[] {
  return replicasOf(state).flatMap(({ key, life }) => {
    const found: string[] = [];
    if ((life.state === 'ready') !== world.handoffs.has(key))
      found.push(`handoff file and ready differ: ${key} is ${life.state}`);
    if (life.state === 'failed' && life.why === '') found.push(`a permanent failure that says nothing: ${key}`);
    return found;
  });
}

/** What a supervisor counted its successor knows. */
function uncounted(before: State, after: State): readonly string[] {
  return replicasOf(before).flatMap(({ key, restartsTotal, crashesTotal }) => {
    const is = find(after, key);
    const fewer = is !== undefined && (is.restartsTotal < restartsTotal || is.crashesTotal < crashesTotal);
    return fewer ? [`a lifetime count was lost: ${key}`] : [];
  });
}

/** What waits, for its time or for somebody, is not left before that. */
function hasty(before: State, after: State, now: number): readonly string[] {
  // A restart takes its replicas one after another, so a later one may have come to wait before its turn: that it goes on then was asked for.
  const asked = new Set(
    [...before.operations.values()].flatMap(({ kind, state: is, steps }) =>
      kind === 'restart' && is === 'running' ? steps.map(({ key }) => key) : [],
    ),
  );
  return replicasOf(before).flatMap(({ key, life }) => {
    const is = find(after, key)?.life.state;
    if (is === life.state || asked.has(key) || isReloaded(before, key) || isReloaded(after, key)) return [];
    if (life.state === 'failed') return [`a permanent failure was retried by itself: ${key}`];
    const until = life.state === 'backoff' ? life.retry.at.at : life.state === 'broken' ? life.retryAt.at : null;
    return until !== null && now < until && is !== 'broken' ? [`left ${life.state} before its time: ${key}`] : [];
  });
}

const isReloaded = ({ pools }: State, key: ReplicaKey) => pools.get(key.slice(0, key.indexOf('/')))?.reload != null;

function inputOf({ kind, ...luck }: Move, state: State, world: World): Input | null {
  const { choice, flag } = luck;
  const key = keys[choice % keys.length] ?? 'chat/r0';
  const [poolId = ''] = key.split('/');
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
    case 3:
    case 4:
      return world.die(key, luck);
    case 5:
      // Old news: an exit of an incarnation that is long gone, or never was.
      return { type: 'exited', key, incarnation: 10_000 + choice, exit: exitOf(), empty: true };
    case 6:
      return { type: 'woke' };
    case 7:
      return { type: 'requested', verb: 'reset', once: flag, poolId, replicaId: null, correlationId: null };
    case 8: {
      const alarm = {
        class: 'gpu_error',
        subclass: 'x',
        line: 1,
        text: 'CUDA error',
        kind: flag ? 'sticky' : 'suspect',
      } as const;
      return { type: 'alarmed', key, incarnation: find(state, key)?.incarnation ?? 0, alarm };
    }
    case 9:
      for (const each of state.leftovers) world.live.get(each.key)?.clear();
      return { type: 'leftovers-gone' };
    case 23: {
      const deadlineMs = [null, 0, 1_000, 60_000][choice % 4] ?? null;
      const more = { deadlineMs, extend: flag, correlationId: null };
      return { type: 'requested', verb: 'drain', poolId, replicaId: choice % 8 === 0 ? 'r0' : null, ...more };
    }
    case 24:
      return { type: 'lease-requested', poolId, replicaId: null, ttlMs: 60_000, holder: null, correlationId: null };
    case 25:
      return { type: 'lease-released', id: [...state.leases.keys()][0] ?? '', correlationId: null };
    case 26: {
      const drainMs = [null, 0, 1_000, 60_000][choice % 4] ?? null;
      return { type: 'reload-requested', poolId, chosen: chosen(choice % 3), drainMs, correlationId: null };
    }
    default:
      return world.answer(luck);
  }
}

export const move = fc.record({
  kind: fc.nat(30),
  choice: fc.nat(60),
  flag: fc.boolean(),
  waitMs: fc.constantFrom(0, 0, 1, 100, 100, 1_000, 1_000, 6_000, 70_000),
});
