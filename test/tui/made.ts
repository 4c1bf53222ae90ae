/** Models as the view would have them, of inventories of any size. */

import type { DeviceView, EventLine, ReplicaView, StatusView } from '../../src/api/wire.js';
import { initialModel, type Model, type Settings, type Size } from '../../src/tui/model.js';
import { hear, type News } from '../../src/tui/news.js';
import { poolView, replicaView, statusView } from '../rig/views.js';

/** 14:02:11 where the test runs, whatever its time zone. */
export const now = new Date(2026, 2, 1, 14, 2, 11).getTime();

export const at = (hours: number, minutes: number, seconds: number): string =>
  new Date(2026, 2, 1, hours, minutes, seconds).toISOString();

export const settings: Settings = {
  host: 'rig01',
  home: '/home/me',
  socket: '/run/user/1000/poolctl/poolctl.sock',
  utf8: true,
  readOnly: false,
};

const GiB = 2 ** 30;

export function deviceView(index: number, more: Partial<DeviceView> = {}): DeviceView {
  return {
    index: String(index),
    uuid: `GPU-8932f93${index.toString(16)}-0000`,
    name: 'NVIDIA GeForce RTX 3090',
    vendor: 'nvidia',
    vram_total_bytes: 24 * GiB,
    vram_free_bytes: 14.4 * GiB,
    compute_capability: '8.6',
    utilization_percent: 3,
    temperature_celsius: 41,
    power_watts: 28,
    mig: false,
    healthy: true,
    ailment: null,
    age_seconds: 1,
    pools: ['chat'],
    processes: [],
    ...more,
  };
}

const breakers = {
  state: 'open',
  failures: 5,
  retry_at: at(14, 6, 32),
  cuda: { state: 'closed', failures: 0, retry_at: null },
} as const;

const unready = { ready: false, live: false, slots_total: null, slots_free: 0, inflight: null, uptime_seconds: null } as const;

export const brokenReplica: ReplicaView = replicaView({
  ...unready,
  replica_id: 'r0',
  state: 'broken',
  device_mask: '2',
  pid: null,
  url: null,
  port: 18104,
  incarnation: 5,
  restart_count: 4,
  restarts_total: 12,
  crash_count: 5,
  crashes_total: 14,
  model_id: 'e5-mistral',
  model_ref: '/home/me/models/e5.gguf',
  breaker: breakers,
  why: 'vram_oom: 5 failures in a row; breaker open, one launch in 4m21s, poolctl reset embed/r0 tries at once',
  last_error: 'vram_oom: cudaMalloc failed: out of memory',
  last_exit: {
    code: 1,
    signal: null,
    class: 'vram_oom',
    subclass: null,
    evidence: { line: 212, text: 'cudaMalloc failed: out of memory' },
    hint: 'lower --ctx-size or --parallel, or give it a GPU with 9.1 GiB free',
    last_lines: [],
    restartable: true,
    at: at(14, 1, 32),
    uptime_seconds: 4.2,
    incarnation: 5,
  },
});

/** Three devices and five replicas, each in a state of its own. */
export function rig01(): StatusView {
  return statusView(
    [
      poolView('chat', [
        replicaView({ device_mask: '0', active_leases: 2, perf: { tokens_per_s: 42.13, first_token_ms: 181 } }),
        replicaView({
          ...unready,
          replica_id: 'r1',
          state: 'starting',
          live: true,
          device_mask: '1',
          restart_count: 1,
          uptime_seconds: 48,
          why: '54 %, about 40s left',
        }),
      ]),
      poolView('code', [
        replicaView({
          state: 'draining',
          ready: false,
          draining: true,
          goal: 'down',
          device_mask: '2',
          active_leases: 1,
          inflight: 1,
          slots_total: 8,
          uptime_seconds: 7_320,
          why: '1 lease, forced in 22s',
        }),
        replicaView({ replica_id: 'r1', device_mask: '2', inflight: 0, slots_total: 8, uptime_seconds: 7_320 }),
      ]),
      poolView('embed', [brokenReplica]),
    ],
    {
      devices: [
        deviceView(0, { vram_free_bytes: 1.9 * GiB, utilization_percent: 71, temperature_celsius: 68, power_watts: 301 }),
        deviceView(1),
        deviceView(2, {
          name: 'NVIDIA GeForce RTX 4090',
          vram_free_bytes: 3.2 * GiB,
          utilization_percent: 98,
          temperature_celsius: 74,
          power_watts: 402,
          pools: ['code', 'embed'],
        }),
      ],
    },
  );
}

const states = ['ready', 'starting', 'draining', 'backoff', 'broken', 'stopped', 'unhealthy', 'stuck'] as const;

/** So many devices, and so many replicas over a few pools, in all states. */
export function inventory(devices: number, replicas: number): StatusView {
  const pools = Math.ceil(replicas / 5);
  return statusView(
    Array.from({ length: pools }, (_, pool) =>
      poolView(
        `pool-${pool}`,
        Array.from({ length: Math.min(5, replicas - 5 * pool) }, (_each, n) => {
          const state = states[(5 * pool + n) % states.length] ?? 'ready';
          return replicaView({
            ...(state === 'ready' ? {} : unready),
            replica_id: `r${n}`,
            state,
            device_mask: String(n),
            why: state === 'ready' ? null : 'needs 9.1 GiB VRAM, 6.2 free on GPU 4: 17.6 GiB held by pid 9120 (python3)',
          });
        }),
      ),
    ),
    { devices: Array.from({ length: devices }, (_, index) => deviceView(index)) },
  );
}

export function eventLine(second: number, more: Partial<EventLine> = {}): EventLine {
  return { id: `1-${second}`, time: at(14, 1, second), event: 'replica.ready', level: 'info', human: `event ${second}`, ...more };
}

export const engineLines: readonly string[] = Array.from(
  { length: 60 },
  (_, n) => `191.42.0${n}.775 I slot launch_slot_: id  ${n % 4} | task ${411 + n} | processing task of a long prompt`,
);

/** What the view knows after it has been told all this. */
export function told(model: Model, ...news: readonly News[]): Model {
  return news.reduce((before, each) => hear(before, each, before.now), model);
}

export function modelOf(view: StatusView | null, size: Size, more: Partial<Settings> = {}): Model {
  const empty = initialModel({ ...settings, ...more }, size, now);
  if (view === null) return empty;
  const first = view.pools.flatMap(({ pool_id, replicas }) => replicas.map(({ replica_id }) => `${pool_id}/${replica_id}`))[0];
  return told(
    empty,
    { kind: 'view', view, current: true },
    ...(first === undefined
      ? []
      : [{ kind: 'log-opened', key: first } as const, { kind: 'log', key: first, lines: engineLines } as const]),
  );
}
