/** When may this replica launch, and because of what not yet: the one answer of all that has a say. */

import { type Crowd, crowdOf, meetingAt, type Places } from './crowd.js';
import { resolveMask } from './devices.js';
import { isRestart } from './launching.js';
import { isLive } from './life.js';
import { type Device, type Instant, poolIdOf } from './model.js';
import { unreleased } from './release.js';
import { specFor } from './reload.js';
import type { Replica } from './replica.js';
import type { Pool, State } from './state.js';
import { kindOf, launchableAt, raised, type StormKind, within } from './storm.js';
import { holders } from './vram.js';
import { gib } from './words.js';

export type Block = {
  readonly because:
    | 'shutdown'
    | 'goal'
    | 'permanent'
    | 'backoff'
    | 'breaker'
    | 'CUDA breaker'
    | 'storm'
    | 'device storm'
    | 'VRAM'
    | 'load slot'
    | 'leftovers';
  /** Null: nobody can say. */
  readonly until: Instant | null;
  readonly why: string;
  /** Set for storms. */
  readonly storm?: Storming;
};

export type Storming = {
  readonly kind: StormKind | 'device';
  readonly device: string | null;
  readonly count: number;
  readonly windowMs: number;
};

export type Gate = { readonly open: true } | ({ readonly open: false } & Block);

/** Of all that holds it back, what does so for longest. `crowd` is that of the state, for whoever asks for many replicas. */
export function gate(replica: Replica, state: State, now: Instant, crowd: Crowd = crowdOf(state.pools)): Gate {
  let last: Block | null = null;
  for (const block of blocks(replica, state, now, crowd)) if (last === null || lasts(block) > lasts(last)) last = block;
  return last === null ? { open: true } : { open: false, ...last };
}

const lasts = ({ until }: Block): number => until ?? Number.POSITIVE_INFINITY;

function* blocks(replica: Replica, state: State, now: Instant, crowd: Crowd): Generator<Block> {
  const { life, goal, breakers } = replica;
  if (state.shutdown !== null) yield { because: 'shutdown', until: null, why: 'the supervisor is shutting down' };
  if (goal === 'down') yield { because: 'goal', until: null, why: 'not wanted' };
  if (life.state === 'failed') yield { because: 'permanent', until: null, why: life.why };
  if (life.state === 'backoff') yield { because: 'backoff', until: life.retry.at.at, why: life.why };
  for (const [name, breaker] of Object.entries(breakers)) {
    if (breaker.state !== 'open') continue;
    const why = life.state === 'broken' ? life.why : `its breaker is open after ${breaker.failures} failures in a row`;
    yield { because: name === 'cuda' ? 'CUDA breaker' : 'breaker', until: breaker.retryAt.at, why };
  }
  yield* leftovers(replica, state, crowd);
  yield* neighbours(replica, state, crowd.live);
  yield* storms(replica, state, now);
  yield* release(replica, state);
  yield* vram(replica, state);
  yield* loads(replica, state, crowd);
  yield* neighbours(replica, state, crowd.launching);
}

/** What an earlier supervisor left goes first, and who would not die keeps its devices. */
function* leftovers(replica: Replica, state: State, { going, stuck }: Crowd): Generator<Block> {
  const gone = [...going, ...state.leftovers.map(({ key }) => key)];
  if (gone.length > 0) {
    yield { because: 'leftovers', until: null, why: `waits until engines of an earlier supervisor are gone: ${gone.join(', ')}` };
  }
  // The next supervisor looks once more before it launches: beside a successor one tree is not told from the other.
  if (replica.died?.adopted === true)
    yield {
      because: 'leftovers',
      until: null,
      why: `waits until what #${replica.died.launch.incarnation} may have left is looked for`,
    };
  const wanted = new Set(devicesOf(replica, state).map(({ uuid }) => uuid));
  for (const { key, launch } of stuck) {
    const held = key === replica.key ? undefined : launch.devices.find(({ uuid }) => wanted.has(uuid));
    if (held !== undefined) {
      yield { because: 'leftovers', until: null, why: `GPU ${held.index} is held by ${key}, which would not die` };
    }
  }
}

/** A neighbour that is on its way to another port, to other devices, or out of the inventory, has these yet; or was let through a moment ago. */
function* neighbours(replica: Replica, state: State, places: Places): Generator<Block> {
  const own = poolOf(replica, state);
  const shares = own !== undefined && specFor(own, replica.key).share;
  const wanted = new Set(devicesOf(replica, state).map(({ uuid }) => uuid));
  for (const { key, launch } of meetingAt(places, replica.port, wanted)) {
    if (key === replica.key) continue;
    const held = shares && launch.spec.share ? undefined : launch.devices.find(({ uuid }) => wanted.has(uuid));
    const what = held !== undefined ? `GPU ${held.index}` : launch.port === replica.port ? `port ${launch.port}` : null;
    if (what !== null) yield { because: 'leftovers', until: null, why: `waits until ${key} has left ${what}` };
  }
}

/** Restarts alone are held back by storms: a launch that somebody asked for is none. */
function* storms(replica: Replica, state: State, now: Instant): Generator<Block> {
  const { life } = replica;
  const cause = life.state === 'backoff' || life.state === 'broken' || life.state === 'preparing' ? life.cause : null;
  const pool = poolOf(replica, state);
  if (cause === null || !isRestart(cause) || pool === undefined) return;
  const policy = raised(pool.spec.restart.storm, pool.replicas.length);
  const limits = { limit: policy.limit, windowMs: policy.windowMs, pending: pendingOf(pool.replicas, replica) };
  const until = launchableAt(pool.restarts, limits, now);
  if (until === null || until > now) {
    const recent = within(pool.restarts, policy.windowMs, now);
    const storm = { kind: kindOf(recent), device: null, count: recent.length, windowMs: policy.windowMs };
    yield {
      because: 'storm',
      until,
      why: `${recent.length} restarts of ${pool.spec.poolId} in ${seconds(policy.windowMs)}`,
      storm,
    };
  }
  for (const device of devicesOf(replica, state)) yield* deviceStorm(device, replica, state, now);
}

function* deviceStorm(device: Device, replica: Replica, state: State, now: Instant): Generator<Block> {
  const { limit, windowMs } = state.inventory.supervisor.deviceStorm;
  const neighbours = [...state.pools.values()].flatMap(({ replicas }) =>
    replicas.filter((other) => devicesOf(other, state).some(({ uuid }) => uuid === device.uuid)),
  );
  const restarts = state.deviceRestarts.get(device.uuid) ?? [];
  const limits = { limit: Math.max(limit, neighbours.length), windowMs, pending: pendingOf(neighbours, replica) };
  const until = launchableAt(restarts, limits, now);
  if (until !== null && until <= now) return;
  const count = within(restarts, windowMs, now).length;
  const storm = { kind: 'device', device: device.uuid, count, windowMs } as const;
  yield { because: 'device storm', until, why: `${count} restarts on GPU ${device.index} in ${seconds(windowMs)}`, storm };
}

/** Restarts that the gate has let through and that are not counted yet. */
function pendingOf(replicas: readonly Replica[], but: Replica): number {
  return replicas.filter(
    ({ key, life }) => key !== but.key && life.state === 'preparing' && life.phase === 'checking' && isRestart(life.cause),
  ).length;
}

/** The memory of who was there last is not free yet. */
function* release(replica: Replica, state: State): Generator<Block> {
  const pool = poolOf(replica, state);
  const held = pool === undefined ? null : unreleased(replica, specFor(pool, replica.key), state);
  if (held !== null) yield { because: 'VRAM', until: held.until, why: held.why };
}

/** After it ran out of VRAM: as much must be free as was before, but for a little that a desktop may take meanwhile. */
function* vram(replica: Replica, state: State): Generator<Block> {
  const { devices } = state.devices;
  for (const { uuid, freeBytes } of replica.vram.before ?? []) {
    const device = devices.find((each) => each.uuid === uuid);
    if (device === undefined || device.vramFreeBytes === null || device.vramFreeBytes >= freeBytes * enough) continue;
    const [free, before] = [gib(device.vramFreeBytes), gib(freeBytes)];
    const by = holders([device], replica.key, state);
    const why = `waits for VRAM: GPU ${device.index} has ${free} free, ${before} were free before the launch that ran out of it`;
    yield { because: 'VRAM', until: null, why: by === null ? why : `${why}; held by ${by}` };
  }
}

const enough = 0.9;

/** Loading is heavy on disk, memory and the device: so many at once, the others behind them. */
function* loads(replica: Replica, state: State, crowd: Crowd): Generator<Block> {
  const { perDevice, total } = state.inventory.supervisor.loads;
  const loading = crowd.loading.filter((other) => other !== replica);
  if (loading.length >= total) {
    const why = `waits to load behind ${names(loading)} (supervisor.loads.total is ${total})`;
    yield { because: 'load slot', until: null, why };
  }
  for (const { uuid, index } of devicesOf(replica, state)) {
    const before = loading.filter((other) => devicesOf(other, state).some((device) => device.uuid === uuid));
    if (before.length >= perDevice) {
      yield { because: 'load slot', until: null, why: `waits to load on GPU ${index} behind ${names(before)}` };
    }
  }
}

const names = (replicas: readonly Replica[]): string => replicas.map(({ key }) => key).join(', ');

/** The devices of the replica's mask; empty for cpu, and where the mask cannot be had just now. */
export function devicesOf({ mask, life }: Replica, { devices: { devices } }: State): readonly Device[] {
  const launch = isLive(life) ? life.engine.launch : life.state === 'preparing' && life.phase !== 'queued' ? life.launch : null;
  if (launch !== null) return launch.devices;
  if (mask.kind === 'cpu') return [];
  const resolved = resolveMask(mask, devices, 'demo');
  return resolved.ok ? resolved.value : [];
}

function poolOf({ key }: Replica, { pools }: State): Pool | undefined {
  return pools.get(poolIdOf(key));
}

const seconds = (ms: number): string => `${Math.round(ms / 100) / 10}s`;
