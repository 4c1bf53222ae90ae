/** What becomes of a valid file: defaults, inheritance, units, paths. */

import { describe, expect, it, test } from 'vitest';
import { poolSpec, supervisorSpec } from '../rig/specs.js';
import { everyKey, judge } from './judging.js';

const pools = (text: string) => {
  const { inventory, problems } = judge(text, { devices: null });
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  return inventory?.pools ?? [];
};

/** The contract's table, word for word. */
const saidAloud = `version: 1
supervisor:
  listen: null
  token_file: null
  allow_downloads: false
  ports: 18100-18999
  shutdown_deadline: 30s
  adopt: true
  loads: { per_device: 1, total: 4 }
  log: { format: auto, level: info }
  events: { max_size: 20MiB, keep: 3 }
  device_poll: 5s
  engine_poll: 10s
  device_storm: { limit: 6, window: 60s }
defaults: {}
pools:
  chat:
    engine: command
    model: null
    model_digest: null
    model_id: null
    device_masks: [all]
    share: false
    tensor_split: null
    vram: null
    host_memory: null
    binary: null
    command: [engine]
    args: []
    env: {}
    workdir: null
    user: null
    isolate: { no_new_privs: true, drop_capabilities: true, die_with_supervisor: false }
    host: 127.0.0.1
    port: auto
    slots: auto
    autostart: true
    health:
      path: auto
      listener: auto
      startup_interval: 500ms
      startup_deadline: auto
      interval: 5s
      timeout: 2s
      failure_threshold: 3
      success_threshold: 1
      restart_after: 60s
      min_uptime: 1s
      generate: { every: null, timeout: 30s }
    stop: { signal: SIGTERM, grace: 5s }
    drain: { deadline: 5m, inflight: auto }
    reload: { strategy: auto, min_healthy: 2s }
    restart:
      policy: on-failure
      backoff: { initial: 1s, factor: 2, max: 60s, min: 500ms, jitter: 0.1, reset_after: 300s, cuda_multiplier: 2 }
      breaker: { threshold: 5, open_for: 300s, extend_factor: 2, max_open_for: 1h, close_after: 60s, cuda_threshold: 5 }
      storm: { limit: 10, window: 60s, warn_at: 5, trip: { count: 10, window: 30s }, reset_after: 600s }
    logs: { max_size: 50MiB, keep: 5 }
`;

it('what is left out is as the table says', () => {
  const silent = judge('version: 1\npools: { chat: { engine: command, command: [engine] } }\n').inventory;
  expect(silent).toEqual(judge(saidAloud).inventory);
  expect(silent).toEqual({
    file: '/etc/poolctl/pools.yaml',
    supervisor: supervisorSpec,
    pools: [poolSpec('chat', 1, { masks: [{ kind: 'all', written: 'all' }] })],
  });
});

it('every key has its place', () => {
  const [chat] = pools(everyKey);
  expect(chat).toEqual({
    ...poolSpec('chat', 5),
    engine: 'llamacpp',
    model: '/etc/poolctl/models/a.gguf',
    modelDigest: 'sha256:abcdefabcdef0123456789abcdef0123456789abcdef0123456789abcdef0123',
    modelId: 'a',
    modelIdGiven: true,
    masks: [
      { kind: 'list', written: '0', ids: ['0'] },
      { kind: 'list', written: '1,2', ids: ['1', '2'] },
      { kind: 'list', written: '3,4', ids: ['3', '4'] },
      { kind: 'list', written: 'GPU-8932f937', ids: ['GPU-8932f937'] },
      { kind: 'cpu', written: 'cpu' },
    ],
    share: true,
    vramBytes: 9 * 2 ** 30,
    hostMemoryBytes: 512 * 2 ** 20,
    binary: '/etc/poolctl/llama-server',
    command: null,
    args: ['--ctx-size', '4096', '${PORT}'],
    env: { PLAIN: { value: 'text' }, EMPTY: { value: '' }, TOKEN: { fromEnv: 'OTHER' } },
    workdir: '/etc/poolctl/work',
    isolate: { noNewPrivs: false, dropCapabilities: false, dieWithSupervisor: true },
    host: '0.0.0.0',
    port: 9000,
    slots: 4,
    health: {
      path: '/healthz',
      listener: 'off',
      startupIntervalMs: 1_000,
      startupDeadlineMs: 600_000,
      intervalMs: 1_000,
      timeoutMs: 500,
      failureThreshold: 5,
      successThreshold: 2,
      restartAfterMs: 'never',
      minUptimeMs: 0,
      generate: { everyMs: 60_000, timeoutMs: 10_000 },
    },
    stop: { signal: 'SIGINT', graceMs: 5_400_000 },
    drain: { deadlineMs: 0, inflight: 'off' },
    reload: { strategy: 'rolling', minHealthyMs: 1_500 },
    restart: {
      policy: 'always',
      backoff: { initialMs: 2_000, factor: 1.5, maxMs: 30_000, minMs: 0, jitter: 0, resetAfterMs: 60_000, cudaMultiplier: 1 },
      breaker: {
        threshold: 3,
        openForMs: 60_000,
        extendFactor: 3,
        maxOpenForMs: 7_200_000,
        closeAfterMs: 30_000,
        cudaThreshold: 2,
      },
      storm: { limit: 5, windowMs: 120_000, warnAt: 0, trip: { count: 3, windowMs: 10_000 }, resetAfterMs: 300_000 },
    },
    logs: { maxSizeBytes: 2 ** 30, keep: 0 },
  });
  expect(judge(everyKey, { devices: null }).inventory?.supervisor).toEqual({
    listen: '127.0.0.1:9200',
    tokenFile: '/home/me/token',
    allowDownloads: true,
    ports: { from: 20_000, to: 20_999 },
    shutdownDeadlineMs: 60_000,
    adopt: false,
    loads: { perDevice: 2, total: 8 },
    log: { format: 'json', level: 'debug' },
    events: { maxSizeBytes: 2 ** 20, keep: 1 },
    devicePollMs: 10_000,
    enginePollMs: null,
    deviceStorm: { limit: 3, windowMs: 30_000 },
  });
});

describe('defaults', () => {
  it('are inherited key by key, maps merged, everything else replaced, null too', () => {
    const [a, b] = pools(`version: 1
defaults:
  engine: demo
  device_masks: [cpu, cpu]
  args: [--one, --two]
  env: { KEPT: d, OURS: d, FROM: { from_env: D } }
  health: { interval: 1s, generate: { every: 1m } }
  restart: { backoff: { max: 30s, min: 1s } }
  model_id: shared
pools:
  a: {}
  b:
    device_masks: [cpu]
    args: []
    env: { OURS: b, FROM: plain }
    health: { timeout: 1s, generate: { every: null } }
    restart: { backoff: { max: 10s } }
    model_id: null
`);
    expect(a).toMatchObject({
      masks: [{}, {}],
      args: ['--one', '--two'],
      modelId: 'shared',
      health: { intervalMs: 1_000, timeoutMs: 2_000 },
    });
    expect(b?.masks).toHaveLength(1);
    expect(b).toMatchObject({
      engine: 'demo',
      args: [],
      modelId: null,
      health: { intervalMs: 1_000, timeoutMs: 1_000, generate: { everyMs: null, timeoutMs: 30_000 } },
      restart: { policy: 'on-failure', backoff: { maxMs: 10_000, minMs: 1_000, initialMs: 1_000 } },
    });
    expect(b?.env).toEqual({ KEPT: { value: 'd' }, OURS: { value: 'b' }, FROM: { value: 'plain' } });
  });

  it('may come from an alias as well', () => {
    const [a, b] = pools(
      'version: 1\ndefaults: { args: &shared [--x] }\npools: { a: &a { engine: demo, args: *shared }, b: *a }',
    );
    expect(a?.args).toEqual(['--x']);
    expect({ ...a, poolId: 'b' }).toEqual(b);
  });

  it('of the command are for the pools that can use it', () => {
    const [a, b] = pools('version: 1\ndefaults: { command: [serve] }\npools: { a: { engine: command }, b: { engine: demo } }');
    expect([a?.command, b?.command]).toEqual([['serve'], null]);
  });
});

describe('paths and models', () => {
  const one = (keys: string) => pools(`version: 1\npools: { a: { device_masks: [cpu], ${keys} } }`)[0];

  test.each([
    ['model: /m/a.gguf', { engine: 'llamacpp', model: '/m/a.gguf', modelId: 'a' }],
    ['model: file:a.gguf', { engine: 'llamacpp', model: '/etc/poolctl/a.gguf', modelId: 'a' }],
    ['model: ./m/a.GGUF', { engine: 'llamacpp', model: '/etc/poolctl/m/a.GGUF', modelId: 'a' }],
    ['model: ~/a.gguf', { model: '/home/me/a.gguf' }],
    ['model: "file:///m/a%20b.gguf"', { model: '/m/a b.gguf' }],
    ['model: "file:m/a.gguf"', { model: '/etc/poolctl/m/a.gguf' }],
    ['model: "hf:org/repo/q4/a.gguf"', { engine: 'llamacpp', model: 'hf:org/repo/q4/a.gguf', modelId: 'a' }],
    [
      'model: "https://example.org/a.gguf?download=1"',
      { engine: 'llamacpp', model: 'https://example.org/a.gguf?download=1', modelId: 'a' },
    ],
    ['model: "http://127.0.0.1:8000/a.gguf"', { model: 'http://127.0.0.1:8000/a.gguf' }],
    ['engine: vllm, model: Qwen/Qwen3-32B', { model: 'Qwen/Qwen3-32B', modelId: 'Qwen3-32B' }],
    ['engine: vllm, model: ./Qwen/Qwen3-32B/', { model: '/etc/poolctl/Qwen/Qwen3-32B', modelId: 'Qwen3-32B' }],
    ['engine: sglang, model: /m/dir, model_id: big', { model: '/m/dir', modelId: 'big' }],
    ['engine: demo, binary: node', { binary: 'node', model: null, modelId: null }],
    ['engine: demo, binary: bin/node', { binary: '/etc/poolctl/bin/node' }],
    ['engine: demo, binary: ~/bin/node, workdir: "~"', { binary: '/home/me/bin/node', workdir: '/home/me' }],
  ])('%s', (keys, spec) => {
    expect(one(keys)).toMatchObject(spec);
  });
});
