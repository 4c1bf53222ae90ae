/** The supervisor's dress rehearsal: what exactly `up` would execute, by the same rules, without touching anything. */

import { dirname } from 'node:path';
import { freeVramBytes } from './core/devices.js';
import { launchOf } from './core/launching.js';
import { meansFor } from './core/means.js';
import type { Launch } from './core/messages.js';
import type { PoolSpec, ReplicaKey } from './core/model.js';
import { standing, withModel } from './core/model-choice.js';
import type { Replica } from './core/replica.js';
import { restore } from './core/restore.js';
import { viewOverride } from './core/snapshot.js';
import type { State } from './core/state.js';
import type { PoolView } from './core/views.js';
import { fits, type Need, needOf } from './core/vram.js';
import { ownEnvironment } from './engines/environment.js';
import { isAlive } from './host/proc.js';
import type { GgufHeader } from './models/gguf.js';
import { systemClock } from './shell/clock.js';
import { coveredObstacle } from './shell/covered.js';
import { makeListeners } from './shell/listener.js';
import type { Checked } from './shell/preflight.js';
import { makeProcesses } from './shell/processes.js';
import type { ModelPlace } from './shell/staging.js';
import { redactArgv, redactEnv } from './text/redact.js';
import { rfc3339 } from './text/time.js';
import { makeCovers } from './up/cover.js';
import { preflightFor } from './up/preflight.js';
import { readRecord, recordedEngines, recordMaker } from './up/record.js';
import type { UpOptions, World } from './up.js';

export type PlanOptions = Pick<UpOptions, 'inventory' | 'devices' | 'paths' | 'named' | 'demoScript'> &
  Pick<World, 'pid' | 'uid' | 'env'>;

/** The keys are those of `plan --json`. */
export type PlannedReplica = {
  readonly pool_id: string;
  readonly replica_id: string;
  /** Whether `up` would launch it; a stopped one waits for `poolctl start`. */
  readonly starts: boolean;
  /** Secrets covered. */
  readonly argv: readonly string[];
  /** What the engine gets beside the supervisor's own environment; secrets covered. */
  readonly env: Readonly<{ [name: string]: string }>;
  readonly cwd: string | null;
  readonly device_mask: string;
  readonly devices: readonly string[];
  readonly port: number | null;
  /** What a reload has put in the place of the file's model, until a clean end; null: nothing. */
  readonly override: PoolView['override'];
  /**
   * Where the model is: at its `path`, in the cache of "Hugging Face", "llama.cpp" or "poolctl", or to be fetched from `url` to there ("download"); "engine":
   * the engine takes the reference as it is. Null without a model, and where it cannot be had.
   */
  readonly model_file: { readonly path: string | null; readonly from: ModelPlace['from']; readonly url: string | null } | null;
  /** What a local GGUF file tells of its model; null for another, and where it cannot be read. */
  readonly model: {
    readonly name: string | null;
    readonly architecture: string | null;
    readonly parameters: number;
    /** In tokens, that it was trained for. */
    readonly context_length: number | null;
  } | null;
  readonly startup_deadline_ms: number | null;
  /**
   * Null on `cpu`. `fits` is null where what it needs or what is free is not known. `source` tells who says what it needs: the inventory, a launch
   * that ran out of memory, or a look at what the model's tensors take. The last two are no reason to refuse a launch.
   */
  readonly vram: {
    readonly needed_bytes: number | null;
    readonly free_bytes: number | null;
    readonly fits: boolean | null;
    readonly source: Need['source'] | null;
  } | null;
  /** What stands in the way just now, with what to do about it. */
  readonly obstacles: readonly { readonly text: string; readonly hint: string | null }[];
};

export async function plan(options: PlanOptions): Promise<readonly PlannedReplica[]> {
  const { inventory, devices, named, paths, env } = options;
  const clock = systemClock();
  const now = clock.now();
  const { entryOf } = recordMaker('', clock);
  const record = await readRecord(paths.registry);
  // A clean end is the end of what a reload has chosen.
  const chosen = record === null || record.ended === 'clean' ? {} : record.state.overrides;
  const overrides = new Map(inventory.pools.map((spec) => [spec.poolId, standing(spec, chosen[spec.poolId])]));
  const pools = inventory.pools.map((spec) => {
    const override = overrides.get(spec.poolId) ?? null;
    return override === null ? spec : withModel(spec, override.chosen);
  });
  let { state } = restore({
    ...{ inventory: { ...inventory, pools }, named, devices, exitOnAllFailed: false },
    ...{ now, wallMs: clock.wallMs(), entryOf },
    record: record?.state ?? null,
    // A rehearsal is of a start: the numbers and ports that hold, and nothing of what runs.
    clean: true,
    sameBoot: false,
  });
  const covers = makeCovers({ supervisorEnv: env, stateDir: paths.stateDir, inventoryDir: dirname(inventory.file) });
  const preflight = await preflightFor({ ...options, listeners: makeListeners(makeProcesses(options.pid)) });
  const running = record === null ? [] : recordedEngines(record).filter(({ identity }) => identity !== null && isAlive(identity));
  const planned = new Map<ReplicaKey, PlannedReplica>();
  const places = [...state.pools.values()].flatMap((pool) => pool.replicas.map((replica) => ({ pool, replica })));
  // As up gives them their ports: who stays stopped has none before it is started.
  for (const { pool, replica } of places.toSorted((a, b) => Number(stays(a.replica)) - Number(stays(b.replica)))) {
    const { spec } = pool;
    const override = overrides.get(spec.poolId) ?? null;
    const bare = { ...unplanned(spec, replica), override: override === null ? null : viewOverride(override, { time: rfc3339 }) };
    const means = meansFor(replica, pool, state, now);
    if (!means.ok) {
      planned.set(replica.key, { ...bare, obstacles: [{ text: means.error.text, hint: means.error.hint ?? null }] });
      continue;
    }
    const { short, port } = means.value;
    state = withPort(state, replica, port);
    const launch = launchOf(replica, means.value, { spec, supervisor: inventory.supervisor }, 'unique-to-each-launch');
    const checked = await preflight.rehearse(launch);
    // Its own engine is in nobody's way: it has ended before, or is adopted.
    const own = running.some((engine) => engine.key === replica.key && engine.port === port);
    const found = [...(short === null ? [] : [short]), ...checked.obstacles.filter(({ what }) => what !== 'port' || !own)];
    const obstacles = found.map((obstacle) => coveredObstacle(obstacle, covers.of(launch)));
    const facts = plannedOf(bare, launch, { ...checked, obstacles }, env);
    planned.set(replica.key, { ...facts, vram: vramOf({ replica, spec, launch, modelBytes: checked.modelBytes }, state) });
  }
  return places.flatMap(({ replica: { key } }) => planned.get(key) ?? []);
}

const stays = ({ goal }: Replica): boolean => goal === 'down';

function withPort(state: State, { key }: Replica, port: number): State {
  const pools = [...state.pools].map(([id, pool]) => {
    const replicas = pool.replicas.map((replica) => (replica.key === key ? { ...replica, port } : replica));
    return [id, { ...pool, replicas }] as const;
  });
  return { ...state, pools: new Map(pools) };
}

function plannedOf(
  bare: ReturnType<typeof unplanned>,
  launch: Launch,
  checked: Checked,
  env: PlanOptions['env'],
): PlannedReplica {
  const { spec, devices, port } = launch;
  const { argv, cwd, resolved, header, place } = checked.prepared;
  const fromEnv = Object.entries(spec.env).flatMap(([name, value]) => ('fromEnv' in value ? [name] : []));
  return {
    ...bare,
    argv: redactArgv(argv),
    env: redactEnv(ownEnvironment(launch, env, resolved), new Set(fromEnv)),
    cwd,
    devices: devices.map(({ uuid }) => uuid),
    port,
    model_file: place,
    model: header === null ? null : modelOf(header),
    startup_deadline_ms: checked.startupDeadlineMs,
    obstacles: checked.obstacles.map(({ text, hint = null }) => ({ text, hint })),
  };
}

function modelOf({ name, architecture, parameters, contextLength }: GgufHeader): PlannedReplica['model'] {
  return { name, architecture, parameters, context_length: contextLength };
}

type Wish = {
  readonly replica: Replica;
  readonly spec: PoolSpec;
  readonly launch: Launch;
  readonly modelBytes: Checked['modelBytes'];
};

function vramOf({ replica, spec, launch: { devices }, modelBytes }: Wish, state: State): PlannedReplica['vram'] {
  if (devices.length === 0) return null;
  const need = needOf({ vram: { ...replica.vram, modelBytes } }, spec);
  return {
    needed_bytes: need?.bytes ?? null,
    free_bytes: freeVramBytes(devices),
    fits: need === null ? null : fits(need.bytes, replica, spec, devices, state),
    source: need?.source ?? null,
  };
}

function unplanned({ poolId }: PoolSpec, { id, goal, mask }: Replica): Omit<PlannedReplica, 'obstacles'> {
  return {
    pool_id: poolId,
    replica_id: id,
    starts: goal === 'up',
    argv: [],
    env: {},
    cwd: null,
    device_mask: mask.written,
    devices: [],
    port: null,
    override: null,
    model_file: null,
    model: null,
    startup_deadline_ms: null,
    vram: null,
  };
}
