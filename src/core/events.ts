/** What is told to the world: once, as data. */

import type { CrashClass } from './crash.js';
import type { Obstacle } from './facts.js';
import type { LogLevel, ReplicaId } from './model.js';
import type { BreakerView } from './views.js';

export const eventNames = [
  'supervisor.started',
  'supervisor.stopping',
  'supervisor.stopped',
  'replica.preparing',
  'replica.starting',
  'replica.ready',
  'replica.unhealthy',
  'replica.draining',
  'replica.stopping',
  'replica.stopped',
  'replica.crashed',
  'replica.backoff',
  'replica.failed',
  'replica.stuck',
  'replica.broken',
  'replica.adopted',
  'probe.failed',
  'breaker.changed',
  'storm.warning',
  'storm.limited',
  'storm.tripped',
  'lease.granted',
  'lease.released',
  'lease.expired',
  'lease.lost',
  'lease.refused',
  'drain.started',
  'drain.finished',
  'reload.started',
  'reload.finished',
  'reload.rolled_back',
  'model.staging',
  'model.staged',
  'model.failed',
  'operation.started',
  'operation.step',
  'operation.finished',
  'inventory.applied',
  'inventory.rejected',
  'device.found',
  'device.lost',
  'device.unhealthy',
  'device.error',
  'device.reset',
  'device.mismatch',
  'engine_version.mixed',
  'storage.degraded',
] as const;
export type EventName = (typeof eventNames)[number];

/**
 * Told once, as data; log, journal, stream and console are its readers. Keys are those of the contract, so that they go out unchanged;
 * what does not apply is left out.
 */
export type Event = {
  readonly event: EventName;
  readonly level: LogLevel;
  readonly pool_id?: string;
  readonly replica_id?: ReplicaId;
  readonly engine?: string;
  readonly engine_version?: string | null;
  readonly device_mask?: string;
  readonly model_id?: string | null;
  readonly incarnation?: number;
  readonly from?: string;
  readonly to?: string;
  readonly because?: string;
  readonly pid?: number;
  readonly port?: number;
  readonly url?: string;
  readonly exit_code?: number | null;
  readonly signal?: string | null;
  readonly crash_class?: CrashClass;
  readonly uptime_seconds?: number;
  readonly restart_count?: number;
  readonly crash_count?: number;
  readonly attempt?: number;
  readonly backoff_ms?: number;
  /** Epoch milliseconds here; RFC 3339 outside. */
  readonly next_restart_at?: number;
  readonly crash_reason?: string;
  /** What stood in the way of a launch. */
  readonly obstacle?: Obstacle['what'];
  readonly old_state?: BreakerView['state'];
  readonly new_state?: BreakerView['state'];
  readonly failure_count?: number;
  readonly time_window_ms?: number;
  readonly active_leases?: number;
  readonly lease_id?: string;
  readonly holder?: string;
  readonly model_from?: string | null;
  readonly model_to?: string | null;
  /** Of a reload: one replica after another, or all at once; and which. */
  readonly strategy?: 'rolling' | 'recreate';
  readonly replicas?: readonly ReplicaId[];
  /** Of a model on its way: what is there of how much. */
  readonly bytes_done?: number;
  readonly bytes_total?: number;
  readonly operation_id?: string;
  /** How long an operation took. */
  readonly duration_ms?: number;
  readonly kind?: string;
  readonly result?: string;
  readonly reason?: string;
  readonly last_error?: string | null;
  readonly last_lines?: readonly string[];
  readonly device?: string;
  readonly breaker?: 'general' | 'cuda';
  readonly storm_kind?: 'storm' | 'oom_storm' | 'cuda_storm' | 'device';
  readonly detail?: string;
  readonly hint?: string;
  readonly correlation_id?: string;
};
