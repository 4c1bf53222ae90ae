/** One supervisor a state directory, and one a socket. The lock's text names its holder, for clients and for whoever comes second. */

import { lstat, mkdir, readFile, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { PoolctlError } from '../errors.js';
import { isAlive, readStat } from '../host/proc.js';
import { type FileLock, lockFile } from './flock.js';
import { prepareStateDir, unusable } from './state-dir.js';

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
   * Takes the place again where directory, lock or the socket's directory were taken away; answers whether anything was made anew. @throws PoolctlError
   * as `lockSupervisor` and `prepareStateDir` do; what is held by then stays held.
   */
  retake(): Promise<boolean>;
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
 * Takes directory and socket for the life of this process. A socket file that nobody serves is removed. Where the disk does not take the holder's name, the
 * lock is held without it until it can be retaken. @throws PoolctlError ALREADY_RUNNING naming the holder when another supervisor has either; USAGE when
 * something that is no socket stands in the socket's place; STATE_DIR_UNSAFE when nothing can be locked there, as on a read-only disk.
 */
export async function lockSupervisor(wish: LockWish): Promise<SupervisorLock> {
  const { stateDir, socket, pid, uid, flock } = wish;
  const holder = { pid, startTicks: readStat(pid)?.startTicks ?? 0, startedAt: wish.startedAt.toISOString(), socket };
  const lock = await lockFile(wish.lock, flock, uid).catch((error: Error) => {
    throw unusable(stateDir, { what: error.message });
  });
  if (lock === null) throw alreadyRunning(await holderOf(wish.lock), `in "${stateDir}"`);
  let socketLock: FileLock | null;
  let isNamed = false;
  try {
    socketLock = await claimSocket(socket, stateDir, flock, uid);
    isNamed = await write(lock, holder).then(
      () => true,
      () => false,
    );
  } catch (error) {
    await lock.release();
    throw error;
  }
  return {
    async retake() {
      let isNew = false;
      if (!(await lock.stands())) {
        await prepareStateDir(stateDir, uid);
        if (!(await lock.remake())) throw alreadyRunning(await readHolder(wish.lock), `in "${stateDir}"`);
        isNew = true;
        isNamed = false;
      }
      if (!isNamed) await write(lock, holder);
      isNamed = true;
      if (socketLock === null || (await socketLock.stands())) return isNew;
      await makeSocketDir(socket);
      if (!(await socketLock.remake())) throw alreadyRunning(null, `on "${socket}"`);
      return true;
    },
    async release() {
      // What lies in a place that was lost is the next one's.
      if (await (socketLock ?? lock).stands()) await unlink(socket).catch(() => undefined);
      await lock.file.truncate(0).catch(() => undefined);
      if ((await socketLock?.stands()) === true) await unlink(lockOf(socket)).catch(() => undefined);
      await socketLock?.release();
      await lock.release();
    },
  };
}

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
  await makeSocketDir(socket);
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

async function makeSocketDir(socket: string): Promise<void> {
  await mkdir(dirname(socket), { recursive: true, mode: 0o700 });
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
