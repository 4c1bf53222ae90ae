/** Settings as written -> the inventory of the core: units read, paths absolute, masks parsed. Only for what the checks have passed. */

import type { EngineKind, Inventory, PoolSpec, SupervisorSpec } from '../core/model.js';
import { parseBytes } from '../text/bytes.js';
import { parseDuration } from '../text/duration.js';
import type { Draft, DraftPool } from './draft.js';
import { absolute, modelName, type Places, readModelRef } from './model-ref.js';
import type { SupervisorSettings } from './schema.js';

export function normalize(draft: Draft, file: string, places: Places): Inventory {
  return { file, supervisor: supervisorOf(draft.supervisor, places), pools: draft.pools.map((pool) => poolOf(pool, places)) };
}

function poolOf({ id, settings, engine, masks }: DraftPool, places: Places): PoolSpec {
  const { health, stop, drain, reload, restart, isolate, logs } = settings;
  const { backoff, breaker, storm } = restart;
  const kind: EngineKind = engine ?? 'command';
  const model = settings.model === null ? null : sure(readModelRef(settings.model, kind, places));
  return {
    poolId: id,
    engine: kind,
    model,
    modelDigest: settings.model_digest,
    modelId: settings.model_id ?? (settings.model === null ? null : modelName(settings.model)),
    masks: masks.filter((mask) => mask !== null),
    share: settings.share,
    tensorSplit: settings.tensor_split,
    vramBytes: bytes(settings.vram),
    hostMemoryBytes: bytes(settings.host_memory),
    binary:
      settings.binary === null
        ? null
        : settings.binary.includes('/') || settings.binary.startsWith('~')
          ? absolute(settings.binary, places)
          : settings.binary,
    command: settings.command,
    args: settings.args,
    env: Object.fromEntries(
      Object.entries(settings.env).map(([name, value]) => [
        name,
        typeof value === 'string' ? { value } : { fromEnv: value.from_env },
      ]),
    ),
    workdir: settings.workdir === null ? null : absolute(settings.workdir, places),
    user: settings.user,
    isolate: {
      noNewPrivs: isolate.no_new_privs,
      dropCapabilities: isolate.drop_capabilities,
      dieWithSupervisor: isolate.die_with_supervisor,
    },
    host: settings.host,
    port: settings.port,
    slots: settings.slots,
    autostart: settings.autostart,
    health: {
      path: health.path as PoolSpec['health']['path'],
      listener: health.listener,
      startupIntervalMs: ms(health.startup_interval),
      startupDeadlineMs: health.startup_deadline === 'auto' ? 'auto' : ms(health.startup_deadline),
      intervalMs: ms(health.interval),
      timeoutMs: ms(health.timeout),
      failureThreshold: health.failure_threshold,
      successThreshold: health.success_threshold,
      restartAfterMs: health.restart_after === 'never' ? 'never' : ms(health.restart_after),
      minUptimeMs: ms(health.min_uptime),
      generate: {
        everyMs: health.generate.every === null ? null : ms(health.generate.every),
        timeoutMs: ms(health.generate.timeout),
      },
    },
    stop: { signal: stop.signal, graceMs: ms(stop.grace) },
    drain: { deadlineMs: ms(drain.deadline), inflight: drain.inflight },
    reload: { strategy: reload.strategy, minHealthyMs: ms(reload.min_healthy) },
    restart: {
      policy: restart.policy,
      backoff: {
        initialMs: ms(backoff.initial),
        factor: backoff.factor,
        maxMs: ms(backoff.max),
        minMs: ms(backoff.min),
        jitter: backoff.jitter,
        resetAfterMs: ms(backoff.reset_after),
        cudaMultiplier: backoff.cuda_multiplier,
      },
      breaker: {
        threshold: breaker.threshold,
        openForMs: ms(breaker.open_for),
        extendFactor: breaker.extend_factor,
        maxOpenForMs: ms(breaker.max_open_for),
        closeAfterMs: ms(breaker.close_after),
        cudaThreshold: breaker.cuda_threshold,
      },
      storm: {
        limit: storm.limit,
        windowMs: ms(storm.window),
        warnAt: storm.warn_at,
        trip: { count: storm.trip.count, windowMs: ms(storm.trip.window) },
        resetAfterMs: ms(storm.reset_after),
      },
    },
    logs: { maxSizeBytes: bytes(logs.max_size) ?? 0, keep: logs.keep },
  };
}

function supervisorOf(settings: SupervisorSettings, places: Places): SupervisorSpec {
  const [from = 0, to = 0] = settings.ports.split('-').map(Number);
  return {
    listen: settings.listen,
    tokenFile: settings.token_file === null ? null : absolute(settings.token_file, places),
    allowDownloads: settings.allow_downloads,
    ports: { from, to },
    shutdownDeadlineMs: ms(settings.shutdown_deadline),
    adopt: settings.adopt,
    loads: { perDevice: settings.loads.per_device, total: settings.loads.total },
    log: settings.log,
    events: { maxSizeBytes: bytes(settings.events.max_size) ?? 0, keep: settings.events.keep },
    devicePollMs: ms(settings.device_poll),
    enginePollMs: settings.engine_poll === null ? null : ms(settings.engine_poll),
    deviceStorm: { limit: settings.device_storm.limit, windowMs: ms(settings.device_storm.window) },
  };
}

function ms(written: string): number {
  const parsed = parseDuration(written);
  if (parsed === null) throw new RangeError(`the schema let the duration "${written}" through`);
  return parsed;
}

function bytes(written: string | null): number | null {
  return written === null ? null : parseBytes(written);
}

function sure(ref: ReturnType<typeof readModelRef>): string {
  if (!ref.ok) throw new RangeError(`the checks let a model through: ${ref.error}`);
  return ref.value;
}
