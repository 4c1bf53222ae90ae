/** Draft -> Inventory: units become numbers, paths absolute, snake_case camelCase. Nothing can fail here any more. */

import { isAbsolute } from 'node:path';
import { type EnvValue, engineKinds, type Inventory, type MaskRef, type PoolSpec, type SupervisorSpec } from '../core/model.js';
import { parseBytes } from '../text/bytes.js';
import { parseDuration } from '../text/duration.js';
import type { Draft, DraftPool, Surroundings } from './draft.js';
import { absolute, modelName, type Places, readModelRef } from './model-ref.js';
import type { Settings } from './schema.js';

/** `file` is absolute. Throws when it is given a draft that has errors: that is a bug. */
export function normalize(
  file: string,
  { pools, supervisor }: Draft,
  surroundings: Places & Pick<Surroundings, 'env' | 'nameInModel'>,
): Inventory {
  return {
    file,
    supervisor: normalizeSupervisor(supervisor, surroundings, surroundings.env.POOLCTL_LISTEN),
    pools: pools.map((pool) => normalizePool(pool, surroundings, surroundings.nameInModel)),
  };
}

function normalizeSupervisor(settings: Draft['supervisor'], places: Places, listen: string | undefined): SupervisorSpec {
  const [from, to] = settings.ports.split('-').map(Number);
  return {
    listen: settings.listen ?? (listen === undefined || listen === '' ? null : listen),
    tokenFile: settings.token_file === null ? null : absolute(settings.token_file, places),
    allowDownloads: settings.allow_downloads,
    ports: { from: sure(from), to: sure(to) },
    shutdownDeadlineMs: ms(settings.shutdown_deadline),
    adopt: settings.adopt,
    loads: { perDevice: settings.loads.per_device, total: settings.loads.total },
    log: settings.log,
    events: { maxSizeBytes: bytes(settings.events.max_size), keep: settings.events.keep },
    devicePollMs: ms(settings.device_poll),
    enginePollMs: settings.engine_poll === null ? null : ms(settings.engine_poll),
    deviceStorm: { limit: settings.device_storm.limit, windowMs: ms(settings.device_storm.window) },
  };
}

function normalizePool(
  { id, settings, engine, masks }: DraftPool,
  places: Places,
  nameInModel: Surroundings['nameInModel'],
): PoolSpec {
  const kind = sure(engineKinds.find((known) => known === engine));
  const model = settings.model === null ? null : readModelRef(settings.model, kind, places);
  if (model !== null && !model.ok) throw new TypeError(`a model that was not checked: ${model.error}`);
  const nameInFile = (ref: string): string | null =>
    nameInModel !== null && isAbsolute(ref) && /\.gguf$/i.test(ref) ? nameInModel(ref) : null;
  return {
    poolId: id,
    engine: kind,
    model: model === null ? null : model.value,
    modelDigest: settings.model_digest === null ? null : settings.model_digest.toLowerCase(),
    modelId:
      settings.model_id ??
      (model === null || settings.model === null ? null : (nameInFile(model.value) ?? modelName(settings.model))),
    modelIdGiven: settings.model_id !== null,
    masks: masks.map((mask): MaskRef => sure(mask)),
    share: settings.share,
    tensorSplit: settings.tensor_split,
    vramBytes: settings.vram === null ? null : bytes(settings.vram),
    hostMemoryBytes: settings.host_memory === null ? null : bytes(settings.host_memory),
    binary: settings.binary === null ? null : program(settings.binary, places),
    command: kind === 'command' ? settings.command : null,
    args: settings.args,
    env: environment(settings.env),
    workdir: settings.workdir === null ? null : absolute(settings.workdir, places),
    user: settings.user,
    isolate: {
      noNewPrivs: settings.isolate.no_new_privs,
      dropCapabilities: settings.isolate.drop_capabilities,
      dieWithSupervisor: settings.isolate.die_with_supervisor,
    },
    host: settings.host,
    port: settings.port,
    slots: settings.slots,
    autostart: settings.autostart,
    ...policies(settings),
    logs: { maxSizeBytes: bytes(settings.logs.max_size), keep: settings.logs.keep },
  };
}

function policies({
  health,
  stop,
  drain,
  reload,
  restart,
}: Settings): Pick<PoolSpec, 'health' | 'stop' | 'drain' | 'reload' | 'restart'> {
  const { backoff, breaker, storm } = restart;
  return {
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
  };
}

/** A bare name is looked up on PATH; what has a slash is a path. */
function program(binary: string, places: Places): string {
  return binary.includes('/') || binary.startsWith('~') ? absolute(binary, places) : binary;
}

function environment(env: Settings['env']): PoolSpec['env'] {
  return Object.fromEntries(
    Object.entries(env).map(([name, value]): [string, EnvValue] => [
      name,
      typeof value === 'string' ? { value } : { fromEnv: value.from_env },
    ]),
  );
}

const ms = (text: string): number => sure(parseDuration(text));
const bytes = (text: string): number => sure(parseBytes(text));

function sure<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new TypeError('an inventory that was not checked');
  return value;
}
