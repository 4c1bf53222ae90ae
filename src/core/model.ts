/**
 * The nouns of poolctl: what an inventory says (PoolSpec), who is who (ReplicaKey), and how points in time are written.
 * Everything here is plain data; nothing here knows Node.
 */

/** A point on the monotonic clock, in milliseconds since the boot. Never shown, and means nothing after the next boot. */
export type Instant = number;

/** A point in time that is also shown: the monotonic half decides, the wall half (epoch milliseconds) is for display only. */
export type Moment = { readonly at: Instant; readonly wallMs: number };

/** `chat/r0`: how people write a replica. */
export type ReplicaKey = `${string}/r${number}`;

/** `r0`: how JSON, labels, env and routes write it. */
export type ReplicaId = `r${number}`;

export const replicaId = (index: number): ReplicaId => `r${index}`;
export const replicaKey = (poolId: string, id: ReplicaId): ReplicaKey => `${poolId}/${id}`;

/** The pool of a replica. Pool ids hold no slash. */
export const poolIdOf = (key: ReplicaKey): string => key.slice(0, key.indexOf('/'));
export const replicaIdOf = (key: ReplicaKey): ReplicaId => key.slice(key.indexOf('/') + 1) as ReplicaId;

export const engineKinds = ['llamacpp', 'vllm', 'sglang', 'command', 'demo'] as const;
export type EngineKind = (typeof engineKinds)[number];

export type Vendor = 'nvidia' | 'amd';

/** Why a device cannot be relied on. */
export type Ailment = {
  /** A phrase that goes on after the device's name: "has fallen off the bus (Xid 79)". */
  readonly text: string;
  /** What alone helps; null where nobody can say, or it may pass. */
  readonly cure: 'reset' | 'reboot' | null;
};

/** One device as the vendor's tool lists it. Unknown is null. */
export type Device = {
  /** The tool's own index, as a decimal string ("0"); for a MIG slice its GPU's and its own ("0:1"). */
  readonly index: string;
  /** "GPU-…" or, for a MIG slice, "MIG-…". Unique. */
  readonly uuid: string;
  readonly name: string;
  readonly vendor: Vendor;
  readonly vramTotalBytes: number | null;
  readonly vramFreeBytes: number | null;
  readonly computeCapability: string | null;
  readonly utilizationPercent: number | null;
  readonly temperatureCelsius: number | null;
  readonly powerWatts: number | null;
  /** True for a MIG slice. */
  readonly mig: boolean;
  /** "0000:65:00", as the kernel's log names it; for a MIG slice its GPU's. */
  readonly pciAddress: string | null;
  /** Uncorrectable memory errors since its last reset. */
  readonly eccErrors: number | null;
  /** Null: it is healthy, as far as its tool can tell. */
  readonly ailment: Ailment | null;
  /** Its tool says what it needs to recover, be it nothing. */
  readonly tellsRecovery: boolean;
};

/** A process that uses a device, as the vendor's tool lists it. */
export type DeviceProcess = {
  /** Of the device. */
  readonly uuid: string;
  readonly pid: number;
  /** "python3"; null where that cannot be seen. */
  readonly program: string | null;
  readonly usedBytes: number | null;
  /** POOLCTL_INSTANCE of the engine to whose tree it belongs, also while the tool still lists it after its end; null: a stranger. */
  readonly instance: string | null;
};

/**
 * What one item of `device_masks` says, before it is held against the machine. `written` is the user's text in normal form ("0", "2,3", "all",
 * "cpu", "GPU-8932f937"). `ids` are in the written order (it is the engine's numbering): indexes ("0") or UUIDs or prefixes of them ("GPU-…", "MIG-…").
 */
export type MaskRef =
  | { readonly kind: 'cpu' | 'all'; readonly written: string }
  | { readonly kind: 'list'; readonly written: string; readonly ids: readonly string[] };

/** `{ from_env: OTHER }` stays a name: its value is read at the spawn, and never stored or shown. */
export type EnvValue = { readonly value: string } | { readonly fromEnv: string };

export type HealthSpec = {
  /** 'auto': the engine's own. 'none': no probes; ready when the process has lived `minUptimeMs`. */
  readonly path: 'auto' | 'none' | `/${string}`;
  readonly listener: 'auto' | 'off';
  readonly startupIntervalMs: number;
  readonly startupDeadlineMs: 'auto' | number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly failureThreshold: number;
  readonly successThreshold: number;
  readonly restartAfterMs: number | 'never';
  readonly minUptimeMs: number;
  readonly generate: { readonly everyMs: number | null; readonly timeoutMs: number };
};

export type BackoffSpec = {
  readonly initialMs: number;
  readonly factor: number;
  readonly maxMs: number;
  readonly minMs: number;
  /** Fraction in 0..1. */
  readonly jitter: number;
  readonly resetAfterMs: number;
  readonly cudaMultiplier: number;
};

export type BreakerSpec = {
  readonly threshold: number;
  readonly openForMs: number;
  readonly extendFactor: number;
  readonly maxOpenForMs: number;
  readonly closeAfterMs: number;
  readonly cudaThreshold: number;
};

export type StormSpec = {
  readonly limit: number;
  readonly windowMs: number;
  readonly warnAt: number;
  readonly trip: { readonly count: number; readonly windowMs: number };
  readonly resetAfterMs: number;
};

export type RestartPolicy = 'on-failure' | 'always' | 'never';

export type StopSignal = `SIG${string}`;

/** One pool of the inventory: defaults applied, units in ms and bytes, paths absolute, masks parsed but not yet held against the devices. */
export type PoolSpec = {
  readonly poolId: string;
  readonly engine: EngineKind;
  /** As the engine is to be given it: absolute path, `hf:…`, `https:…`, `org/repo`; null for command and demo without one. */
  readonly model: string | null;
  readonly modelDigest: string | null;
  /** `model_id`; else the name in the model's own file, or the last part of the reference; null where there is no model. */
  readonly modelId: string | null;
  /** False: nobody wrote it, it was found in the model's file or made of its reference. */
  readonly modelIdGiven: boolean;
  /** In order: the index is the replica's number. */
  readonly masks: readonly MaskRef[];
  readonly share: boolean;
  readonly tensorSplit: readonly number[] | null;
  readonly vramBytes: number | null;
  readonly hostMemoryBytes: number | null;
  /** null: the engine's default program. */
  readonly binary: string | null;
  readonly command: readonly string[] | null;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, EnvValue>>;
  readonly workdir: string | null;
  readonly user: string | null;
  readonly isolate: { readonly noNewPrivs: boolean; readonly dropCapabilities: boolean; readonly dieWithSupervisor: boolean };
  readonly host: string;
  readonly port: 'auto' | number;
  readonly slots: 'auto' | number;
  readonly autostart: boolean;
  readonly health: HealthSpec;
  readonly stop: { readonly signal: StopSignal; readonly graceMs: number };
  readonly drain: { readonly deadlineMs: number; readonly inflight: 'auto' | 'off' };
  readonly reload: { readonly strategy: 'auto' | 'rolling' | 'recreate'; readonly minHealthyMs: number };
  readonly restart: {
    readonly policy: RestartPolicy;
    readonly backoff: BackoffSpec;
    readonly breaker: BreakerSpec;
    readonly storm: StormSpec;
  };
  readonly logs: { readonly maxSizeBytes: number; readonly keep: number };
};

/** What a reload changes of a pool's entry. */
export type ModelChoice = Pick<PoolSpec, 'model' | 'modelDigest' | 'modelId'>;

/** A client's claim on one slot of a replica. */
export type Lease = {
  readonly id: string;
  readonly key: ReplicaKey;
  /** Who says to hold it; for people. */
  readonly holder: string | null;
  readonly ttlMs: number;
  readonly grantedAt: Moment;
  readonly expiresAt: Moment;
};

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'critical';

export type SupervisorSpec = {
  readonly listen: string | null;
  readonly tokenFile: string | null;
  readonly allowDownloads: boolean;
  readonly ports: { readonly from: number; readonly to: number };
  readonly shutdownDeadlineMs: number;
  readonly adopt: boolean;
  readonly loads: { readonly perDevice: number; readonly total: number };
  readonly log: { readonly format: 'auto' | 'pretty' | 'json'; readonly level: LogLevel };
  readonly events: { readonly maxSizeBytes: number; readonly keep: number };
  readonly devicePollMs: number;
  readonly enginePollMs: number | null;
  readonly deviceStorm: { readonly limit: number; readonly windowMs: number };
};

/** The parsed, validated pools.yaml. Immutable. */
export type Inventory = {
  /** Absolute path of the file. */
  readonly file: string;
  readonly supervisor: SupervisorSpec;
  /** In the file's order. */
  readonly pools: readonly PoolSpec[];
};

/** Expected failure is a value. */
export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };
