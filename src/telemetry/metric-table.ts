/**
 * The metrics, as data. Names and labels are a contract with dashboards. Every label has few values, fixed by the inventory, the machine or this table:
 * never a pid, never a text.
 */

import type { CrashClass } from '../core/crash.js';
import type { BreakerView } from '../core/views.js';
import type { LaunchFailure } from './launches.js';

export type Metric = {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Whom a series is about, which gives its first labels. */
  readonly of: keyof typeof labelsOf;
  /** One more label. A counter or histogram begins at 0 for each of the `values`; a histogram without them has a series once it has a value. */
  readonly label?: string;
  readonly values?: readonly string[];
  /** Upper bounds of a histogram. */
  readonly buckets?: readonly number[];
  /** A sentence; no backslash and no newline. */
  readonly help: string;
};

export const labelsOf = {
  replica: ['pool_id', 'replica_id', 'engine'],
  pool: ['pool_id'],
  device: ['device'],
  supervisor: [],
} as const;

// This and the failures are complete by their types.
const crashClasses: Readonly<Record<CrashClass, true>> = {
  vram_oom: true,
  host_oom: true,
  gpu_error: true,
  driver: true,
  config: true,
  crash: true,
  hang: true,
  graceful: true,
  unknown: true,
};
const classes = Object.keys(crashClasses);
const crashReasons = [...classes, 'exit', 'health'];
const launchFailures: Readonly<Record<LaunchFailure, true>> = {
  preflight: true,
  model: true,
  spawn: true,
  exit: true,
  deadline: true,
};
const breakers = ['general', 'cuda'];
/** Those that a serving replica can go to, and the one that it comes to. */
const readinessStates = ['ready', 'unhealthy', 'draining', 'stopping', 'stopped', 'backoff', 'broken', 'failed'];
const drainOutcomes = ['drained', 'forced', 'cancelled'];
const reloadOutcomes = ['reloaded', 'unchanged', 'rolled_back', 'rollback_failed', 'drain_timeout'];

/** The steps of the default backoff, and what lies beyond its longest. */
const backoffMs = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 300_000];
/** From an answer at once to one that is later than any sensible timeout. */
const probeMs = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_000, 5_000, 10_000];
/** For loads, drains and reloads: from a small model in the page cache to a large one from a slow disk, which has 20 minutes by default. */
const longMs = [500, 1_000, 2_000, 5_000, 10_000, 20_000, 60_000, 120_000, 300_000, 600_000, 1_200_000];

/** How the state of a breaker is written as a number. */
export const breakerStates: Readonly<Record<BreakerView['state'], number>> = { closed: 0, open: 1, 'half-open': 2 };

export const metricTable = {
  engine_crash_total: {
    type: 'counter',
    of: 'replica',
    label: 'class',
    values: classes,
    help: 'Crashes by why the engine died.',
  },
  replica_crashes_total: { type: 'counter', of: 'replica', help: 'Crashes of the replica.' },
  restart_scheduled_total: {
    type: 'counter',
    of: 'replica',
    label: 'crash_reason',
    values: crashReasons,
    help: 'Waits before an automatic restart, by what it is for.',
  },
  restart_total: {
    type: 'counter',
    of: 'replica',
    label: 'reason',
    values: ['crash', 'health', 'operator', 'reload', 'apply'],
    help: 'Engines that were started again, by why.',
  },
  circuit_breaker_open_total: {
    type: 'counter',
    of: 'replica',
    label: 'breaker',
    values: breakers,
    help: 'How often a breaker opened.',
  },
  health_probe_total: {
    type: 'counter',
    of: 'replica',
    label: 'result',
    values: ['ok', 'failed', 'unknown'],
    help: 'Health probes of an engine that serves, and the one that found it ready. While it loads, no answer is a failure.',
  },
  readiness_transitions_total: {
    type: 'counter',
    of: 'replica',
    label: 'to',
    values: readinessStates,
    help: 'How often the replica became ready, or ceased to be, by the state that it went to.',
  },
  preload_success_total: { type: 'counter', of: 'replica', help: 'Launches that became ready.' },
  preload_failure_total: {
    type: 'counter',
    of: 'replica',
    label: 'reason',
    values: Object.keys(launchFailures),
    help: 'Launches that did not become ready, by where they failed. Each preflight that is tried again counts.',
  },
  replica_state: { type: 'gauge', of: 'replica', label: 'state', help: 'The present state has 1; the others have no series.' },
  active_leases: { type: 'gauge', of: 'replica', help: 'Leases that clients hold.' },
  engine_inflight_requests: { type: 'gauge', of: 'replica', help: 'Requests that the engine runs, where it can tell.' },
  slots_total: { type: 'gauge', of: 'replica', help: 'Requests that the engine runs at once; absent until known.' },
  slots_free: { type: 'gauge', of: 'replica', help: 'Slots that nobody has leased; 0 while the replica is not ready.' },
  restart_count: { type: 'gauge', of: 'replica', help: 'Automatic restarts; begins anew after a long calm.' },
  circuit_breaker_state: { type: 'gauge', of: 'replica', label: 'breaker', help: '0 closed, 1 open, 2 half-open.' },
  perf_tokens_per_s: {
    type: 'gauge',
    of: 'replica',
    help: 'Tokens that the engine makes a second, smoothed, where it can tell.',
  },
  perf_first_token_ms: {
    type: 'gauge',
    of: 'replica',
    help: 'Milliseconds to the first token of an answer, smoothed, where the engine can tell.',
  },
  engine_resident_memory_bytes: {
    type: 'gauge',
    of: 'replica',
    help: 'Memory of the engine and all of its processes; pages that they share count for each.',
  },
  restart_storm_total: {
    type: 'counter',
    of: 'pool',
    label: 'kind',
    values: ['storm', 'oom_storm', 'cuda_storm', 'device'],
    help: 'Restarts held back, and breakers opened, because there were too many restarts. Without pool_id: a storm of no one pool.',
  },
  drain_total: { type: 'counter', of: 'pool', label: 'outcome', values: drainOutcomes, help: 'Drains that ended, by how.' },
  reload_total: { type: 'counter', of: 'pool', label: 'outcome', values: reloadOutcomes, help: 'Reloads that ended, by how.' },
  reload_success_total: {
    type: 'counter',
    of: 'pool',
    help: 'Reloads after which every replica had the model that was asked for.',
  },
  reload_failure_total: {
    type: 'counter',
    of: 'pool',
    label: 'reason',
    values: ['model', 'drain_timeout', 'spawn', 'exit', 'deadline', 'unhealthy', 'cancelled'],
    help: 'Reloads that failed, by why.',
  },
  lease_total: {
    type: 'counter',
    of: 'pool',
    label: 'outcome',
    values: ['granted', 'released', 'expired', 'lost', 'refused'],
    help: 'What became of leases, and of those who asked for one.',
  },
  pool_live: { type: 'gauge', of: 'pool', help: '1 while any of its engines exists.' },
  pool_ready: { type: 'gauge', of: 'pool', help: '1 while any of its replicas serves.' },
  pool_draining: { type: 'gauge', of: 'pool', help: '1 while none is ready and at least one drains.' },
  restart_rate: { type: 'gauge', of: 'pool', help: 'Automatic restarts in the window of its restart storms.' },
  pool_drain_duration_ms: {
    type: 'histogram',
    of: 'pool',
    label: 'outcome',
    values: drainOutcomes,
    buckets: longMs,
    help: 'Milliseconds that drains took, by how they ended.',
  },
  pool_reload_duration_ms: {
    type: 'histogram',
    of: 'pool',
    label: 'outcome',
    values: reloadOutcomes,
    buckets: longMs,
    help: 'Milliseconds that reloads took, by how they ended.',
  },
  backoff_delay_ms: {
    type: 'histogram',
    of: 'pool',
    label: 'crash_reason',
    buckets: backoffMs,
    help: 'Milliseconds of the waits before automatic restarts.',
  },
  preload_duration_ms: {
    type: 'histogram',
    of: 'pool',
    buckets: longMs,
    help: 'Milliseconds from the start of a process until its engine was ready, of launches that became ready.',
  },
  health_probe_duration_ms: {
    type: 'histogram',
    of: 'pool',
    buckets: probeMs,
    help: 'Milliseconds that the health probes took that were answered or failed.',
  },
  driver_reset_total: { type: 'counter', of: 'device', help: 'Resets of the device.' },
  vram_total_bytes: { type: 'gauge', of: 'device', help: 'Memory of the device.' },
  vram_free_bytes: { type: 'gauge', of: 'device', help: 'Memory of the device that nobody uses.' },
  device_healthy: { type: 'gauge', of: 'device', help: '1 while the device may be used.' },
  host_memory_available_bytes: {
    type: 'gauge',
    of: 'supervisor',
    help: 'Memory that the machine could give to new programs without swapping.',
  },
  host_memory_total_bytes: { type: 'gauge', of: 'supervisor', help: 'Memory of the machine.' },
  poolctl_build_info: { type: 'gauge', of: 'supervisor', label: 'version', help: 'Always 1; the version is in the label.' },
  poolctl_event_loop_lag_seconds: { type: 'gauge', of: 'supervisor', help: 'How late the supervisor itself is.' },
} as const satisfies Readonly<Record<string, Metric>>;

type Table = typeof metricTable;
type NamesOf<Type extends Metric['type']> = {
  [Name in keyof Table]: Table[Name]['type'] extends Type ? Name : never;
}[keyof Table];
export type CounterName = NamesOf<'counter'>;
export type GaugeName = NamesOf<'gauge'>;
export type HistogramName = NamesOf<'histogram'>;

export const counterNames = namesOf('counter') as readonly CounterName[];
export const gaugeNames = namesOf('gauge') as readonly GaugeName[];
export const histogramNames = namesOf('histogram') as readonly HistogramName[];

/** What prom-client wants to know of a metric. */
export function definitionOf(name: keyof Table): { name: string; help: string; labelNames: string[] } {
  const { of, help, label }: Metric = metricTable[name];
  return { name, help, labelNames: [...labelsOf[of], ...(label === undefined ? [] : [label])] };
}

function namesOf(type: Metric['type']): readonly string[] {
  return Object.entries(metricTable).flatMap(([name, metric]) => (metric.type === type ? [name] : []));
}
