/** The state directory: ours alone, or not used at all, since whoever can write there can make us kill, read and run what he likes. */

import { lstat, mkdir, realpath } from 'node:fs/promises';
import { PoolctlError } from '../errors.js';

/**
 * Makes the directory (0700) where it is missing, and answers its true path. @throws PoolctlError STATE_DIR_UNSAFE when it is a symlink, no
 * directory, somebody else's, or open to others, and when it cannot be made.
 */
export async function prepareStateDir(path: string, uid: number): Promise<string> {
  const unsafe = (what: string, hint: string): PoolctlError =>
    new PoolctlError('STATE_DIR_UNSAFE', `cannot use the state directory "${path}": ${what}`, { hint });
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // A link to nowhere fails here already, with a message that says nothing of the link.
    const isLink = await lstat(path).then(
      (found) => found.isSymbolicLink(),
      () => false,
    );
    if (isLink) throw unsafe('it is a symbolic link', elsewhere);
    throw unsafe(code === 'EEXIST' || code === 'ENOTDIR' ? 'a part of it is not a directory' : message, elsewhere);
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
