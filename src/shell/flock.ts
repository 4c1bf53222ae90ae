/**
 * A lock that the kernel drops when its holder is gone, however it went. Node cannot lock a file, so a short-lived `flock` does it on our own open
 * file: the lock belongs to the open file and not to the process that asked for it. Children do not inherit the descriptor.
 */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';

export type FileLock = {
  /** The locked file: the holder may write its name into it, in place. */
  readonly file: FileHandle;
  release(): Promise<void>;
};

/** Locks a file, making it (0600) where it is missing; null when somebody else holds it. `flock` is that program's path, null where there is none. */
export async function lockFile(path: string, flock: string | null, uid: number): Promise<FileLock | null> {
  for (;;) {
    const file = await openWithoutEmptying(path);
    const stand = flock === null ? await lockByName(path, uid) : lockByFile(file, flock);
    if (stand === null) {
      await file.close();
      return null;
    }
    const lock: FileLock = {
      file,
      async release() {
        await file.close();
        await stand.release();
      },
    };
    if (await isAt(file, path)) return lock;
    // Its last holder unlinked it between our opening and our locking: what we hold is a file without a name.
    await lock.release();
  }
}

type Stand = { release(): Promise<void> };

function lockByFile(file: FileHandle, flock: string): Stand | null {
  const { status, error } = spawnSync(flock, ['-n', '-x', '3'], { stdio: ['ignore', 'ignore', 'ignore', file.fd] });
  if (error !== undefined) throw error;
  if (status === 0) return { release: () => Promise.resolve() };
  if (status === 1) return null;
  throw new Error(`"${flock}" failed with exit status ${status}: does the file system know locks?`);
}

/** An abstract socket: the kernel frees its name with the process. Seen within one network namespace only, hence the second choice. */
function lockByName(path: string, uid: number): Promise<Stand | null> {
  const name = `\0poolctl-${uid}-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`;
  return new Promise((resolve, reject) => {
    const server: Server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(null) : reject(error)));
    server.listen(name, () => {
      server.unref();
      resolve({ release: () => new Promise((closed) => server.close(() => closed())) });
    });
  });
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
