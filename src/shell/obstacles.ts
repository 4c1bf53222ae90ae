/** One check an obstacle. Each says what was needed and what was found; none of them throws for what the machine is like. */

import { stat } from 'node:fs/promises';
import type { Obstacle } from '../core/facts.js';
import type { Launch } from '../core/messages.js';
import { gib } from '../core/words.js';
import { takesSplit } from '../engines/split.js';
import { biggestProcess } from '../host/biggest.js';
import { bindError } from '../host/net.js';
import { partsOf } from '../host/paths.js';
import { memoryAvailableBytes } from '../host/proc.js';
import { runProgram } from '../host/run.js';
import { type Access, accessError, type Credential, type EngineUser, type Ourselves } from '../host/users.js';
import type { Draft } from './draft.js';
import type { Listeners } from './listener.js';
import { prepareWorkdir, type WorkPlace } from './workdir.js';

type Obstacles = readonly Obstacle[];

/** Why the engine may not use a path so; null when it may. */
type Permission = (path: string, want: Access) => Promise<string | null>;

/** What was found out, or is being found out, of the very file as it was then. */
export type Grants = Map<string, { readonly file: string; readonly refused: Promise<string | null> }>;

/**
 * A refusal by mode bits is confirmed by trying: an access list may grant what they do not. `chain` is the launch chain's. What was granted is
 * not looked at again while the file is the same: who shuts a directory above it is told by the launch itself.
 */
export function permissionOf(who: Credential, chain: readonly string[], grants: Grants): Permission {
  const whom = who === 'self' ? who : `${who.uid} ${who.gids.join(',')}`;

  return async (path, want) => {
    const name = `${whom} ${want} ${path}`;
    const file = await identityOf(path);
    if (file === null) return look(path, want);
    const known = grants.get(name);
    if (known?.file === file) return known.refused;
    const refused = look(path, want);
    grants.set(name, { file, refused });
    // A refusal is looked at anew each time: what was in the way may be mended elsewhere.
    if ((await refused) !== null) grants.delete(name);
    return refused;
  };

  async function look(path: string, want: Access): Promise<string | null> {
    const error = await accessError(path, want, who);
    if (error === null || !error.denied || who === 'self') return error?.phrase ?? null;
    const tests = want === 'enter' ? ['-r', path, '-a', '-x', path] : [want === 'read' ? '-r' : '-x', path];
    const [program = 'test', ...args] = [...chain, 'test', ...tests];
    const run = await runProgram(program, args, { timeoutMs: 5000 });
    return run.ok && run.value.code === 0 ? null : error.phrase;
  }
}

async function identityOf(path: string): Promise<string | null> {
  return stat(path).then(
    ({ dev, ino, ctimeMs }) => `${dev} ${ino} ${ctimeMs}`,
    () => null,
  );
}

export function checkUser({ spec }: Launch, user: EngineUser | null, us: Ourselves): Obstacles {
  if (spec.user === null) return [];
  if (user === null) return [{ what: 'user', text: `cannot run as "${spec.user}": this machine knows no such user` }];
  if (us.uid === 0 || us.uid === user.uid) return [];
  return [
    {
      what: 'user',
      text: `cannot run as "${spec.user}": only root can, and this is uid ${us.uid}`,
      hint: 'take "user" out of the pool',
    },
  ];
}

export function checkChain({ spec }: Launch, error: string): Obstacles {
  return [
    {
      what: 'program',
      text: `cannot isolate ${spec.poolId}: ${error}`,
      hint: 'install util-linux, or set the parts of "isolate" to false',
    },
  ];
}

export async function checkProgram({ argv: [program = ''], missing }: Draft, may: Permission): Promise<Obstacles> {
  if (missing !== null) {
    const text = missing === '' ? 'cannot run the engine: no program is named' : `cannot run "${missing}": it is not on PATH`;
    return [{ what: 'program', text, hint: 'install it, or name it by its path' }];
  }
  const [closed, found] = await Promise.all([may(program, 'execute'), stat(program).catch(() => null)]);
  if (closed !== null) return [{ what: 'program', text: `cannot run "${program}": ${closed}` }];
  return found?.isDirectory() === true ? [{ what: 'program', text: `cannot run "${program}": it is a directory` }] : [];
}

/**
 * Makes the directory where it is the default one. Where the disk does not take it, the engine works in `/`: no launch fails for what we cannot keep.
 */
export async function checkCwd(
  { spec, key }: Launch,
  { cwd }: Draft,
  user: EngineUser | null,
  place: WorkPlace & { readonly onStorage: (what: string, error: string | null) => void },
  may: Permission,
): Promise<{ readonly cwd: string; readonly obstacles: Obstacles }> {
  if (spec.workdir !== null) return { cwd, obstacles: await checkNamedCwd(cwd, may) };
  const { poolId, replicaId } = partsOf(key);
  const unusable = await prepareWorkdir(place, poolId, replicaId, user);
  const text = `cannot make the work directory "${cwd}": ${unusable?.why}`;
  if (unusable !== null && !unusable.isForWantOfDisk) return { cwd, obstacles: [{ what: 'cwd', text }] };
  place.onStorage(cwd, unusable === null ? null : `${text}; its engine works in "/"`);
  return { cwd: unusable === null ? cwd : '/', obstacles: [] };
}

async function checkNamedCwd(cwd: string, may: Permission): Promise<Obstacles> {
  // First what it is: a file's mode bits would say that it may not be entered.
  const found = await stat(cwd).catch(() => null);
  if (found?.isDirectory() === false) return [{ what: 'cwd', text: `cannot start in "${cwd}": it is not a directory` }];
  const closed = await may(cwd, 'enter');
  return closed === null ? [] : [{ what: 'cwd', text: `cannot start in "${cwd}": ${closed}` }];
}

export function checkEnv({ spec }: Launch, supervisorEnv: Readonly<Record<string, string | undefined>>): Obstacles {
  return Object.entries(spec.env).flatMap(([name, given]): Obstacles => {
    if (!('fromEnv' in given) || supervisorEnv[given.fromEnv] !== undefined) return [];
    return [
      {
        what: 'env',
        text: `cannot set ${name}: $${given.fromEnv} is not set where the supervisor runs`,
        hint: `export ${given.fromEnv}=… and start poolctl again`,
      },
    ];
  });
}

/** A mask `all` may have fewer devices than when the ratios were written, or not all of them just now. */
export function checkSplit({ spec, mask, devices }: Launch): Obstacles {
  const ratios = spec.tensorSplit;
  if (ratios === null || ratios.length === devices.length || !takesSplit(spec.engine)) return [];
  const text = `cannot split ${spec.poolId} over ${mask.written}: ratios in tensor_split: ${ratios.length}, devices: ${devices.length}`;
  return [{ what: 'device', text, hint: 'name the devices in device_masks, one for each ratio' }];
}

export async function checkMemory({ spec, hostClaimedBytes }: Launch): Promise<Obstacles> {
  const need = spec.hostMemoryBytes;
  if (need === null) return [];
  const available = await memoryAvailableBytes();
  if (available === null || available - hostClaimedBytes >= need) return [];
  const biggest = await biggestProcess();
  const text = [
    `cannot load ${spec.poolId}: it needs ${gib(need)} of memory, and ${gib(available)} are available`,
    ...(hostClaimedBytes > 0 ? [`engines that load take ${gib(hostClaimedBytes)} of them`] : []),
    ...(biggest === null ? [] : [`most is held by pid ${biggest.pid} (${biggest.program}) with ${gib(biggest.bytes)}`]),
  ].join('; ');
  return [{ what: 'memory', text, hint: 'free memory, or lower "host_memory"' }];
}

export async function checkPort({ spec, port }: Launch, listeners: Pick<Listeners, 'holder'>): Promise<Obstacles> {
  const error = await bindError(spec.host, port);
  if (error === null) return [];
  const cannot = `cannot listen on ${spec.host}:${port}`;
  if (error !== 'EADDRINUSE') return [{ what: 'port', text: `${cannot}: ${bindPhrases[error] ?? error}` }];
  const holder = await listeners.holder(spec.host, port);
  return [
    {
      what: 'port',
      text: `${cannot}: the port is held by ${holder ?? 'a process that cannot be seen from here'}`,
      hint: 'end that process, or choose another "port"',
    },
  ];
}

const bindPhrases: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: 'the host is no address of this machine',
  EACCES: 'no permission for this port',
  ENOTFOUND: 'no such host',
};
