/** One supervisor a state directory, and one a socket. The lock's text names its holder, for clients and for whoever comes second. */

import { lstat, mkdir, readFile, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { PoolctlError } from '../errors.js';
import { isAlive, readStat } from '../host/proc.js';
import { type FileLock, lockFile } from './flock.js';

/** The text of `supervisor.lock`. */
export type Holder = {
  readonly pid: number;
  readonly startTicks: number;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly socket: string;
};

export type SupervisorLock = {
  /**
   * The lock holds whether or not its text could be written, on a full disk for instance: `onStorage` is told why not, and null
   * when it stands; until then it is tried again.
   */
  keepNamed(onStorage: (error: string | null) => void): void;
  /** Gives up directory and socket, and removes the socket's file. */
  release(): Promise<void>;
};

export type LockWish = {
  /** Prepared (state-dir.ts), and `lock` is the file in it. */
  readonly stateDir: string;
  readonly lock: string;
  readonly socket: string;
  readonly pid: number;
  readonly uid: number;
  readonly startedAt: Date;
  /** The program's path; null where there is none. */
  readonly flock: string | null;
};

/**
 * Takes directory and socket for the life of this process. A socket file that nobody serves is removed. @throws PoolctlError ALREADY_RUNNING naming
 * the holder when another supervisor has either; USAGE when something that is no socket stands in the socket's place.
 */
export async function lockSupervisor(wish: LockWish): Promise<SupervisorLock> {
  const { stateDir, socket, pid, uid, flock } = wish;
  const lock = await lockFile(wish.lock, flock, uid);
  if (lock === null) throw alreadyRunning(await holderOf(wish.lock), `in "${stateDir}"`);
  let socketLock: FileLock | null;
  try {
    socketLock = await claimSocket(socket, stateDir, flock, uid);
  } catch (error) {
    await lock.release();
    throw error;
  }
  const holder = { pid, startTicks: readStat(pid)?.startTicks ?? 0, startedAt: wish.startedAt.toISOString(), socket };
  const name = (): Promise<string | null> =>
    write(lock, holder).then(
      () => null,
      (error: Error) => `cannot write "${wish.lock}": ${error.message}`,
    );
  let unnamed = await name();
  let again: NodeJS.Timeout | null = null;
  let released = false;

  function keepNamed(onStorage: (error: string | null) => void): void {
    onStorage(unnamed);
    if (unnamed === null || released) return;
    again = setTimeout(async () => {
      unnamed = await name();
      keepNamed(onStorage);
    }, nameAgainMs).unref();
  }

  return {
    keepNamed,
    async release() {
      released = true;
      if (again !== null) clearTimeout(again);
      await unlink(socket).catch(() => undefined);
      await lock.file.truncate(0).catch(() => undefined);
      if (socketLock !== null) await unlink(lockOf(socket)).catch(() => undefined);
      await socketLock?.release();
      await lock.release();
    },
  };
}

const nameAgainMs = 1_000;

/** Who holds a state directory, by the lock's text; null when it names nobody who lives. A proof only for whoever failed to lock it. */
export async function readHolder(lock: string): Promise<Holder | null> {
  try {
    const holder = parseHolder(await readFile(lock, 'utf8'));
    return holder !== null && isAlive(holder) ? holder : null;
  } catch {
    return null;
  }
}

/** In the state directory the directory's own lock protects the socket; elsewhere two directories could mean the same one. */
async function claimSocket(socket: string, stateDir: string, flock: string | null, uid: number): Promise<FileLock | null> {
  await mkdir(dirname(socket), { recursive: true, mode: 0o700 });
  const lock = dirname(socket) === stateDir ? null : await lockFile(lockOf(socket), flock, uid);
  if (lock === null && dirname(socket) !== stateDir) throw alreadyRunning(null, `on "${socket}"`);
  try {
    await clearSocket(socket);
  } catch (error) {
    await lock?.release();
    throw error;
  }
  return lock;
}

async function clearSocket(socket: string): Promise<void> {
  const found = await lstat(socket).catch(() => null);
  if (found === null) return;
  if (!found.isSocket())
    throw new PoolctlError('USAGE', `cannot listen on "${socket}": there is a file in its place that is no socket`, {
      hint: 'name another one: --socket PATH',
    });
  if (await answers(socket)) throw alreadyRunning(null, `on "${socket}"`);
  await unlink(socket).catch(() => undefined);
}

function lockOf(socket: string): string {
  return `${socket}.lock`;
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const client = connect(socket, () => settle(true)).once('error', () => settle(false));
    const settle = (answered: boolean): void => {
      client.destroy();
      resolve(answered);
    };
  });
}

/** In place: a renamed file would be another one, and unlocked. */
async function write({ file }: FileLock, { pid, startTicks, startedAt, socket }: Holder): Promise<void> {
  await file.truncate(0);
  await file.write(`${JSON.stringify({ pid, start_ticks: startTicks, started_at: startedAt, socket })}\n`, 0);
}

/** The holder writes its name a moment after it has the lock, and what stood there before is that of a dead one. */
async function holderOf(lock: string): Promise<Holder | null> {
  for (let tries = 0; tries < 50; tries++) {
    const holder = await readHolder(lock);
    if (holder !== null) return holder;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return null;
}

function alreadyRunning(holder: Holder | null, where: string): PoolctlError {
  const who = holder === null ? 'another supervisor' : `pid ${holder.pid}`;
  return new PoolctlError('ALREADY_RUNNING', `cannot start a supervisor: ${who} already runs ${where}`, {
    ...(holder === null
      ? {}
      : {
          why: `it serves ${holder.socket} since ${holder.startedAt}`,
          extra: { pid: holder.pid, socket: holder.socket, started_at: holder.startedAt },
        }),
    hint: 'poolctl status',
  });
}

function parseHolder(text: string): Holder | null {
  const { pid, start_ticks: startTicks, started_at: startedAt, socket } = JSON.parse(text) as Partial<Record<string, unknown>>;
  const whole =
    typeof pid === 'number' && typeof startTicks === 'number' && typeof startedAt === 'string' && typeof socket === 'string';
  return whole ? { pid, startTicks, startedAt, socket } : null;
}
