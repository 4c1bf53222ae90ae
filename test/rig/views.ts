/** Views as the API gives them, for tests of what is made of them. */

import type { LeaseView, PoolHealthView, PoolView, ReplicaView, StatusView } from '../../src/api/wire.js';

const breaker = {
  state: 'closed',
  failures: 0,
  retry_at: null,
  cuda: { state: 'closed', failures: 0, retry_at: null },
} as const;

export function replicaView(more: Partial<ReplicaView> = {}): ReplicaView {
  return {
    replica_id: 'r0',
    state: 'ready',
    goal: 'up',
    live: true,
    ready: true,
    draining: false,
    why: null,
    device_mask: 'cpu',
    devices: [],
    pid: 4121,
    incarnation: 1,
    adopted: false,
    host: '127.0.0.1',
    port: 18100,
    url: 'http://127.0.0.1:18100',
    started_at: '2026-03-01T13:00:00.000Z',
    ready_at: '2026-03-01T13:00:10.000Z',
    uptime_seconds: 11_470,
    last_heartbeat_ms: 1,
    active_leases: 0,
    inflight: 2,
    slots_total: 4,
    slots_free: 4,
    model_id: 'qwen',
    model_ref: '/home/me/models/qwen.gguf',
    engine_version: 'b10587',
    restart_count: 0,
    crash_count: 0,
    restarts_total: 0,
    crashes_total: 0,
    last_crash_at: null,
    backoff: null,
    breaker,
    last_exit: null,
    last_error: null,
    perf: null,
    ...more,
  };
}

export function poolView(pool_id: string, replicas: readonly ReplicaView[], more: Partial<PoolView> = {}): PoolView {
  return {
    pool_id,
    engine: 'llamacpp',
    engine_version: null,
    model_id: null,
    model_ref: null,
    override: null,
    state: 'ready',
    live: true,
    ready: true,
    draining: false,
    active_leases: 0,
    slots_total: null,
    slots_free: 0,
    restart_count: 0,
    crash_count: 0,
    restarts_total: 0,
    crashes_total: 0,
    last_crash_at: null,
    last_error: null,
    device_masks: replicas.map(({ device_mask }) => device_mask),
    drain_deadline_ms: 300_000,
    breaker,
    storm: { restarts_in_window: 0, storming: false },
    replicas,
    ...more,
  };
}

export function statusView(pools: readonly PoolView[], more: Partial<StatusView> = {}): StatusView {
  return {
    api_version: 'v2',
    stale: false,
    supervisor: {
      version: '1.0.0',
      pid: 4100,
      started_at: '2026-03-01T12:59:59.000Z',
      uptime_seconds: 11_481,
      socket: '/run/user/1000/poolctl/poolctl.sock',
      listen: null,
      inventory: '/home/me/pools.yaml',
      state_dir: '/home/me/.local/state/poolctl',
      containment: 'group',
      event_loop_lag_ms: 0,
      unsaved: [],
    },
    pools,
    devices: [],
    ...more,
  };
}

export function leaseView(more: Partial<LeaseView> = {}): LeaseView {
  return {
    lease_id: 'l-1',
    pool_id: 'chat',
    replica_id: 'r0',
    url: 'http://127.0.0.1:18100',
    model_id: 'qwen',
    holder: 'me',
    granted_at: '2026-03-01T13:00:00.000Z',
    expires_at: '2026-03-01T13:01:00.000Z',
    ...more,
  };
}

export function healthView(more: Partial<PoolHealthView> = {}): PoolHealthView {
  return {
    pool_id: 'chat',
    live: true,
    ready: true,
    draining: false,
    active_leases: 0,
    slots_total: 4,
    slots_free: 4,
    engine_version: null,
    last_error: null,
    last_heartbeat_ms: null,
    metrics: { vram_total_bytes: null, vram_free_bytes: null, inflight: null, restart_count: 0, perf: null },
    ...more,
  };
}
