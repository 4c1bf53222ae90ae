/** The gauges, read from the view at the moment of a scrape. They are made anew each time, so that none outlives what it is about. */

import { Gauge, Registry } from 'prom-client';
import type { PoolView, ReplicaView, StatusView } from '../api/wire.js';
import { breakerStates, definitionOf, type GaugeName, gaugeNames } from './metric-table.js';

type Labels = Readonly<Record<string, string>>;
/** Null is unknown, and leaves no series. */
type Sample = readonly [name: GaugeName, labels: Labels, value: number | boolean | null];

export function gaugesOf(view: StatusView): Registry {
  const registry = new Registry();
  const gauges = new Map(gaugeNames.map((name) => [name, new Gauge({ ...definitionOf(name), registers: [registry] })]));
  for (const [name, labels, value] of samplesOf(view)) if (value !== null) gauges.get(name)?.set({ ...labels }, Number(value));
  return registry;
}

function samplesOf({ supervisor, pools, devices }: StatusView): readonly Sample[] {
  return [
    ['poolctl_build_info', { version: supervisor.version }, 1],
    ['poolctl_event_loop_lag_seconds', {}, supervisor.event_loop_lag_ms / 1000],
    ...pools.flatMap(ofPool),
    ...devices.flatMap(({ uuid, vram_total_bytes, vram_free_bytes, healthy }): readonly Sample[] => [
      ['vram_total_bytes', { device: uuid }, vram_total_bytes],
      ['vram_free_bytes', { device: uuid }, vram_free_bytes],
      ['device_healthy', { device: uuid }, healthy],
    ]),
  ];
}

function ofPool({ pool_id, engine, live, ready, draining, replicas }: PoolView): readonly Sample[] {
  return [
    ['pool_live', { pool_id }, live],
    ['pool_ready', { pool_id }, ready],
    ['pool_draining', { pool_id }, draining],
    ...replicas.flatMap((replica) => ofReplica({ pool_id, replica_id: replica.replica_id, engine }, replica)),
  ];
}

function ofReplica(labels: Labels, replica: ReplicaView): readonly Sample[] {
  const { state, ready, restart_count, breaker, slots_total, slots_free, inflight } = replica;
  return [
    ['replica_state', { ...labels, state }, 1],
    ['restart_count', labels, restart_count],
    ['circuit_breaker_state', { ...labels, breaker: 'general' }, breakerStates[breaker.state]],
    ['circuit_breaker_state', { ...labels, breaker: 'cuda' }, breakerStates[breaker.cuda.state]],
    ['slots_total', labels, slots_total],
    // Of a ready one whose slots nobody knows, nobody knows how many are free.
    ['slots_free', labels, ready && slots_total === null ? null : slots_free],
    ['engine_inflight_requests', labels, inflight],
  ];
}
