/**
 * Everything that would keep an engine from starting, looked at before a process is made, and as the engine's own user will meet it. On the way of
 * a respawn: what a pool does not ask for costs nothing here, and no helper program runs unless there is bad news to confirm or a thing to learn.
 */

import { stat } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { isAbsolute } from 'node:path';
import type { Obstacle, Verified } from '../core/facts.js';
import type { Launch } from '../core/messages.js';
import type { PoolSpec } from '../core/model.js';
import type { ModelNews } from '../core/progress.js';
import { gib } from '../core/words.js';
import { digestsFile } from '../host/paths.js';
import { runProgram } from '../host/run.js';
import { credentialOf, lookUpUser, type Ourselves } from '../host/users.js';
import type { GgufHeader } from '../models/gguf.js';
import { modelName } from '../models/model-name.js';
import { makeDigests } from './digests.js';
import { type Draft, type DraftWorld, draftLaunch } from './draft.js';
import { launchChain } from './launch-chain.js';
import type { Listeners } from './listener.js';
import { checkModel, type ModelCheck, type ModelNotes } from './model-check.js';
import {
  checkChain,
  checkCwd,
  checkEnv,
  checkMemory,
  checkPort,
  checkProgram,
  checkSplit,
  checkUser,
  type Grants,
  permissionOf,
} from './obstacles.js';
import { patient, type Watch } from './shared-work.js';
import { type ModelPlace, makeStager, type StagerWorld } from './staging.js';

export type PreflightWorld = DraftWorld &
  Pick<StagerWorld, 'home' | 'flock' | 'patience'> & {
    readonly us: Ourselves;
    /** The programs' paths; null where there is none. */
    readonly setpriv: string | null;
    readonly listeners: Pick<Listeners, 'holder'>;
    /** A directory of ours could not be made, or could again (null). */
    readonly onStorage: (what: string, error: string | null) => void;
  };

/** All that the spawn needs. Meaningful only without obstacles. */
export type Prepared = Pick<Draft, 'resolved' | 'argv' | 'env' | 'cwd'> & {
  readonly chain: readonly string[];
  /** Null where it has none, or it cannot be had. */
  readonly place: ModelPlace | null;
  /** Of a local GGUF model, where it can be read: for people. */
  readonly header: GgufHeader | null;
};

export type Checked = {
  /** In the order in which a person would mend them; empty when the launch may go on. */
  readonly obstacles: readonly Obstacle[];
  readonly prepared: Prepared;
  readonly startupDeadlineMs: number;
  /** The port could be bound a moment ago, so whoever listens there next is the engine. */
  readonly portKnownFree: boolean;
  /** Its slots, where its entry or its arguments tell. */
  readonly slotsTotal: number | null;
  /** What the model's tensors take, by the file's header; null where that cannot be told. */
  readonly modelBytes: number | null;
  /** False for a binary that uses GPUs as graphics do (Vulkan): the vendor's tool does not list it among those that compute. */
  readonly listed: boolean;
  /** That its model is there, the first time. */
  readonly modelNews: ModelNews | null;
};

export type Preflight = {
  /** Never rejects for what the machine is like: that is an obstacle. Makes the work directory, and fetches the model where that is to be. */
  check(launch: Launch, watch?: Watch): Promise<Checked>;
  /** The model of an entry alone. Never rejects. */
  verify(spec: PoolSpec, allowDownloads: boolean, watch?: Watch): Promise<Verified>;
  /** The same without touching anything: no directory is made, and the program is not asked what it sees. */
  rehearse(launch: Launch): Promise<Checked>;
};

export function makePreflight(world: PreflightWorld): Preflight {
  const notes: ModelNotes = { headers: new Map(), told: new Set() };
  const stage = makeStager({ ...world, env: world.supervisorEnv });
  const digests = makeDigests(digestsFile(world.stateDir));
  const digestsRead = makeDigests(digestsFile(world.stateDir), false);
  const sights = new Map<string, readonly string[]>();
  const grants: Grants = new Map();

  async function examine(launch: Launch, touching: boolean, watch = patient): Promise<Checked> {
    const { spec } = launch;
    const user = spec.user === null ? null : await lookUpUser(spec.user);
    const chain = launchChain({ isolate: spec.isolate, user }, world.us, world.setpriv);
    const prefix = chain.ok ? chain.value : [];
    const may = permissionOf(credentialOf(world.us, user, spec.isolate.dropCapabilities), prefix, grants);
    // First, since it may take its time: the others are to be as things are then.
    const model = await checkModel(spec, checkOf(may, launch.allowDownloads, touching, watch));
    const draft = await draftLaunch(launch, model.place?.path ?? spec.model, user, world);
    const [port, memory, place, program] = await Promise.all([
      checkPort(launch, world.listeners),
      checkMemory(launch),
      touching || spec.workdir !== null ? checkCwd(launch, draft, user, world, may) : { cwd: draft.cwd, obstacles: [] },
      checkProgram(draft, may),
    ]);
    const sofar = [
      ...checkUser(launch, user, world.us),
      ...(chain.ok ? [] : checkChain(launch, chain.error)),
      ...program,
      ...place.obstacles,
      ...model.obstacles,
      ...checkEnv(launch, world.supervisorEnv),
      ...checkSplit(launch),
      ...memory,
      ...port,
    ];
    // Asking the program starts it, and may wake a GPU: only when nothing else is in the way.
    const sight = !touching || sofar.length > 0 ? null : await lookFor(launch, draft, prefix);
    const { startupDeadlineMs } = spec.health;
    return {
      obstacles: [...sofar, ...blindness(launch, draft, sight)],
      prepared: {
        resolved: draft.resolved,
        argv: draft.argv,
        env: draft.env,
        cwd: place.cwd,
        chain: prefix,
        place: model.place,
        header: model.header,
      },
      startupDeadlineMs:
        startupDeadlineMs === 'auto' ? world.adapters[spec.engine].startupDeadlineMs(model.bytes) : startupDeadlineMs,
      portKnownFree: port.length === 0,
      slotsTotal: world.adapters[spec.engine].slots(spec),
      modelBytes: model.header?.tensorBytes ?? null,
      listed: sight === null || sight.some((name) => !name.startsWith('Vulkan')),
      modelNews: model.news,
    };
  }

  function checkOf(may: ModelCheck['may'], allowDownloads: boolean, touching: boolean, watch: Watch): ModelCheck {
    return { stage, notes, digests: touching ? digests : digestsRead, may, allowDownloads, touching, watch };
  }

  async function verify(spec: PoolSpec, allowDownloads: boolean, watch = patient): Promise<Verified> {
    const user = spec.user === null ? null : await lookUpUser(spec.user);
    const chain = launchChain({ isolate: spec.isolate, user }, world.us, world.setpriv);
    const may = permissionOf(credentialOf(world.us, user, spec.isolate.dropCapabilities), chain.ok ? chain.value : [], grants);
    const { obstacles, bytes, header, news } = await checkModel(spec, checkOf(may, allowDownloads, true, watch));
    const there = spec.model !== null && isAbsolute(spec.model) && obstacles.length === 0;
    const size = bytes === null ? 'a directory' : gib(bytes);
    return {
      obstacles,
      name: there && spec.model !== null ? await modelName(spec.model) : null,
      about: !there ? null : header === null ? size : `${size}, GGUF ${header.version}`,
      modelBytes: header?.tensorBytes ?? null,
      hostTotalBytes: totalmem(),
      modelNews: news,
    };
  }

  /** The devices that the program sees; null where it cannot tell. They are remembered, by the very file and the mask; that there are none is not: a driver may come back. */
  async function lookFor(
    { spec, mask, devices }: Launch,
    { resolved, env, cwd }: Draft,
    prefix: readonly string[],
  ): Promise<readonly string[] | null> {
    const { listDevices } = world.adapters[spec.engine];
    if (listDevices === null || devices.length === 0 || resolved.program === null) return null;
    const file = await stat(resolved.program).catch(() => null);
    const name = [file?.dev, file?.ino, file?.mtimeMs, mask.written, ...devices.map(({ uuid }) => uuid)].join(' ');
    const known = sights.get(name);
    if (known !== undefined) return known;
    const [program = '', ...args] = [...prefix, resolved.program, ...listDevices.args];
    const run = await runProgram(program, args, { timeoutMs: 60_000, env, cwd });
    const seen = run.ok ? listDevices.read(`${run.value.stdout}\n${run.value.stderr}`) : null;
    if (seen !== null && seen.length > 0) sights.set(name, seen);
    return seen;
  }

  function blindness({ spec, mask }: Launch, { resolved }: Draft, sight: readonly string[] | null): readonly Obstacle[] {
    if (sight === null || sight.length > 0) return [];
    const asked = `${resolved.program} ${world.adapters[spec.engine].listDevices?.args.join(' ')}`;
    const text = `cannot put ${spec.poolId} on ${mask.written}: the binary sees no GPU: a CPU build? ("${asked}" lists none under this mask)`;
    return [{ what: 'cpu-build', text, hint: 'set "binary" to a build with GPU support, or device_masks: [cpu]' }];
  }

  return {
    verify,
    check: (launch, watch) => examine(launch, true, watch),
    rehearse: (launch) => examine(launch, false),
  };
}
