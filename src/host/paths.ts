/**
 * Where things live. One set of rules for the supervisor and for its clients, made of what was said on the command line and in the
 * environment: nothing ambient is read, and only `clientSocket` looks at the disk.
 */

import { readFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import type { ReplicaKey } from '../core/model.js';
import { PoolctlError } from '../errors.js';

export type Env = Readonly<Record<string, string | undefined>>;

/** What the command line says; undefined where it says nothing. */
export type Named = { readonly stateDir?: string | undefined; readonly socket?: string | undefined };

/** Where relative paths start, and whose home it is. */
export type Place = { readonly cwd: string; readonly home: string };

/** All of it absolute. */
export type Paths = {
  readonly stateDir: string;
  readonly socket: string;
  readonly lock: string;
  readonly registry: string;
  readonly journal: string;
  readonly logsDir: string;
  readonly runDir: string;
  readonly handoffDir: string;
  readonly workDir: string;
};

/** The longest path that a Unix socket can have, in bytes. Node cuts a longer one short without a word. */
export const longestSocketBytes = 107;

/** The paths of one supervisor. @throws PoolctlError USAGE when the socket's path is too long. */
export function supervisorPaths(named: Named, env: Env, place: Place): Paths {
  const stateDir = stateDirOf(named, env, place);
  const socket = fitting(namedSocket(named, env, place) ?? defaultSocket(stateDir, named, env));
  return { ...placed(stateDir), socket };
}

/**
 * The socket that a client talks to: the named one; else the one that the state directory's supervisor wrote down; else the default.
 * Reads one small file, synchronously: for clients, not for the supervisor. @throws PoolctlError USAGE when the path is too long.
 */
export function clientSocket(named: Named, env: Env, place: Place): string {
  const stateDir = stateDirOf(named, env, place);
  return fitting(namedSocket(named, env, place) ?? writtenSocket(stateDir) ?? defaultSocket(stateDir, named, env));
}

/** `--state-dir`, `$POOLCTL_STATE_DIR`, `$XDG_STATE_HOME/poolctl`, `~/.local/state/poolctl`. */
export function stateDirOf({ stateDir }: Named, env: Env, { cwd, home }: Place): string {
  const said = stateDir ?? filled(env.POOLCTL_STATE_DIR);
  if (said !== undefined) return resolve(cwd, said);
  return join(xdg(env.XDG_STATE_HOME) ?? join(home, '.local', 'state'), 'poolctl');
}

/** The file that one supervisor of a state directory keeps locked, and that names it. */
export function lockFile(stateDir: string): string {
  return join(stateDir, 'supervisor.lock');
}

/** What survives a supervisor, the last known state for its clients among it. */
export function registryFile(stateDir: string): string {
  return join(stateDir, 'state.json');
}

/** Which files were found to have which digest. */
export function digestsFile(stateDir: string): string {
  return join(stateDir, 'digests.json');
}

/** All that a supervisor reads and writes right in its state directory; the socket is none of it, as it is made anew. */
export function placesIn(stateDir: string): readonly string[] {
  const { lock, registry, journal, logsDir, runDir, handoffDir, workDir } = placed(stateDir);
  return [lock, registry, journal, digestsFile(stateDir), logsDir, runDir, handoffDir, workDir];
}

function placed(stateDir: string): Omit<Paths, 'socket'> {
  return {
    stateDir,
    lock: lockFile(stateDir),
    registry: registryFile(stateDir),
    journal: join(stateDir, 'events.jsonl'),
    logsDir: logsIn(stateDir),
    runDir: join(stateDir, 'run'),
    handoffDir: join(stateDir, 'handoff'),
    workDir: join(stateDir, 'work'),
  };
}

/** What a replica's engines have written. */
export function engineLog(stateDir: string, poolId: string, replicaId: string): string {
  return join(poolLogs(stateDir, poolId), `${replicaId}.log`);
}

/** The directory of a pool's logs. */
export function poolLogs(stateDir: string, poolId: string): string {
  return join(logsIn(stateDir), poolId);
}

const logsIn = (stateDir: string): string => join(stateDir, 'logs');

/** The files that belong to one replica. */
export function replicaPaths(
  paths: Paths,
  key: ReplicaKey,
): {
  readonly log: string;
  /** The end of what the first and the last failed incarnation of a streak has written. */
  readonly firstFailure: string;
  readonly lastFailure: string;
  readonly pidFile: string;
  readonly handoff: string;
} {
  const { poolId, replicaId } = partsOf(key);
  return {
    log: engineLog(paths.stateDir, poolId, replicaId),
    firstFailure: engineLog(paths.stateDir, poolId, `${replicaId}.first-failure`),
    lastFailure: engineLog(paths.stateDir, poolId, `${replicaId}.last-failure`),
    pidFile: join(paths.runDir, `${poolId}.${replicaId}.pid`),
    handoff: join(paths.handoffDir, `${poolId}.${replicaId}.json`),
  };
}

/** `chat/r0` -> its two halves. Pool ids hold no slash. */
export function partsOf(key: ReplicaKey): { readonly poolId: string; readonly replicaId: string } {
  const slash = key.indexOf('/');
  return { poolId: key.slice(0, slash), replicaId: key.slice(slash + 1) };
}

function namedSocket({ socket }: Named, env: Env, { cwd }: Place): string | undefined {
  const said = socket ?? filled(env.POOLCTL_SOCKET);
  return said === undefined ? undefined : resolve(cwd, said);
}

/** A state directory with a name of its own has its socket with it, so that two supervisors do not meet in one place. */
function defaultSocket(stateDir: string, named: Named, env: Env): string {
  const stateDirNamed = named.stateDir !== undefined || filled(env.POOLCTL_STATE_DIR) !== undefined;
  const runtimeDir = stateDirNamed ? undefined : xdg(env.XDG_RUNTIME_DIR);
  return runtimeDir === undefined ? join(stateDir, 'poolctl.sock') : join(runtimeDir, 'poolctl', 'poolctl.sock');
}

function writtenSocket(stateDir: string): string | undefined {
  try {
    const text: unknown = JSON.parse(readFileSync(lockFile(stateDir), 'utf8'));
    const socket = typeof text === 'object' && text !== null && 'socket' in text ? text.socket : undefined;
    return typeof socket === 'string' && isAbsolute(socket) ? socket : undefined;
  } catch {
    return undefined;
  }
}

function fitting(socket: string): string {
  const bytes = Buffer.byteLength(socket);
  if (bytes <= longestSocketBytes) return socket;
  throw new PoolctlError(
    'USAGE',
    `cannot use the socket "${socket}": its path has ${bytes} bytes, and a Unix socket takes at most ${longestSocketBytes}`,
    {
      hint: 'name a shorter one: --socket PATH or $POOLCTL_SOCKET',
    },
  );
}

/** The XDG rules: a relative path is to be ignored. */
function xdg(path: string | undefined): string | undefined {
  return path !== undefined && isAbsolute(path) ? path : undefined;
}

function filled(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
