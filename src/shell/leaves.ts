/**
 * The cgroups of a supervisor's engines: one leaf each, in a directory that is named after the state directory, below the cgroup of the supervisor
 * that launched them. Whoever is born in a leaf stays in it, whatever he does with his group, his environment and his descriptors.
 */

import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, realpathSync, rmdirSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ReplicaKey } from '../core/model.js';
import { membersOf, treeOf } from '../host/cgroups.js';
import { partsOf } from '../host/paths.js';

export type Owner = { readonly key: ReplicaKey; readonly instance: string };

/** By the instance of a launch; one that has no leaf has nobody in it. */
export type Leaves = {
  /** Its directory; null where it has none. */
  leafOf(instance: string): string | null;
  /** The numbers of those who live in it now. */
  members(instance: string): readonly number[];
  /** SIGKILL to all of them at once; false where the kernel does not offer that (before 5.14). */
  kill(instance: string): boolean;
  /** Removes it where nobody is left in it. To be called again where somebody may have been. */
  drop(instance: string): void;
};

export const noLeaves: Leaves = { leafOf: () => null, members: () => [], kill: () => false, drop: () => {} };

/** The name of the directory that holds the leaves of this state directory. */
export function homeName(stateDir: string): string {
  return `poolctl-${createHash('sha256').update(trueName(stateDir)).digest('hex').slice(0, 12)}`;
}

/** A replica's name is short, and no instance is given twice: nothing else has this name. */
export function leafName(key: ReplicaKey, instance: string): string {
  const { poolId, replicaId } = partsOf(key);
  return `${poolId}.${replicaId}.${instance}`;
}

/** Whose leaf this is; null where it is none. */
export function ownerOf(dir: string): Owner | null {
  const [poolId, replicaId, instance, ...more] = basename(dir).split('.');
  if (replicaId === undefined || instance === undefined || more.length > 0) return null;
  return { key: `${poolId}/${replicaId}` as ReplicaKey, instance };
}

/** `known`: where each is, by the instance of its launch. */
export function leavesIn(known: Map<string, string>): Leaves {
  return {
    leafOf: (instance) => known.get(instance) ?? null,
    members(instance) {
      const leaf = known.get(instance);
      return leaf === undefined ? [] : membersOf(leaf);
    },
    kill(instance) {
      const leaf = known.get(instance);
      return leaf !== undefined && put(join(leaf, 'cgroup.kill'), '1');
    },
    drop(instance) {
      const leaf = known.get(instance);
      if (leaf !== undefined && removeTree(leaf)) known.delete(instance);
    },
  };
}

/**
 * Those of a state directory that are there now, by instance: an earlier supervisor may have run elsewhere in the hierarchy, so all that is below
 * `mount` is looked at. Some 60 us a cgroup.
 */
export function findLeaves(mount: string, stateDir: string): Map<string, string> {
  const home = homeName(stateDir);
  return new Map(
    treeOf(mount).flatMap((dir) => {
      const owner = basename(dirname(dir)) === home ? ownerOf(dir) : null;
      return owner === null ? [] : [[owner.instance, dir]];
    }),
  );
}

/** Removes a group and those below it; false where somebody is left in one, or it is not ours to remove. */
export function removeTree(dir: string): boolean {
  return remove(dir) || treeOf(dir).every(remove);
}

function remove(dir: string): boolean {
  try {
    rmdirSync(dir);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

/** Writes to a file of the hierarchy, which is never made by that; false where it is not there or the kernel refuses. */
export function put(file: string, text: string): boolean {
  try {
    const fd = openSync(file, constants.O_WRONLY);
    try {
      writeSync(fd, text);
      return true;
    } finally {
      closeSync(fd);
    }
  } catch {
    return false;
  }
}

/** A state directory may be reached by several paths. */
function trueName(stateDir: string): string {
  try {
    return realpathSync(stateDir);
  } catch {
    return stateDir;
  }
}
