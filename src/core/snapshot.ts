/**
 * State -> the read model (views.ts). Times are made by the caller's `time`, since the core knows no calendar.
 */

import type { Breaker } from './breaker.js';
import { type Crowd, crowdOf } from './crowd.js';
import { blockers } from './drain.js';
import { gate } from './gate.js';
import { leaseCounts, slotsOf } from './lease.js';
import { isDraining, isLive, isServing, type Life } from './life.js';
import { type Device, type Instant, type Moment, poolIdOf, type ReplicaKey } from './model.js';
import { ailmentOf } from './observe.js';
import { viewPerf } from './perf.js';
import { shownReference } from './reference.js';
import { goalOf, specFor } from './reload.js';
import type { Override } from './reload-state.js';
import type { LastExit, Replica } from './replica.js';
import { urlFor } from './serving.js';
import { stagingText } from './staging.js';
import type { Pool, State } from './state.js';
import { raised, within } from './storm.js';
import type { BreakerView, LastExitView, PoolView, ReplicaStateName, ReplicaView } from './views.js';
import { span } from './words.js';

/** How points in time are shown, and the present one. `time` takes epoch milliseconds. */
export type Calendar = { readonly now: Instant; readonly time: (wallMs: number) => string };

/** Best first: a pool is as good as its best replica. */
const ranking: readonly ReplicaStateName[] = [
  'ready',
  'unhealthy',
  'starting',
  'preparing',
  'draining',
  'stopping',
  'backoff',
  'broken',
  'stuck',
  'failed',
  'stopped',
];

export function viewPools(state: State, calendar: Calendar): readonly PoolView[] {
  const scene = sceneOf(state);
  return [...state.pools.values()].map((pool) => viewPool(pool, state, calendar, scene));
}

export function viewPool(pool: Pool, state: State, calendar: Calendar, scene = sceneOf(state)): PoolView {
  const { spec, replicas: places, override } = pool;
  const replicas = places.map((replica) => viewReplica(replica, scene, calendar));
  const wanted = replicas.filter(({ goal }) => goal === 'up');
  const degraded = wanted.some(({ ready }) => ready) && wanted.some(({ ready }) => !ready);
  const slots = replicas.map(({ slots_total }) => slots_total).filter((count) => count !== null);
  const last = places.flatMap(({ lastCrashAt }) => lastCrashAt ?? []).sort((a, b) => b.wallMs - a.wallMs)[0];
  return {
    pool_id: spec.poolId,
    engine: spec.engine,
    engine_version: replicas.find(({ engine_version }) => engine_version !== null)?.engine_version ?? null,
    model_id: spec.modelId,
    model_ref: spec.model === null ? null : shownReference(spec.model),
    override: override === null ? null : viewOverride(override, calendar),
    state: degraded ? 'degraded' : (ranking.find((name) => replicas.some(({ state: is }) => is === name)) ?? 'stopped'),
    live: replicas.some(({ live }) => live),
    ready: replicas.some(({ ready }) => ready),
    draining: !replicas.some(({ ready }) => ready) && replicas.some(({ draining }) => draining),
    active_leases: total(replicas.map(({ active_leases }) => active_leases)),
    slots_total: slots.length === 0 ? null : total(slots),
    slots_free: total(replicas.map(({ slots_free }) => slots_free)),
    restart_count: total(places.map(({ restartCount }) => restartCount)),
    crash_count: total(places.map(({ crashCount }) => crashCount)),
    restarts_total: total(places.map(({ restartsTotal }) => restartsTotal)),
    crashes_total: total(places.map(({ crashesTotal }) => crashesTotal)),
    last_crash_at: last === undefined ? null : calendar.time(last.wallMs),
    last_error: places.find(({ lastError }) => lastError !== null)?.lastError ?? null,
    device_masks: places.map(({ mask }) => mask.written),
    drain_deadline_ms: spec.drain.deadlineMs,
    breaker: worstBreaker(replicas.map(({ breaker }) => breaker)),
    storm: viewStorm(pool, calendar.now),
    replicas,
  };
}

export function viewOverride({ chosen, since, file }: Override, { time }: Pick<Calendar, 'time'>): PoolView['override'] {
  const shown = (ref: string | null): string => (ref === null ? '' : shownReference(ref));
  return { model_ref: shown(chosen.model), since: time(since.wallMs), file_model_ref: shown(file.model) };
}

function viewStorm({ spec, replicas, restarts }: Pool, now: Instant): PoolView['storm'] {
  const { limit, windowMs } = raised(spec.restart.storm, replicas.length);
  const count = within(restarts, windowMs, now).length;
  return { restarts_in_window: count, storming: count >= limit };
}

function viewBreakers({ general, cuda }: Replica['breakers'], time: Calendar['time']): BreakerView {
  return { ...viewBreaker(general, time), cuda: viewBreaker(cuda, time) };
}

function viewBreaker(breaker: Breaker, time: Calendar['time']): BreakerView['cuda'] {
  const retry_at = breaker.state === 'open' ? time(breaker.retryAt.wallMs) : null;
  return { state: breaker.state, failures: breaker.failures, retry_at };
}

/** Each half by itself: open before half-open before closed, then the one with more failures. */
function worstBreaker(breakers: readonly BreakerView[]): BreakerView {
  const cuda = worst(breakers.map((breaker) => breaker.cuda));
  const { state, failures, retry_at } = worst(breakers);
  return { state, failures, retry_at, cuda };
}

function worst<B extends BreakerView['cuda']>(breakers: readonly B[]): B {
  const rank = ({ state }: B): number => ['closed', 'half-open', 'open'].indexOf(state);
  return breakers.reduce((a, b) => (rank(b) > rank(a) || (rank(b) === rank(a) && b.failures > a.failures) ? b : a));
}

/** A state, and what is said of each replica by a look at all of it, looked for once. */
type Scene = { readonly state: State; readonly leases: ReadonlyMap<ReplicaKey, number>; readonly crowd: Crowd };

const sceneOf = (state: State): Scene => ({ state, leases: leaseCounts(state.leases), crowd: crowdOf(state.pools) });

function viewReplica(replica: Replica, scene: Scene, { now, time }: Calendar): ReplicaView {
  const { state } = scene;
  const { life, mask } = replica;
  const pool = state.pools.get(poolIdOf(replica.key));
  const spec = pool === undefined ? undefined : isLive(life) ? life.engine.launch.spec : specFor(pool, replica.key);
  const engine = isLive(life) ? life.engine : null;
  const serving = isServing(life) ? life : null;
  const ready = life.state === 'ready';
  const since = serving?.readyAt ?? engine?.startedAt ?? null;
  const slots = serving?.description.slotsTotal ?? null;
  const leased = scene.leases.get(replica.key) ?? 0;
  // Where an engine listens is the engine's to say, whatever its replica is to become.
  const port = engine?.launch.port ?? replica.port;
  const when = (moment: Moment | null | undefined): string | null => (moment == null ? null : time(moment.wallMs));
  return {
    replica_id: replica.id,
    state: life.state,
    goal: pool === undefined ? replica.goal : goalOf(pool, replica),
    live: engine !== null && !hasEnded(life),
    ready,
    draining: isDraining(life),
    why: whyOf(replica, leased, scene, now),
    device_mask: mask.written,
    devices: engine?.launch.devices.map(({ uuid }) => uuid) ?? [],
    pid: engine?.identity.pid ?? null,
    incarnation: replica.incarnation,
    adopted: engine?.adopted ?? false,
    host: spec?.host ?? '',
    port,
    url: ready && spec !== undefined && port !== null ? urlFor(spec.host, port) : null,
    started_at: when(engine?.startedAt),
    ready_at: when(serving?.readyAt),
    uptime_seconds: since === null ? null : Math.max(0, Math.round(now - since.at) / 1000),
    last_heartbeat_ms: serving?.lastHeartbeatWallMs ?? null,
    active_leases: leased,
    inflight: serving?.inflight ?? null,
    slots_total: slots,
    slots_free: ready ? Math.max(0, slotsOf(life) - leased) : 0,
    model_id: spec?.modelId ?? null,
    model_ref: spec?.model == null ? null : shownReference(spec.model),
    engine_version: serving?.description.engineVersion ?? null,
    restart_count: replica.restartCount,
    crash_count: replica.crashCount,
    restarts_total: replica.restartsTotal,
    crashes_total: replica.crashesTotal,
    last_crash_at: when(replica.lastCrashAt),
    backoff:
      life.state === 'backoff'
        ? { delay_ms: life.retry.delayMs, attempt: life.retry.attempt, next_restart_at: time(life.retry.at.wallMs) }
        : null,
    breaker: viewBreakers(replica.breakers, time),
    last_exit: replica.lastExit === null ? null : viewExit(replica.lastExit, time),
    last_error: replica.lastError,
    perf: serving === null ? null : viewPerf(serving.perf),
  };
}

/** Its leader has, and nobody else of it is known to be left. */
function hasEnded(life: Life): boolean {
  if (life.state !== 'stopping' && life.state !== 'stuck') return false;
  const found = life.exit !== null || (life.intent.kind === 'crashed' && life.intent.exit === null);
  return found && life.left.length === 0;
}

function viewExit({ at, uptimeMs, ...exit }: LastExit, time: Calendar['time']): LastExitView {
  return {
    code: exit.code,
    signal: exit.signal,
    class: exit.class,
    subclass: exit.subclass,
    evidence: exit.evidence,
    hint: exit.hint,
    last_lines: exit.lastLines,
    restartable: exit.restartable,
    at: time(at.wallMs),
    uptime_seconds: Math.round(uptimeMs) / 1000,
    incarnation: exit.incarnation,
  };
}

/** One sentence on why a replica is where it is, and what comes next; null where there is nothing to say. */
function whyOf(replica: Replica, leases: number, { state, crowd }: Scene, now: Instant): string | null {
  const { life } = replica;
  switch (life.state) {
    case 'stopped':
      return life.why;
    case 'preparing': {
      if (life.phase === 'spawning') return 'is being started';
      if (life.phase === 'checking') return life.staged === null ? 'checks before the launch' : stagingText(life.staged.last);
      const verdict = gate(replica, state, now, crowd);
      return verdict.open ? null : verdict.why;
    }
    case 'starting':
      if (life.resumed !== null) return life.detail;
      return `${life.detail ?? 'no answer yet'}, ${span(now - life.engine.startedAt.at)} of at most ${span(life.deadline - life.engine.startedAt.at)}`;
    case 'ready':
      return life.misplaced ?? troubleOf(life.engine.launch.devices, state);
    case 'unhealthy':
      if (life.restartAt === null) return life.detail;
      return life.sickness.kind === 'sticky'
        ? `${life.detail}; restarted as soon as nothing runs on it, in ${span(life.restartAt - now)} at the latest`
        : `${life.detail}; restarted in ${span(life.restartAt - now)} unless it recovers`;
    case 'draining': {
      const spec = state.pools.get(poolIdOf(replica.key))?.spec;
      return spec === undefined ? null : blockers(life, leases, spec, now);
    }
    case 'stopping':
      if (hasEnded(life) && life.exit === null) return 'has ended; why is being found out';
      return life.rung === 'term' ? `asked to stop, SIGKILL in ${span(life.deadline - now)}` : 'SIGKILL sent';
    case 'backoff':
      return `${life.why}; try ${life.retry.attempt + 1} in ${span(life.retry.at.at - now)}`;
    case 'broken': {
      const cuda = replica.breakers.cuda.state === 'open' ? 'CUDA breaker' : 'breaker';
      return `${life.why}; ${cuda} open, one launch in ${span(life.retryAt.at - now)}, poolctl reset ${replica.key} tries at once`;
    }
    case 'failed':
      return life.why;
    case 'stuck':
      return replica.lastError;
  }
}

/** What an engine that serves yet may soon die of. */
function troubleOf(own: readonly Device[], { devices }: State): string | null {
  for (const { uuid, index } of own) {
    if (devices.lost.has(uuid)) return `GPU ${index} is gone: its tool lists it no more`;
    const device = devices.devices.find((each) => each.uuid === uuid);
    const ailment = device === undefined ? null : ailmentOf(device, devices);
    if (ailment !== null) return `GPU ${index} ${ailment.text}`;
  }
  return null;
}

const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
