/**
 * A lock that the kernel drops when its holder is gone, however it went. Node cannot lock a file, so a short-lived `flock` does it on our own open
 * file: the lock belongs to the open file and not to the process that asked for it. Children do not inherit the descriptor. A file can be taken away
 * from under its lock, so a name goes with it that lies in no directory: while that is held, a new file of the same path is nobody else's.
 */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import { nameHolder } from '../host/net.js';
import { sweepProcesses } from '../host/proc.js';

export type FileLock = {
  /** The locked file: the holder may write its name into it, in place. Another one after it was made again. */
  readonly file: FileHandle;
  /** Whether the file that has the path is the locked one. */
  stands(): Promise<boolean>;
  /**
   * Makes the file again that somebody took away, and locks it, before the old one is let go; false where another has locked what lies there now.
   * Rejects where it cannot be made.
   */
  remake(): Promise<boolean>;
  release(): Promise<void>;
};

/** Locks a file, making it (0600) where it is missing; null when somebody else holds it. `flock` is that program's path, null where there is none. */
export async function lockFile(path: string, flock: string | null, uid: number): Promise<FileLock | null> {
  let file = await openLocked(path, flock);
  if (file === null) return null;
  let name: Name | null;
  try {
    name = await claimName(path, uid);
    if (name === null && (flock === null || (await isHeldByName(path, uid)))) {
      await file.close();
      return null;
    }
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    get file() {
      return file as FileHandle;
    },
    stands: () => isAt(file as FileHandle, path),
    async remake() {
      const another = await openLocked(path, flock);
      if (another === null) return false;
      await file?.close();
      file = another;
      return true;
    },
    async release() {
      // Whoever gets the file is not to find its name taken yet.
      await name?.release();
      await file?.close();
    },
  };
}

/** Null where somebody else has locked it. */
async function openLocked(path: string, flock: string | null): Promise<FileHandle | null> {
  for (;;) {
    const file = await openWithoutEmptying(path);
    const isLocked = flock === null || (await lockOpen(file, flock));
    if (isLocked && (await isAt(file, path))) return file;
    await file.close();
    if (!isLocked) return null;
    // Its last holder unlinked it between our opening and our locking: what we held was a file without a name.
  }
}

async function lockOpen(file: FileHandle, flock: string): Promise<boolean> {
  const { status, error } = spawnSync(flock, ['-n', '-x', '3'], { stdio: ['ignore', 'ignore', 'ignore', file.fd] });
  if (error === undefined && (status === 0 || status === 1)) return status === 0;
  await file.close();
  throw error ?? new Error(`"${flock}" failed with exit status ${status}: does the file system know locks?`);
}

type Name = { release(): Promise<void> };

/** An abstract socket: the kernel frees its name with the process. Seen within one network namespace only, and anybody there may take it. */
function claimName(path: string, uid: number): Promise<Name | null> {
  return new Promise((resolve, reject) => {
    const server: Server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(null) : reject(error)));
    server.listen(`\0${nameOf(path, uid)}`, () => {
      server.unref();
      resolve({ release: () => new Promise((closed) => server.close(() => closed())) });
    });
  });
}

function nameOf(path: string, uid: number): string {
  return `poolctl-${uid}-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`;
}

/**
 * Whether the name is that of a process of this user which means the same directory: in a container the same path may be another one, and a stranger
 * who took the name is not to keep us from our file.
 */
async function isHeldByName(path: string, uid: number): Promise<boolean> {
  const pid = await nameHolder(nameOf(path, uid), await sweepProcesses());
  if (pid === null) return false;
  const root = `/proc/${pid}`;
  const [holder, ours, theirs] = await Promise.all(
    [root, dirname(path), `${root}/root${dirname(path)}`].map((each) => stat(each).catch(() => null)),
  );
  return holder?.uid === uid && ours != null && theirs?.ino === ours.ino && theirs.dev === ours.dev;
}

/** 'r+' needs the file, 'wx+' needs that there is none, and 'a' would not write in place: so one, then the other. */
async function openWithoutEmptying(path: string): Promise<FileHandle> {
  for (;;) {
    const file = await open(path, 'r+').catch(unless('ENOENT'));
    if (file !== null) return file;
    const made = await open(path, 'wx+', 0o600).catch(unless('EEXIST'));
    if (made !== null) return made;
  }
}

function unless(code: string): (error: NodeJS.ErrnoException) => null {
  return (error) => {
    if (error.code === code) return null;
    throw error;
  };
}

async function isAt(file: FileHandle, path: string): Promise<boolean> {
  const [held, there] = await Promise.all([file.stat(), stat(path).catch(() => null)]);
  return there !== null && there.ino === held.ino && there.dev === held.dev;
}
