/** Launches for tests: a `command` engine on mask cpu that asks for nothing, and what a test changes of it. */

import type { Launch } from '../../src/core/messages.js';
import type { PoolSpec } from '../../src/core/model.js';

export function launchOf(spec: Partial<PoolSpec> = {}, more: Partial<Launch> = {}): Launch {
  return {
    key: 'chat/r0',
    incarnation: 1,
    check: 1,
    instance: 'i-1',
    spec: { ...plain, ...spec },
    mask: { kind: 'cpu', written: 'cpu' },
    devices: [],
    port: 0,
    allowDownloads: false,
    ...more,
  };
}

const plain: PoolSpec = {
  poolId: 'chat',
  engine: 'command',
  model: null,
  modelDigest: null,
  modelId: null,
  masks: [{ kind: 'cpu', written: 'cpu' }],
  share: false,
  tensorSplit: null,
  vramBytes: null,
  hostMemoryBytes: null,
  binary: null,
  command: ['sleep', '600'],
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
    intervalMs: 5000,
    timeoutMs: 2000,
    failureThreshold: 3,
    successThreshold: 1,
    restartAfterMs: 60_000,
    minUptimeMs: 1000,
    generate: { everyMs: null, timeoutMs: 30_000 },
  },
  stop: { signal: 'SIGTERM', graceMs: 5000 },
  drain: { deadlineMs: 300_000, inflight: 'auto' },
  reload: { strategy: 'auto', minHealthyMs: 2000 },
  restart: {
    policy: 'on-failure',
    backoff: { initialMs: 1000, factor: 2, maxMs: 60_000, minMs: 500, jitter: 0.1, resetAfterMs: 300_000, cudaMultiplier: 2 },
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
  logs: { maxSizeBytes: 50 * 1024 * 1024, keep: 5 },
};
