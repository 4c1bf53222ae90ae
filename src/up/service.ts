/** What the API asks of a running supervisor, answered from the state and by its inbox. Decides nothing. */

import type { Service } from '../api/service.js';
import { apiVersion, type CapabilitiesView, type PoolHealthView, type SupervisorView } from '../api/wire.js';
import type { Refusal } from '../core/answers.js';
import { viewLease } from '../core/lease-view.js';
import { type EngineKind, poolIdOf, type Result } from '../core/model.js';
import { viewOperation } from '../core/operation-view.js';
import { meanPerf } from '../core/perf.js';
import { type Calendar, viewPool, viewPools } from '../core/snapshot.js';
import type { State } from '../core/state.js';
import { viewDevices } from '../devices/view.js';
import { type Paths, replicaPaths } from '../host/paths.js';
import { modelName } from '../inventory/model-ref.js';
import type { Examination } from '../inventory/report.js';
import type { Clock } from '../shell/clock.js';
import type { Runtime } from '../shell/runtime.js';
import { rfc3339 } from '../text/time.js';
import { rejected, rereadInto } from './apply.js';
import { featuresOf } from './features.js';
import type { News } from './news.js';

export type ServiceWorld = {
  readonly version: string;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly news: News;
  readonly paths: Paths;
  readonly supervisor: () => SupervisorView;
  /** Resolves when the registry, as the state is now, is on disk. */
  readonly recorded: () => Promise<void>;
  readonly metrics: () => Promise<string>;
  /** The model that a reference means to an engine; the error is a phrase. */
  readonly readModel: (ref: string, engine: EngineKind) => Result<string, string>;
  /** The inventory's file as it is now, and what is wrong with it. */
  readonly reread: () => Promise<Examination>;
};

export function makeService({
  version,
  runtime,
  clock,
  news,
  paths,
  supervisor,
  metrics,
  recorded,
  readModel,
  reread,
}: ServiceWorld): Service {
  const calendar = (): Calendar => ({ now: clock.now(), time: rfc3339 });

  function operation(id: string) {
    const found = runtime.state().operations.get(id);
    return found === undefined ? null : viewOperation(found, runtime.state(), rfc3339);
  }

  return {
    version,
    status: () => ({
      api_version: apiVersion,
      stale: false,
      supervisor: supervisor(),
      pools: viewPools(runtime.state(), calendar()),
      devices: viewDevices(runtime.state(), clock.now()),
    }),
    pool(poolId) {
      const pool = runtime.state().pools.get(poolId);
      return pool === undefined ? null : viewPool(pool, runtime.state(), calendar());
    },
    health: (poolId) => healthOf(poolId, runtime.state(), calendar()),
    devices: () => ({ devices: viewDevices(runtime.state(), clock.now()), note: runtime.state().devices.note }),
    capabilities: () => capabilitiesOf(version, runtime.state(), calendar()),
    metrics,
    operation,
    operationEnded(id, waitMs, signal) {
      return new Promise((resolve) => {
        const settle = (): void => {
          clearTimeout(timer);
          unsubscribe();
          signal.removeEventListener('abort', settle);
          resolve(operation(id));
        };
        // An operation ends with an event; whether it is this one, the state says. What it says to have done outlives this supervisor.
        const unsubscribe = runtime.onEvent(({ event, operation_id }) => {
          if (event === 'operation.finished' && operation_id === id) void recorded().then(settle);
        });
        const timer = setTimeout(settle, Math.min(waitMs, 2 ** 31 - 1));
        signal.addEventListener('abort', settle);
        const found = operation(id);
        if (signal.aborted || found === null) settle();
        else if (found.state !== 'running') void recorded().then(settle);
      });
    },
    async request(input) {
      const answer = runtime.give(input);
      if (answer === null) return { ok: false, refusal: ended };
      if (answer.ok) await recorded();
      return answer;
    },
    async apply(dryRun, correlationId) {
      const found = rereadInto(await reread(), runtime.state());
      if (!found.ok) {
        if (!dryRun) news.publish(rejected(found.first, correlationId));
        return { kind: 'invalid', first: found.first, problems: found.problems };
      }
      if (dryRun) return { kind: 'applied', view: found.view };
      const answer = runtime.give({ type: 'apply-requested', inventory: found.inventory, correlationId });
      if (answer === null || !answer.ok) return { kind: 'refused', refusal: answer?.refusal ?? ended };
      await recorded();
      return { kind: 'applied', view: { ...found.view, ...(found.view.changed ? { operation_id: answer.operationId } : {}) } };
    },
    recorded,
    readModel(poolId, ref) {
      const engine = runtime.state().pools.get(poolId)?.spec.engine ?? 'command';
      const model = readModel(ref, engine);
      return model.ok ? { ok: true, value: { model: model.value, modelId: modelName(ref) } } : model;
    },
    lease(wish) {
      const answer = runtime.give(wish);
      if (answer === null) return { ok: false, refusal: ended };
      if (!answer.ok) return answer;
      return { ok: true, lease: answer.lease === null ? null : viewLease(answer.lease, runtime.state(), rfc3339) };
    },
    leases(poolId) {
      const state = runtime.state();
      if (poolId !== null && !state.pools.has(poolId)) return null;
      const wanted = [...state.leases.values()].filter(({ key }) => poolId === null || poolIdOf(key) === poolId);
      return wanted.map((lease) => viewLease(lease, state, rfc3339)).filter((lease) => lease !== null);
    },
    onEvent: (listener) => news.onLine(listener),
    eventsSince: (id) => news.since(id),
    logPath(poolId, replicaId) {
      const replica = runtime
        .state()
        .pools.get(poolId)
        ?.replicas.find(({ id }) => id === replicaId);
      return replica === undefined ? null : replicaPaths(paths, replica.key).log;
    },
  };
}

const ended: Refusal = { code: 'SHUTTING_DOWN', message: 'the supervisor has ended', hint: 'poolctl up', retryAfterMs: 5_000 };

function healthOf(poolId: string, state: State, calendar: Calendar): PoolHealthView | null {
  const pool = state.pools.get(poolId);
  if (pool === undefined) return null;
  const view = viewPool(pool, state, calendar);
  const uuids = new Set(view.replicas.flatMap(({ devices }) => devices));
  const devices = state.devices.devices.filter(({ uuid }) => uuids.has(uuid));
  const beats = view.replicas.map(({ last_heartbeat_ms }) => last_heartbeat_ms).filter((beat) => beat !== null);
  return {
    pool_id: poolId,
    live: view.live,
    ready: view.ready,
    draining: view.draining,
    active_leases: view.active_leases,
    slots_total: view.slots_total,
    slots_free: view.slots_free,
    engine_version: view.engine_version,
    last_error: view.last_error,
    last_heartbeat_ms: beats.length === 0 ? null : Math.max(...beats),
    metrics: {
      vram_total_bytes: sum(devices.map(({ vramTotalBytes }) => vramTotalBytes)),
      vram_free_bytes: sum(devices.map(({ vramFreeBytes }) => vramFreeBytes)),
      inflight: sum(view.replicas.map(({ inflight }) => inflight)),
      restart_count: view.restart_count,
      perf: meanPerf(view.replicas.map(({ perf }) => perf)),
    },
  };
}

function capabilitiesOf(version: string, state: State, calendar: Calendar): CapabilitiesView {
  return {
    api_version: apiVersion,
    version,
    engines: [...state.pools.values()].map((pool) => {
      const view = viewPool(pool, state, calendar);
      const contexts = pool.replicas
        .map(({ life }) => ('description' in life ? life.description.ctxMax : null))
        .filter((size) => size !== null);
      return {
        pool_id: view.pool_id,
        engine: view.engine,
        engine_version: view.engine_version,
        model_id: view.model_id,
        ctx_max: contexts.length === 0 ? null : Math.min(...contexts),
        slots_total: view.slots_total,
        supported_workloads: [],
        features: featuresOf(pool.spec),
      };
    }),
  };
}

/** Null where nothing is known, never 0. */
function sum(counts: readonly (number | null)[]): number | null {
  const known = counts.filter((count) => count !== null);
  return known.length === 0 ? null : known.reduce((total, count) => total + count, 0);
}
