/**
 * The read model: what API, status and console are told. The keys are those of the contract, so that `status --json` prints it unchanged.
 * Unknown is null, never 0 or "".
 */

import type { Device } from './model.js';

export type ReplicaStateName =
  | 'stopped'
  | 'preparing'
  | 'starting'
  | 'ready'
  | 'unhealthy'
  | 'draining'
  | 'stopping'
  | 'backoff'
  | 'broken'
  | 'failed'
  | 'stuck';

export type PoolStateName = ReplicaStateName | 'degraded';

export type BreakerView = {
  readonly state: 'closed' | 'open' | 'half-open';
  readonly failures: number;
  readonly retry_at: string | null;
  readonly cuda: { readonly state: 'closed' | 'open' | 'half-open'; readonly failures: number; readonly retry_at: string | null };
};

export type LastExitView = {
  readonly code: number | null;
  readonly signal: string | null;
  readonly class: string;
  readonly subclass: string | null;
  readonly evidence: { readonly line: number; readonly text: string } | null;
  readonly hint: string | null;
  /** The end of its log, at most 20 lines. */
  readonly last_lines: readonly string[];
  readonly restartable: boolean;
  readonly at: string;
  readonly uptime_seconds: number;
  readonly incarnation: number;
};

export type PerfView = { readonly tokens_per_s: number | null; readonly first_token_ms: number | null };

export type ReplicaView = {
  readonly replica_id: string;
  readonly state: ReplicaStateName;
  readonly goal: 'up' | 'down';
  readonly live: boolean;
  readonly ready: boolean;
  readonly draining: boolean;
  readonly why: string | null;
  readonly device_mask: string;
  readonly devices: readonly string[];
  readonly pid: number | null;
  readonly incarnation: number;
  readonly adopted: boolean;
  readonly host: string;
  readonly port: number | null;
  readonly url: string | null;
  readonly started_at: string | null;
  readonly ready_at: string | null;
  readonly uptime_seconds: number | null;
  readonly last_heartbeat_ms: number | null;
  readonly active_leases: number;
  readonly inflight: number | null;
  readonly slots_total: number | null;
  readonly slots_free: number;
  readonly model_id: string | null;
  readonly model_ref: string | null;
  readonly engine_version: string | null;
  readonly restart_count: number;
  readonly crash_count: number;
  readonly restarts_total: number;
  readonly crashes_total: number;
  readonly last_crash_at: string | null;
  readonly backoff: { readonly delay_ms: number; readonly attempt: number; readonly next_restart_at: string } | null;
  readonly breaker: BreakerView;
  readonly last_exit: LastExitView | null;
  readonly last_error: string | null;
  readonly perf: PerfView | null;
};

export type PoolView = {
  readonly pool_id: string;
  readonly engine: string;
  readonly engine_version: string | null;
  readonly model_id: string | null;
  readonly model_ref: string | null;
  /** The model that a reload has put in the place of the file's. */
  readonly override: { readonly model_ref: string; readonly since: string; readonly file_model_ref: string } | null;
  readonly state: PoolStateName;
  readonly live: boolean;
  readonly ready: boolean;
  readonly draining: boolean;
  readonly active_leases: number;
  readonly slots_total: number | null;
  readonly slots_free: number;
  readonly restart_count: number;
  readonly crash_count: number;
  readonly restarts_total: number;
  readonly crashes_total: number;
  readonly last_crash_at: string | null;
  readonly last_error: string | null;
  readonly device_masks: readonly string[];
  /** How long a drain may take for which nothing else is said. */
  readonly drain_deadline_ms: number;
  readonly breaker: BreakerView;
  readonly storm: { readonly restarts_in_window: number; readonly storming: boolean };
  readonly replicas: readonly ReplicaView[];
};

export type DeviceView = {
  readonly index: string;
  readonly uuid: string;
  readonly name: string;
  readonly vendor: Device['vendor'];
  readonly vram_total_bytes: number | null;
  readonly vram_free_bytes: number | null;
  readonly compute_capability: string | null;
  readonly utilization_percent: number | null;
  readonly temperature_celsius: number | null;
  readonly power_watts: number | null;
  readonly mig: boolean;
  readonly healthy: boolean;
  /** What is wrong with it, as it goes on after its name; null where it is healthy. */
  readonly ailment: string | null;
  readonly age_seconds: number | null;
  readonly pools: readonly string[];
  /** Who uses it, the biggest first; null where its tool cannot tell. */
  readonly processes: readonly DeviceProcessView[] | null;
};

export type DeviceProcessView = {
  readonly pid: number;
  readonly program: string | null;
  readonly used_bytes: number | null;
  /** Null: it is no engine of ours. */
  readonly pool_id: string | null;
  readonly replica_id: string | null;
};

export type LeaseView = {
  readonly lease_id: string;
  readonly pool_id: string;
  readonly replica_id: string;
  /** Where the requests go. */
  readonly url: string;
  readonly model_id: string | null;
  readonly holder: string | null;
  readonly granted_at: string;
  readonly expires_at: string;
};

export type OperationView = {
  readonly operation_id: string;
  readonly kind: string;
  readonly pool_id: string | null;
  readonly state: 'running' | 'succeeded' | 'failed';
  readonly outcome: string | null;
  readonly changed: boolean;
  readonly started_at: string;
  readonly finished_at: string | null;
  readonly interrupted: boolean;
  readonly active_leases: number;
  readonly inflight: number | null;
  readonly cut: number;
  /** How long the slowest of its engines that load now may take; null where none does, or it is not known yet. */
  readonly startup_deadline_ms: number | null;
  readonly steps: readonly {
    readonly replica_id: string;
    readonly step: string;
    readonly state: string;
    readonly detail: string | null;
  }[];
  readonly error?: { readonly code: string; readonly message: string; readonly why?: string; readonly hint?: string };
};
