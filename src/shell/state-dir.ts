/** The state directory: ours alone, or not used at all, since whoever can write there can make us kill, read and run what he likes. */

import type { Stats } from 'node:fs';
import { lstat, mkdir, realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { PoolctlError } from '../errors.js';
import { placesIn } from '../host/paths.js';

/**
 * Makes the directory (0700) where it is missing, and answers its true path. @throws PoolctlError STATE_DIR_UNSAFE when it is a symlink, no
 * directory, somebody else's, or open to others, when one of the places that we use in it is a symlink or somebody else's, and when it cannot be made.
 */
export async function prepareStateDir(path: string, uid: number): Promise<string> {
  try {
    await makeWithParents(path);
  } catch (error) {
    throw unusable(path, unreachable(error as NodeJS.ErrnoException));
  }
  const flaw = await stateDirFlaw(path, uid);
  if (flaw !== null) throw unusable(path, flaw);
  return realpath(path);
}

/** The refusal of a state directory. */
export function unusable(
  path: string,
  { what, hint = elsewhere }: { readonly what: string; readonly hint?: string },
): PoolctlError {
  return new PoolctlError('STATE_DIR_UNSAFE', `cannot use the state directory "${path}": ${what}`, { hint });
}

export type StateDirFlaw = { readonly what: string; readonly hint: string };

/** Why a directory could not be used; null where it could, or is not there yet. Makes nothing. */
export async function stateDirFlaw(path: string, uid: number): Promise<StateDirFlaw | null> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) return found.code === 'ENOENT' ? null : unreachable(found);
  return flawOf(path, found, uid) ?? flawWithin(path, uid);
}

/** Once it was open to others, they may have left something where we would write, delete or believe what stands there. */
async function flawWithin(path: string, uid: number): Promise<StateDirFlaw | null> {
  for (const place of placesIn(path)) {
    const found = await lstat(place).catch(() => null);
    const hint = `move it away: mv ${place} ELSEWHERE`;
    if (found?.isSymbolicLink()) return { what: `"${basename(place)}" in it is a symbolic link`, hint };
    if (found && found.uid !== uid)
      return { what: `"${basename(place)}" in it belongs to uid ${found.uid}, and this is uid ${uid}`, hint };
  }
  return null;
}

function unreachable({ code, message }: NodeJS.ErrnoException): StateDirFlaw {
  return { what: code === 'ENOTDIR' ? 'a part of it is not a directory' : message, hint: elsewhere };
}

function flawOf(path: string, found: Stats, uid: number): StateDirFlaw | null {
  if (found.isSymbolicLink()) return { what: 'it is a symbolic link', hint: elsewhere };
  if (!found.isDirectory()) return { what: 'it is not a directory', hint: elsewhere };
  if (found.uid !== uid) return { what: `it belongs to uid ${found.uid}, and this is uid ${uid}`, hint: elsewhere };
  if ((found.mode & 0o077) === 0) return null;
  const mode = (found.mode & 0o777).toString(8).padStart(4, '0');
  return { what: `others may use it (mode ${mode}, not 0700)`, hint: `chmod 700 ${path}` };
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
