/** The JSON that goes over the socket, both ways. Versioned: `api_version` changes when a key changes its meaning. */

import type { DeviceView, OperationView, PerfView, PoolView } from '../core/views.js';

export type {
  DeviceView,
  LastExitView,
  LeaseView,
  OperationView,
  PoolView,
  ReplicaStateName,
  ReplicaView,
} from '../core/views.js';

export const apiVersion = 'v2';

export type SupervisorView = {
  readonly version: string;
  readonly pid: number;
  readonly started_at: string;
  readonly uptime_seconds: number;
  readonly socket: string;
  readonly listen: string | null;
  /** The inventory's file. */
  readonly inventory: string;
  readonly state_dir: string;
  readonly containment: 'cgroup' | 'group';
  readonly event_loop_lag_ms: number;
  /** What is not being saved just now, and why; `what` is a path, or a word for several files. */
  readonly unsaved: readonly { readonly what: string; readonly reason: string }[];
};

/** GET /v2/pools, `status --json`, and the last known state in the registry (then `stale`). */
/** `note`: why the numbers are not of now, or there are none; null where there is nothing to say. */
export type DevicesAnswer = { readonly devices: readonly DeviceView[]; readonly note: string | null };

export type StatusView = {
  readonly api_version: string;
  readonly stale: boolean;
  readonly supervisor: SupervisorView;
  readonly pools: readonly PoolView[];
  readonly devices: readonly DeviceView[];
};

export type PoolHealthView = Pick<
  PoolView,
  'pool_id' | 'live' | 'ready' | 'draining' | 'active_leases' | 'slots_total' | 'slots_free' | 'engine_version' | 'last_error'
> & {
  readonly last_heartbeat_ms: number | null;
  readonly metrics: {
    readonly vram_total_bytes: number | null;
    readonly vram_free_bytes: number | null;
    readonly inflight: number | null;
    readonly restart_count: number;
    readonly perf: PerfView | null;
  };
};

/** POST /v2/inventory/apply. */
export type ApplyView = {
  readonly changed: boolean;
  readonly plan: readonly {
    readonly pool_id: string;
    readonly action: 'keep' | 'start' | 'stop' | 'restart' | 'live-update';
    readonly reasons: readonly string[];
  }[];
  /** What of the file this does not put to work. */
  readonly notes?: readonly string[];
  /** Left out where nothing is to be done, or nothing was asked for but the plan. */
  readonly operation_id?: string;
};

export type CapabilitiesView = {
  readonly api_version: string;
  readonly version: string;
  readonly engines: readonly {
    readonly pool_id: string;
    readonly engine: string;
    readonly engine_version: string | null;
    readonly model_id: string | null;
    readonly ctx_max: number | null;
    readonly slots_total: number | null;
    readonly supported_workloads: readonly string[];
    readonly features: readonly string[];
  }[];
};

export type ProblemView = {
  readonly file: string;
  /** From 1; null where the file itself is the problem. */
  readonly line: number | null;
  readonly column: number | null;
  readonly severity: 'error' | 'warning';
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
};

export type ErrorBody = {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly why?: string;
    readonly hint?: string;
    readonly pool_id?: string;
    readonly engine?: string;
    readonly retriable: boolean;
    readonly retry_after_ms?: number;
  };
  /** What went wrong, where it is one. */
  readonly operation?: OperationView;
  /** What is wrong with an inventory, as `check` tells it. */
  readonly problems?: readonly ProblemView[];
};

/** An event as it is written to the journal and the stream: RFC 3339 times, a sentence, and an id `<start>-<n>` for resuming. */
export type EventLine = {
  readonly id: string;
  readonly time: string;
  readonly event: string;
  readonly level: string;
  readonly human: string;
  readonly [key: string]: unknown;
};
