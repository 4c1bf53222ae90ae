/**
 * How engines are held together: each in a cgroup of its own where this supervisor was given a part of the hierarchy, and whoever it forks with it;
 * else by its process group, and by looks for whoever has left that.
 *
 * A cgroup that gives a controller to those below it can have no process of its own. So in a service of systemd none is given: nothing could be
 * started in it any more as long as an engine lives below it, and engines outlive supervisors. In a scope nothing is ever started again.
 */

import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import type { ReplicaKey } from '../core/model.js';
import { delegationFlaw, processesIn, seatOf } from '../host/cgroups.js';
import { joinChain } from './launch-chain.js';
import { findLeaves, homeName, type Leaves, leafName, leavesIn, type Owner, ownerOf, put, removeTree } from './leaves.js';

export type Containment = Leaves & {
  level(): 'cgroup' | 'group';
  /** Makes the cgroup of a launch: the links of the launch chain by which the engine is born in it. None where there can be none. */
  contain(key: ReplicaKey, instance: string, env: Readonly<Record<string, string>>): readonly string[];
  /** Who was there before, so far as it is known: who had a cgroup where this supervisor makes its own, and whom `findEarlier` has found. */
  earlier(): readonly Owner[];
  /** Looks for the cgroups of engines of an earlier supervisor, wherever that ran. */
  findEarlier(): void;
  /** Removes what is empty. */
  close(): void;
};

export type Place = { readonly stateDir: string /** Its path; null where there is none. */; readonly bash: string | null };

/** Tries it out, with a process. Never rejects. To be called by the holder of the state directory's lock. */
export async function openContainment({ stateDir, bash }: Place): Promise<Containment> {
  const seat = seatOf('self');
  const home = seat.ok ? join(seat.value.dir, homeName(stateDir)) : '';
  const own = seat.ok && delegationFlaw(seat.value) === null && (await canJoin(home));
  if (own) countMemory(seat.value.dir, home);
  const known = own ? findLeaves(home, stateDir) : new Map<string, string>();
  const leaves = leavesIn(known);
  /** Somebody who was dead but not gone yet was in them. */
  const left = new Set<string>();
  /** Whether the last launch had its own. */
  let contained = own;

  function make(key: ReplicaKey, instance: string, env: Readonly<Record<string, string>>): readonly string[] {
    const leaf = join(home, leafName(key, instance));
    const links = joinChain(join(leaf, 'cgroup.procs'), env, bash);
    if (links === null) return [];
    try {
      mkdirSync(leaf, { recursive: true });
    } catch {
      return [];
    }
    known.set(instance, leaf);
    return links;
  }

  function drop(instance: string): void {
    leaves.drop(instance);
    if (known.has(instance)) left.add(instance);
    else left.delete(instance);
  }

  return {
    ...leaves,
    drop,
    level: () => (contained ? 'cgroup' : 'group'),
    contain(key, instance, env) {
      if (!own) return [];
      for (const each of left) drop(each);
      const links = make(key, instance, env);
      contained = links.length > 0;
      return links;
    },
    earlier: () => [...known.values()].flatMap((dir) => ownerOf(dir) ?? []),
    findEarlier() {
      if (!seat.ok) return;
      for (const [instance, leaf] of findLeaves(seat.value.mount, stateDir)) known.set(instance, leaf);
    },
    close() {
      for (const each of left) drop(each);
      if (own) removeTree(home);
    },
  };
}

/** Has the kills for want of memory counted for each engine, where that can be. */
export function countMemory(dir: string, home: string): void {
  if (basename(dir).endsWith('.scope') && processesIn(dir).join() === String(process.pid)) stepAside(dir);
  put(join(home, 'cgroup.subtree_control'), '+memory');
}

/** Moves this process into a cgroup below its own, so that this one can give others the controller; back again where it cannot. */
function stepAside(dir: string): void {
  const aside = join(dir, 'supervisor');
  try {
    mkdirSync(aside, { recursive: true });
  } catch {
    return;
  }
  const given = put(join(aside, 'cgroup.procs'), '0') && put(join(dir, 'cgroup.subtree_control'), '+memory');
  if (given) return;
  put(join(dir, 'cgroup.procs'), '0');
  removeTree(aside);
}

/** Makes `home`, with nothing in it that is empty, and has a process join a group there. */
async function canJoin(home: string): Promise<boolean> {
  try {
    mkdirSync(home, { recursive: true });
    for (const each of readdirSync(home, { withFileTypes: true })) if (each.isDirectory()) removeTree(join(home, each.name));
    const trial = join(home, 'trial');
    mkdirSync(trial, { recursive: true });
    try {
      await promisify(execFile)('/bin/sh', ['-c', 'echo 0 >"$1"', 'sh', join(trial, 'cgroup.procs')], { timeout: trialMs });
      return true;
    } finally {
      removeTree(trial);
    }
  } catch {
    removeTree(home);
    return false;
  }
}

const trialMs = 5_000;
