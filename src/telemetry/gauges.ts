/** The gauges, read from the view at the moment of a scrape. They are made anew each time, so that none outlives what it is about. */

import { Gauge, Registry } from 'prom-client';
import type { PoolView, ReplicaView, StatusView } from '../api/wire.js';
import { breakerStates, definitionOf, type GaugeName, gaugeNames } from './metric-table.js';

/** What the view does not tell. Unknown is null, or left out. */
export type Memory = {
  /** Of each engine's whole tree, by its pid. */
  readonly residentBytes: ReadonlyMap<number, number>;
  readonly availableBytes: number | null;
  readonly totalBytes: number | null;
};

type Labels = Readonly<Record<string, string>>;
/** Null is unknown, and leaves no series. */
type Sample = readonly [name: GaugeName, labels: Labels, value: number | boolean | null];

export function gaugesOf(view: StatusView, memory: Memory): Registry {
  const registry = new Registry();
  const gauges = new Map(gaugeNames.map((name) => [name, new Gauge({ ...definitionOf(name), registers: [registry] })]));
  for (const [name, labels, value] of samplesOf(view, memory))
    if (value !== null) gauges.get(name)?.set({ ...labels }, Number(value));
  return registry;
}

function samplesOf({ supervisor, pools, devices }: StatusView, memory: Memory): readonly Sample[] {
  return [
    ['poolctl_build_info', { version: supervisor.version }, 1],
    ['poolctl_event_loop_lag_seconds', {}, supervisor.event_loop_lag_ms / 1000],
    ['host_memory_available_bytes', {}, memory.availableBytes],
    ['host_memory_total_bytes', {}, memory.totalBytes],
    ...pools.flatMap((pool) => ofPool(pool, memory)),
    ...devices.flatMap(({ uuid, vram_total_bytes, vram_free_bytes, healthy }): readonly Sample[] => [
      ['vram_total_bytes', { device: uuid }, vram_total_bytes],
      ['vram_free_bytes', { device: uuid }, vram_free_bytes],
      ['device_healthy', { device: uuid }, healthy],
    ]),
  ];
}

function ofPool({ pool_id, engine, live, ready, draining, storm, replicas }: PoolView, memory: Memory): readonly Sample[] {
  return [
    ['pool_live', { pool_id }, live],
    ['pool_ready', { pool_id }, ready],
    ['pool_draining', { pool_id }, draining],
    ['restart_rate', { pool_id }, storm.restarts_in_window],
    ...replicas.flatMap((replica) => ofReplica({ pool_id, replica_id: replica.replica_id, engine }, replica, memory)),
  ];
}

function ofReplica(labels: Labels, replica: ReplicaView, { residentBytes }: Memory): readonly Sample[] {
  const { state, pid, ready, restart_count, breaker, active_leases, slots_total, slots_free, inflight, perf } = replica;
  return [
    ['replica_state', { ...labels, state }, 1],
    ['restart_count', labels, restart_count],
    ['circuit_breaker_state', { ...labels, breaker: 'general' }, breakerStates[breaker.state]],
    ['circuit_breaker_state', { ...labels, breaker: 'cuda' }, breakerStates[breaker.cuda.state]],
    ['active_leases', labels, active_leases],
    ['slots_total', labels, slots_total],
    // Of a ready one whose slots nobody knows, nobody knows how many are free.
    ['slots_free', labels, ready && slots_total === null ? null : slots_free],
    ['engine_inflight_requests', labels, inflight],
    ['perf_tokens_per_s', labels, perf?.tokens_per_s ?? null],
    ['perf_first_token_ms', labels, perf?.first_token_ms ?? null],
    ['engine_resident_memory_bytes', labels, pid === null ? null : (residentBytes.get(pid) ?? null)],
  ];
}
