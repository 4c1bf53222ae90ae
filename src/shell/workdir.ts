/** The directory that an engine starts in, where the inventory names none: the replica's own, 0700, its user's. */

import { createHash } from 'node:crypto';
import { chmod, chown, lstat, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { EngineUser } from '../host/users.js';

export type WorkPlace = {
  /** `<state>/work`. */
  readonly workDir: string;
  /**
   * Where directories of other users' engines go: the state directory is 0700, and they could not even resolve their own path in it. Made where it
   * is missing, and not used where anybody else could write.
   */
  readonly sharedDir: string;
  readonly uid: number;
};

/** The path; nothing is made. */
export function defaultWorkdir(place: WorkPlace, poolId: string, replicaId: string, user: EngineUser | null): string {
  return join(rootOf(place, user), poolId, replicaId);
}

export type Unusable = {
  readonly why: string;
  /** The disk takes nothing just now, or the state directory itself is gone: no fault of whoever is launched. */
  readonly isForWantOfDisk: boolean;
};

/** Makes it where it is missing. Null, or why it cannot be used. */
export async function prepareWorkdir(
  place: WorkPlace,
  poolId: string,
  replicaId: string,
  user: EngineUser | null,
): Promise<Unusable | null> {
  const path = defaultWorkdir(place, poolId, replicaId, user);
  try {
    if (user === null) {
      await mkdir(path, { recursive: true, mode: 0o700 });
      return null;
    }
    const root = rootOf(place, user);
    for (const dir of [place.sharedDir, root, join(root, poolId)]) {
      await makeOwn(dir, 0o711);
      const found = await lstat(dir);
      if (!found.isDirectory() || found.uid !== place.uid || (found.mode & 0o022) !== 0)
        return refused(`"${dir}" is not ours alone`);
    }
    if (await makeOwn(path, 0o700)) await chown(path, user.uid, user.gid);
    const { uid } = await lstat(path);
    return uid === user.uid ? null : refused(`"${path}" belongs to uid ${uid}, not to ${user.name}`);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const state = await lstat(dirname(place.workDir)).catch(() => null);
    return { why: message, isForWantOfDisk: diskErrors.has(code ?? '') || state?.isDirectory() !== true };
  }
}

const refused = (why: string): Unusable => ({ why, isForWantOfDisk: false });

const diskErrors: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']);

function rootOf({ workDir, sharedDir }: WorkPlace, user: EngineUser | null): string {
  if (user === null) return workDir;
  const tag = createHash('sha256').update(workDir).digest('hex').slice(0, 12);
  return join(sharedDir, tag);
}

/** Whether it was made now. The umask takes bits from the mode of a new directory, and others must be able to pass through some of these. */
async function makeOwn(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, { mode });
    await chmod(path, mode);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
