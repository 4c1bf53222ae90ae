/**
 * Everything that would keep an engine from starting, looked at before a process is made, and as the engine's own user will meet it. On the way of
 * a respawn: what a pool does not ask for costs nothing here, and no helper program runs unless there is bad news to confirm or a thing to learn.
 */

import { stat } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { isAbsolute } from 'node:path';
import type { Launch, Obstacle, Verified } from '../core/messages.js';
import type { PoolSpec } from '../core/model.js';
import { gib } from '../core/words.js';
import { runProgram } from '../host/run.js';
import { credentialOf, lookUpUser, type Ourselves } from '../host/users.js';
import type { GgufHeader } from '../models/gguf.js';
import { modelName } from '../models/model-name.js';
import { type Draft, type DraftWorld, draftLaunch } from './draft.js';
import { launchChain } from './launch-chain.js';
import type { Listeners } from './listener.js';
import { checkModel, type ModelNotes } from './model-check.js';
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

export type PreflightWorld = DraftWorld & {
  readonly us: Ourselves;
  /** The programs' paths; null where there is none. */
  readonly setpriv: string | null;
  readonly listeners: Pick<Listeners, 'holder'>;
};

/** All that the spawn needs. Meaningful only without obstacles. */
export type Prepared = Pick<Draft, 'resolved' | 'argv' | 'env' | 'cwd'> & {
  readonly chain: readonly string[];
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
  /** What the model's tensors take, by the file's header; null where that cannot be told. */
  readonly modelBytes: number | null;
  /** False for a binary that uses GPUs as graphics do (Vulkan): the vendor's tool does not list it among those that compute. */
  readonly listed: boolean;
};

export type Preflight = {
  /** Never rejects for what the machine is like: that is an obstacle. Makes the work directory. */
  check(launch: Launch): Promise<Checked>;
  /** The model of an entry alone. Never rejects. */
  verify(spec: PoolSpec): Promise<Verified>;
  /** The same without touching anything: no directory is made, and the program is not asked what it sees. */
  rehearse(launch: Launch): Promise<Checked>;
};

export function makePreflight(world: PreflightWorld): Preflight {
  const models: ModelNotes = { digests: new Map(), headers: new Map() };
  const sights = new Map<string, readonly string[]>();
  const grants: Grants = new Map();

  async function examine(launch: Launch, touching: boolean): Promise<Checked> {
    const { spec } = launch;
    const user = spec.user === null ? null : await lookUpUser(spec.user);
    const chain = launchChain({ isolate: spec.isolate, user }, world.us, world.setpriv);
    const prefix = chain.ok ? chain.value : [];
    const may = permissionOf(credentialOf(world.us, user, spec.isolate.dropCapabilities), prefix, grants);
    const draft = await draftLaunch(launch, user, world);
    const [model, port, memory, place, program] = await Promise.all([
      checkModel(launch, may, models),
      checkPort(launch, world.listeners),
      checkMemory(launch),
      touching || spec.workdir !== null ? checkCwd(launch, draft, user, world, may) : [],
      checkProgram(draft, may),
    ]);
    const sofar = [
      ...checkUser(launch, user, world.us),
      ...(chain.ok ? [] : checkChain(launch, chain.error)),
      ...program,
      ...place,
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
        cwd: draft.cwd,
        chain: prefix,
        header: model.header,
      },
      startupDeadlineMs:
        startupDeadlineMs === 'auto' ? world.adapters[spec.engine].startupDeadlineMs(model.bytes) : startupDeadlineMs,
      portKnownFree: port.length === 0,
      modelBytes: model.header?.tensorBytes ?? null,
      listed: sight === null || sight.some((name) => !name.startsWith('Vulkan')),
    };
  }

  async function verify(spec: PoolSpec): Promise<Verified> {
    const user = spec.user === null ? null : await lookUpUser(spec.user);
    const chain = launchChain({ isolate: spec.isolate, user }, world.us, world.setpriv);
    const may = permissionOf(credentialOf(world.us, user, spec.isolate.dropCapabilities), chain.ok ? chain.value : [], grants);
    const { obstacles, bytes, header } = await checkModel({ spec }, may, models);
    const there = spec.model !== null && isAbsolute(spec.model) && obstacles.length === 0;
    const size = bytes === null ? 'a directory' : gib(bytes);
    return {
      obstacles,
      name: there && spec.model !== null ? await modelName(spec.model) : null,
      about: !there ? null : header === null ? size : `${size}, GGUF ${header.version}`,
      modelBytes: header?.tensorBytes ?? null,
      hostTotalBytes: totalmem(),
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
    check: (launch) => examine(launch, true),
    rehearse: (launch) => examine(launch, false),
  };
}
