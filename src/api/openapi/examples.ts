/** What the document shows: a pool "chat" on two GPUs, one of its replicas waiting after a crash. */

import type {
  ApplyView,
  CapabilitiesView,
  DevicesAnswer,
  ErrorBody,
  LastExitView,
  LeaseView,
  OperationView,
  PoolHealthView,
  PoolView,
  ReplicaView,
  StatusView,
} from '../wire.js';

const closed = { state: 'closed', failures: 0, retry_at: null } as const;
const uuids = ['GPU-5d1c0a9e-7f3b-4c52-9b1e-2f6a8d4e1c70', 'GPU-a81f2b34-0c6d-4e7f-8a90-b1c2d3e4f506'] as const;
const model = { model_id: 'qwen3-8b', model_ref: '/models/qwen3-8b-q4_k_m.gguf' };

const lastExit: LastExitView = {
  code: 1,
  signal: null,
  class: 'vram_oom',
  subclass: null,
  evidence: {
    line: 41,
    text: 'ggml_backend_cuda_buffer_type_alloc_buffer: allocating 8192.00 MiB on device 0: cudaMalloc failed: out of memory',
  },
  hint: 'lower the context or the slots, or give it a larger GPU',
  last_lines: ['llama_model_load: error loading model: unable to allocate CUDA0 buffer'],
  restartable: true,
  at: '2026-03-01T13:04:11.000Z',
  uptime_seconds: 6.4,
  incarnation: 3,
};

const ready: ReplicaView = {
  replica_id: 'r0',
  state: 'ready',
  goal: 'up',
  live: true,
  ready: true,
  draining: false,
  why: null,
  device_mask: '0',
  devices: [uuids[0]],
  pid: 4121,
  incarnation: 1,
  adopted: false,
  host: '127.0.0.1',
  port: 18100,
  url: 'http://127.0.0.1:18100',
  started_at: '2026-03-01T13:00:00.000Z',
  ready_at: '2026-03-01T13:00:29.000Z',
  uptime_seconds: 251.5,
  last_heartbeat_ms: 1_772_370_280_000,
  active_leases: 1,
  inflight: 1,
  slots_total: 4,
  slots_free: 3,
  ...model,
  engine_version: 'b10587',
  restart_count: 0,
  crash_count: 0,
  restarts_total: 0,
  crashes_total: 0,
  last_crash_at: null,
  backoff: null,
  breaker: { ...closed, cuda: closed },
  last_exit: null,
  last_error: null,
  perf: { tokens_per_s: 61.3, first_token_ms: null },
};

export const replica: ReplicaView = {
  ...ready,
  replica_id: 'r1',
  state: 'backoff',
  live: false,
  ready: false,
  why: 'exited with code 1; try 3 in 4.1s',
  device_mask: '1',
  devices: [],
  pid: null,
  incarnation: 3,
  port: 18101,
  url: null,
  started_at: null,
  ready_at: null,
  uptime_seconds: null,
  last_heartbeat_ms: null,
  active_leases: 0,
  inflight: null,
  slots_total: null,
  slots_free: 0,
  engine_version: null,
  restart_count: 2,
  crash_count: 3,
  restarts_total: 2,
  crashes_total: 3,
  last_crash_at: '2026-03-01T13:04:11.000Z',
  backoff: { delay_ms: 4_120, attempt: 2, next_restart_at: '2026-03-01T13:04:15.120Z' },
  breaker: { state: 'closed', failures: 3, retry_at: null, cuda: closed },
  last_exit: lastExit,
  last_error: 'out of GPU memory',
  perf: null,
};

export const pool: PoolView = {
  pool_id: 'chat',
  engine: 'llamacpp',
  engine_version: 'b10587',
  ...model,
  override: null,
  state: 'degraded',
  live: true,
  ready: true,
  draining: false,
  active_leases: 1,
  slots_total: 4,
  slots_free: 3,
  restart_count: 2,
  crash_count: 3,
  restarts_total: 2,
  crashes_total: 3,
  last_crash_at: '2026-03-01T13:04:11.000Z',
  last_error: 'out of GPU memory',
  device_masks: ['0', '1'],
  drain_deadline_ms: 300_000,
  breaker: { state: 'closed', failures: 3, retry_at: null, cuda: closed },
  storm: { restarts_in_window: 2, storming: false },
  replicas: [ready, replica],
};

export const devices: DevicesAnswer = {
  devices: [
    {
      index: '0',
      uuid: uuids[0],
      name: 'NVIDIA GeForce RTX 4090',
      vendor: 'nvidia',
      vram_total_bytes: 25_757_220_864,
      vram_free_bytes: 16_106_127_360,
      compute_capability: '8.9',
      utilization_percent: 84,
      temperature_celsius: 61,
      power_watts: 287.4,
      mig: false,
      healthy: true,
      ailment: null,
      age_seconds: 1.8,
      pools: ['chat'],
      processes: [{ pid: 4121, program: 'llama-server', used_bytes: 9_650_044_928, pool_id: 'chat', replica_id: 'r0' }],
    },
  ],
  note: null,
};

export const status: StatusView = {
  api_version: 'v2',
  stale: false,
  supervisor: {
    version: '1.0.0',
    pid: 4100,
    started_at: '2026-03-01T12:59:59.000Z',
    uptime_seconds: 282.5,
    socket: '/run/user/1000/poolctl/poolctl.sock',
    listen: null,
    inventory: '/home/me/pools.yaml',
    state_dir: '/home/me/.local/state/poolctl',
    containment: 'group',
    event_loop_lag_ms: 1,
    unsaved: [],
  },
  pools: [pool],
  devices: devices.devices,
};

export const health: PoolHealthView = {
  pool_id: 'chat',
  live: true,
  ready: true,
  draining: false,
  active_leases: 1,
  slots_total: 4,
  slots_free: 3,
  engine_version: 'b10587',
  last_error: 'out of GPU memory',
  last_heartbeat_ms: 1_772_370_280_000,
  metrics: {
    vram_total_bytes: 25_757_220_864,
    vram_free_bytes: 16_106_127_360,
    inflight: 1,
    restart_count: 2,
    perf: { tokens_per_s: 61.3, first_token_ms: null },
  },
};

export const capabilities: CapabilitiesView = {
  api_version: 'v2',
  version: '1.0.0',
  engines: [
    {
      pool_id: 'chat',
      engine: 'llamacpp',
      engine_version: 'b10587',
      model_id: 'qwen3-8b',
      ctx_max: 32_768,
      slots_total: 4,
      supported_workloads: [],
      features: [],
    },
  ],
};

export const lease: LeaseView = {
  lease_id: '0c1f6a8e-5b2d-4f3c-9a7e-1d2b3c4d5e6f',
  pool_id: 'chat',
  replica_id: 'r0',
  url: 'http://127.0.0.1:18100',
  model_id: 'qwen3-8b',
  holder: 'me',
  granted_at: '2026-03-01T13:04:00.000Z',
  expires_at: '2026-03-01T13:05:00.000Z',
};

const operationId = '7b0e4c1a-2d3f-4a5b-8c6d-9e0f1a2b3c4d';

export const running: OperationView = {
  operation_id: operationId,
  kind: 'drain',
  pool_id: 'chat',
  state: 'running',
  outcome: null,
  changed: true,
  started_at: '2026-03-01T13:04:30.000Z',
  finished_at: null,
  interrupted: false,
  active_leases: 1,
  inflight: 1,
  cut: 0,
  startup_deadline_ms: null,
  steps: [{ replica_id: 'r0', step: 'drain', state: 'running', detail: null }],
};

const reload: OperationView = {
  ...running,
  kind: 'reload',
  started_at: '2026-03-01T13:04:30.000Z',
  finished_at: '2026-03-01T13:05:12.000Z',
};

export const reloaded: OperationView = {
  ...reload,
  state: 'succeeded',
  outcome: 'reloaded',
  steps: [{ replica_id: 'r0', step: 'switch to qwen3-14b', state: 'done', detail: null }],
};

const error = {
  code: 'RELOAD_FAILED',
  message: 'cannot reload chat: r0 did not start the new model; rolled back',
  why: 'exited with code 1',
  hint: 'poolctl logs chat/r0 --previous; all replicas serve qwen3-8b as before',
};

/** With the operation beside it, which tells the same and more. */
export const applied: ApplyView = {
  changed: true,
  plan: [
    { pool_id: 'chat', action: 'restart', reasons: ['args: --ctx-size 16384 -> 32768 (pools.yaml:14:11)'] },
    { pool_id: 'code', action: 'live-update', reasons: ['drain.deadline: 5m -> 10m (pools.yaml:22:24)'] },
    { pool_id: 'embed', action: 'keep', reasons: [] },
  ],
  operation_id: running.operation_id,
};

export const notReloaded: ErrorBody = {
  error: { ...error, pool_id: 'chat', retriable: false },
  operation: {
    ...reload,
    state: 'failed',
    outcome: 'rolled_back',
    steps: [
      { replica_id: 'r0', step: 'switch to qwen3-14b', state: 'failed', detail: 'exited with code 1' },
      { replica_id: 'r0', step: 'back to qwen3-8b', state: 'done', detail: 'as before' },
    ],
    error,
  },
};
