/**
 * State -> the one read model that API, status, console and (later) metrics and live view share. The keys are those of the contract, so
 * that `status --json` prints it unchanged; times are made by the caller's `time`, since the core knows no calendar.
 */

import { gate } from './gate.js';
import type { Device, Instant, Moment } from './model.js';
import { urlFor } from './serving.js';
import { isLive, type LastExit, type Operation, type Pool, type Replica, type State } from './state.js';
import { span } from './words.js';

export type ReplicaStateName =
  | 'stopped'
  | 'preparing'
  | 'starting'
  | 'ready'
  | 'unhealthy'
  | 'draining'
  | 'stopping'
  | 'backoff'
  | 'broken'
  | 'failed'
  | 'stuck';

export type PoolStateName = ReplicaStateName | 'degraded';

export type BreakerView = {
  readonly state: 'closed' | 'open' | 'half-open';
  readonly failures: number;
  readonly retry_at: string | null;
  readonly cuda: { readonly state: 'closed' | 'open' | 'half-open'; readonly failures: number; readonly retry_at: string | null };
};

export type LastExitView = {
  readonly code: number | null;
  readonly signal: string | null;
  readonly class: string;
  readonly subclass: string | null;
  readonly evidence: { readonly line: number; readonly text: string } | null;
  readonly hint: string | null;
  readonly restartable: boolean;
  readonly at: string;
  readonly uptime_seconds: number;
  readonly incarnation: number;
};

export type ReplicaView = {
  readonly replica_id: string;
  readonly state: ReplicaStateName;
  readonly goal: 'up' | 'down';
  readonly live: boolean;
  readonly ready: boolean;
  readonly draining: boolean;
  readonly why: string | null;
  readonly device_mask: string;
  readonly devices: readonly string[];
  readonly pid: number | null;
  readonly incarnation: number;
  readonly adopted: boolean;
  readonly host: string;
  readonly port: number | null;
  readonly url: string | null;
  readonly started_at: string | null;
  readonly ready_at: string | null;
  readonly uptime_seconds: number | null;
  readonly last_heartbeat_ms: number | null;
  readonly active_leases: number;
  readonly inflight: number | null;
  readonly slots_total: number | null;
  readonly slots_free: number;
  readonly model_id: string | null;
  readonly model_ref: string | null;
  readonly engine_version: string | null;
  readonly restart_count: number;
  readonly crash_count: number;
  readonly restarts_total: number;
  readonly crashes_total: number;
  readonly last_crash_at: string | null;
  readonly backoff: { readonly delay_ms: number; readonly attempt: number; readonly next_restart_at: string } | null;
  readonly breaker: BreakerView;
  readonly last_exit: LastExitView | null;
  readonly last_error: string | null;
  readonly perf: { readonly tokens_per_s: number | null; readonly first_token_ms: number | null } | null;
};

export type PoolView = {
  readonly pool_id: string;
  readonly engine: string;
  readonly engine_version: string | null;
  readonly model_id: string | null;
  readonly model_ref: string | null;
  readonly override: { readonly model_ref: string; readonly since: string } | null;
  readonly state: PoolStateName;
  readonly live: boolean;
  readonly ready: boolean;
  readonly draining: boolean;
  readonly active_leases: number;
  readonly slots_total: number | null;
  readonly slots_free: number;
  readonly restart_count: number;
  readonly crash_count: number;
  readonly restarts_total: number;
  readonly crashes_total: number;
  readonly last_crash_at: string | null;
  readonly last_error: string | null;
  readonly device_masks: readonly string[];
  readonly breaker: BreakerView;
  readonly storm: { readonly restarts_in_window: number; readonly storming: boolean };
  readonly replicas: readonly ReplicaView[];
};

export type DeviceView = {
  readonly index: string;
  readonly uuid: string;
  readonly name: string;
  readonly vendor: Device['vendor'];
  readonly vram_total_bytes: number | null;
  readonly vram_free_bytes: number | null;
  readonly compute_capability: string | null;
  readonly utilization_percent: number | null;
  readonly temperature_celsius: number | null;
  readonly power_watts: number | null;
  readonly mig: boolean;
  readonly healthy: boolean;
  readonly age_seconds: number | null;
  readonly pools: readonly string[];
};

export type OperationView = {
  readonly operation_id: string;
  readonly kind: string;
  readonly pool_id: string | null;
  readonly state: 'running' | 'succeeded' | 'failed';
  readonly outcome: string | null;
  readonly changed: boolean;
  readonly started_at: string;
  readonly finished_at: string | null;
  readonly interrupted: boolean;
  readonly active_leases: number;
  readonly inflight: number | null;
  readonly cut: number;
  /** How long the slowest of its engines that load now may take; null where none does, or it is not known yet. */
  readonly startup_deadline_ms: number | null;
  readonly steps: readonly {
    readonly replica_id: string;
    readonly step: string;
    readonly state: string;
    readonly detail: string | null;
  }[];
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
};

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
  return [...state.pools.values()].map((pool) => viewPool(pool, state, calendar));
}

export function viewPool({ spec, replicas: places }: Pool, state: State, calendar: Calendar): PoolView {
  const replicas = places.map((replica) => viewReplica(replica, state, calendar));
  const wanted = replicas.filter(({ goal }) => goal === 'up');
  const degraded = wanted.some(({ ready }) => ready) && wanted.some(({ ready }) => !ready);
  const slots = replicas.map(({ slots_total }) => slots_total).filter((count) => count !== null);
  const last = places.flatMap(({ lastCrashAt }) => lastCrashAt ?? []).sort((a, b) => b.wallMs - a.wallMs)[0];
  return {
    pool_id: spec.poolId,
    engine: spec.engine,
    engine_version: replicas.find(({ engine_version }) => engine_version !== null)?.engine_version ?? null,
    model_id: spec.modelId,
    model_ref: spec.model,
    override: null,
    state: degraded ? 'degraded' : (ranking.find((name) => replicas.some(({ state: is }) => is === name)) ?? 'stopped'),
    live: replicas.some(({ live }) => live),
    ready: replicas.some(({ ready }) => ready),
    draining: false,
    active_leases: 0,
    slots_total: slots.length === 0 ? null : total(slots),
    slots_free: total(replicas.map(({ slots_free }) => slots_free)),
    restart_count: total(places.map(({ restartCount }) => restartCount)),
    crash_count: total(places.map(({ crashCount }) => crashCount)),
    restarts_total: total(places.map(({ restartsTotal }) => restartsTotal)),
    crashes_total: total(places.map(({ crashesTotal }) => crashesTotal)),
    last_crash_at: last === undefined ? null : calendar.time(last.wallMs),
    last_error: places.find(({ lastError }) => lastError !== null)?.lastError ?? null,
    device_masks: places.map(({ mask }) => mask.written),
    breaker: closed,
    storm: { restarts_in_window: 0, storming: false },
    replicas,
  };
}

const closed: BreakerView = {
  state: 'closed',
  failures: 0,
  retry_at: null,
  cuda: { state: 'closed', failures: 0, retry_at: null },
};

function viewReplica(replica: Replica, state: State, { now, time }: Calendar): ReplicaView {
  const { life, mask } = replica;
  const pool = state.pools.get(replica.key.slice(0, replica.key.lastIndexOf('/')));
  const spec = pool?.spec;
  const engine = isLive(life) ? life.engine : null;
  const serving = life.state === 'ready' || life.state === 'unhealthy' ? life : null;
  const ready = life.state === 'ready';
  const since = serving?.readyAt ?? engine?.startedAt ?? null;
  const slots = serving?.description.slotsTotal ?? null;
  const when = (moment: Moment | null | undefined): string | null => (moment == null ? null : time(moment.wallMs));
  return {
    replica_id: replica.id,
    state: life.state,
    goal: replica.goal,
    live: engine !== null && !('exit' in life && life.exit !== null && life.left.length === 0),
    ready,
    draining: false,
    why: whyOf(replica, state, now),
    device_mask: mask.written,
    devices: engine?.launch.devices.map(({ uuid }) => uuid) ?? [],
    pid: engine?.identity.pid ?? null,
    incarnation: replica.incarnation,
    adopted: false,
    host: spec?.host ?? '',
    port: replica.port,
    url: ready && spec !== undefined && replica.port !== null ? urlFor(spec.host, replica.port) : null,
    started_at: when(engine?.startedAt),
    ready_at: when(serving?.readyAt),
    uptime_seconds: since === null ? null : Math.max(0, Math.round(now - since.at) / 1000),
    last_heartbeat_ms: serving?.lastHeartbeatWallMs ?? null,
    active_leases: 0,
    inflight: serving?.inflight ?? null,
    slots_total: slots,
    slots_free: ready ? (slots ?? 0) : 0,
    model_id: spec?.modelId ?? null,
    model_ref: spec?.model ?? null,
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
    breaker: closed,
    last_exit: replica.lastExit === null ? null : viewExit(replica.lastExit, time),
    last_error: replica.lastError,
    perf: null,
  };
}

function viewExit({ at, uptimeMs, ...exit }: LastExit, time: Calendar['time']): LastExitView {
  return {
    code: exit.code,
    signal: exit.signal,
    class: exit.class,
    subclass: null,
    evidence: exit.evidence,
    hint: exit.hint,
    restartable: exit.restartable,
    at: time(at.wallMs),
    uptime_seconds: Math.round(uptimeMs) / 1000,
    incarnation: exit.incarnation,
  };
}

/** One sentence on why a replica is where it is, and what comes next; null where there is nothing to say. */
function whyOf(replica: Replica, state: State, now: Instant): string | null {
  const { life } = replica;
  switch (life.state) {
    case 'stopped':
      return life.why;
    case 'preparing': {
      if (life.phase !== 'queued') return life.phase === 'checking' ? 'checks before the launch' : 'is being started';
      const verdict = gate(replica, state);
      return verdict.open ? null : verdict.why;
    }
    case 'starting':
      return `${life.detail ?? 'no answer yet'}, ${span(now - life.engine.startedAt.at)} of at most ${span(life.deadline - life.engine.startedAt.at)}`;
    case 'ready':
      return null;
    case 'unhealthy':
      return life.restartAt === null
        ? life.detail
        : `${life.detail}; restarted in ${span(life.restartAt - now)} unless it recovers`;
    case 'stopping':
      return life.rung === 'term' ? `asked to stop, SIGKILL in ${span(life.deadline - now)}` : 'SIGKILL sent';
    case 'backoff':
      return `${life.why}; try ${life.retry.attempt + 1} in ${span(life.retry.at.at - now)}`;
    case 'failed':
      return life.why;
    case 'stuck':
      return replica.lastError;
  }
}

export function viewDevices(state: State, now: Instant): readonly DeviceView[] {
  const age = state.devices.observedAt === null ? null : Math.round(now - state.devices.observedAt) / 1000;
  return state.devices.devices.map((device) => ({
    index: device.index,
    uuid: device.uuid,
    name: device.name,
    vendor: device.vendor,
    vram_total_bytes: device.vramTotalBytes,
    vram_free_bytes: device.vramFreeBytes,
    compute_capability: device.computeCapability,
    utilization_percent: device.utilizationPercent,
    temperature_celsius: device.temperatureCelsius,
    power_watts: device.powerWatts,
    mig: device.mig,
    healthy: device.healthy,
    age_seconds: age,
    pools: poolsOn(device.uuid, state),
  }));
}

function poolsOn(uuid: string, { pools }: State): readonly string[] {
  const uses = ({ life }: Replica): boolean => isLive(life) && life.engine.launch.devices.some((device) => device.uuid === uuid);
  return [...pools.values()].filter(({ replicas }) => replicas.some(uses)).map(({ spec }) => spec.poolId);
}

export function viewOperation(operation: Operation, state: State, time: Calendar['time']): OperationView {
  return {
    operation_id: operation.id,
    kind: operation.kind,
    pool_id: operation.poolId,
    state: operation.state,
    outcome: operation.outcome,
    changed: operation.changed,
    started_at: time(operation.startedAt.wallMs),
    finished_at: operation.finishedAt === null ? null : time(operation.finishedAt.wallMs),
    interrupted: false,
    active_leases: 0,
    inflight: operation.inflight,
    cut: 0,
    startup_deadline_ms: longestLoad(operation, state),
    steps: operation.steps.map(({ key, state: stepState, detail }) => ({
      replica_id: key.slice(key.lastIndexOf('/') + 1),
      step: operation.kind === 'shutdown' ? `stop ${key}` : operation.kind,
      state: stepState,
      detail,
    })),
    ...(operation.error === null ? {} : { error: operation.error }),
  };
}

function longestLoad({ steps }: Operation, { pools }: State): number | null {
  const keys = new Set(steps.map(({ key }) => key));
  const lives = [...pools.values()].flatMap(({ replicas }) =>
    replicas.filter(({ key }) => keys.has(key)).map(({ life }) => life),
  );
  const deadlines = lives.flatMap((life) => (life.state === 'starting' ? [life.lastDeadline - life.engine.startedAt.at] : []));
  return deadlines.length === 0 ? null : Math.round(Math.max(...deadlines));
}

const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
