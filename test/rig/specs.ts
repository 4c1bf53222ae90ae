/** Inventories for tests of the core: small, whole, and with short times. */

import { type Beginning, initialState } from '../../src/core/initial.js';
import type { Inventory, PoolSpec, SupervisorSpec } from '../../src/core/model.js';
import type { Restored } from '../../src/core/restore.js';
import type { State } from '../../src/core/state.js';

export function poolSpec(poolId: string, replicas: number, more: Partial<PoolSpec> = {}): PoolSpec {
  return {
    poolId,
    engine: 'command',
    model: null,
    modelDigest: null,
    modelId: null,
    modelIdGiven: false,
    masks: Array.from({ length: replicas }, () => ({ kind: 'cpu', written: 'cpu' }) as const),
    share: false,
    tensorSplit: null,
    vramBytes: null,
    hostMemoryBytes: null,
    binary: null,
    command: ['engine'],
    args: [],
    env: {},
    workdir: null,
    user: null,
    isolate: { noNewPrivs: true, dropCapabilities: true, dieWithSupervisor: false },
    host: '127.0.0.1',
    port: 'auto',
    slots: 'auto',
    autostart: true,
    health: {
      path: 'auto',
      listener: 'auto',
      startupIntervalMs: 500,
      startupDeadlineMs: 'auto',
      intervalMs: 5_000,
      timeoutMs: 2_000,
      failureThreshold: 3,
      successThreshold: 1,
      restartAfterMs: 60_000,
      minUptimeMs: 1_000,
      generate: { everyMs: null, timeoutMs: 30_000 },
    },
    stop: { signal: 'SIGTERM', graceMs: 5_000 },
    drain: { deadlineMs: 300_000, inflight: 'auto' },
    reload: { strategy: 'auto', minHealthyMs: 2_000 },
    restart: {
      policy: 'on-failure',
      backoff: { initialMs: 1_000, factor: 2, maxMs: 60_000, minMs: 500, jitter: 0.1, resetAfterMs: 300_000, cudaMultiplier: 2 },
      breaker: {
        threshold: 5,
        openForMs: 300_000,
        extendFactor: 2,
        maxOpenForMs: 3_600_000,
        closeAfterMs: 60_000,
        cudaThreshold: 5,
      },
      storm: { limit: 10, windowMs: 60_000, warnAt: 5, trip: { count: 10, windowMs: 30_000 }, resetAfterMs: 600_000 },
    },
    logs: { maxSizeBytes: 50 * 2 ** 20, keep: 5 },
    ...more,
  };
}

export const supervisorSpec: SupervisorSpec = {
  listen: null,
  tokenFile: null,
  allowDownloads: false,
  ports: { from: 18_100, to: 18_999 },
  shutdownDeadlineMs: 30_000,
  adopt: true,
  loads: { perDevice: 1, total: 4 },
  log: { format: 'auto', level: 'info' },
  events: { maxSizeBytes: 20 * 2 ** 20, keep: 3 },
  devicePollMs: 5_000,
  enginePollMs: 10_000,
  deviceStorm: { limit: 6, windowMs: 60_000 },
};

export const inventoryOf = (...pools: PoolSpec[]): Inventory => ({ file: '/etc/pools.yaml', supervisor: supervisorSpec, pools });

/** The state before the first input, on a machine without devices. */
export const beginning = (more: Pick<Beginning, 'inventory' | 'now'> & Partial<Beginning>): State =>
  initialState({
    named: [],
    devices: { devices: [], tool: 'none', note: null, processes: null, askedAt: 0 },
    exitOnAllFailed: false,
    ...more,
  });

/** Begun without an earlier supervisor. */
export const begun = (more: Parameters<typeof beginning>[0]): Restored => ({ state: beginning(more), effects: [], events: [] });
