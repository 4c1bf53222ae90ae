/** The state directory: ours alone, or not used at all, since whoever can write there can make us kill, read and run what he likes. */

import { lstat, mkdir, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PoolctlError } from '../errors.js';

/**
 * Makes the directory (0700) where it is missing, and answers its true path. @throws PoolctlError STATE_DIR_UNSAFE when it is a symlink, no
 * directory, somebody else's, or open to others, and when it cannot be made.
 */
export async function prepareStateDir(path: string, uid: number): Promise<string> {
  const unsafe = (what: string, hint: string): PoolctlError =>
    new PoolctlError('STATE_DIR_UNSAFE', `cannot use the state directory "${path}": ${what}`, { hint });
  try {
    await makeWithParents(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw unsafe(code === 'ENOTDIR' ? 'a part of it is not a directory' : message, elsewhere);
  }
  const found = await lstat(path);
  if (found.isSymbolicLink()) throw unsafe('it is a symbolic link', elsewhere);
  if (!found.isDirectory()) throw unsafe('it is not a directory', elsewhere);
  if (found.uid !== uid) throw unsafe(`it belongs to uid ${found.uid}, and this is uid ${uid}`, elsewhere);
  if ((found.mode & 0o077) !== 0)
    throw unsafe(`others may use it (mode ${(found.mode & 0o777).toString(8).padStart(4, '0')}, not 0700)`, `chmod 700 ${path}`);
  return realpath(path);
}

const elsewhere = 'name another one: --state-dir DIR or $POOLCTL_STATE_DIR';

/** What lies at the path already is looked at afterwards. Node's own `recursive` never ends where nothing can be made, as in /proc. */
async function makeWithParents(path: string): Promise<void> {
  const make = (): Promise<void> =>
    mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  try {
    await make();
  } catch (error) {
    const isThere = await lstat(dirname(path)).catch(() => null);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || isThere !== null) throw error;
    await makeWithParents(dirname(path));
    await make();
  }
}
