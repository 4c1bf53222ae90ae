/** cgroups of a test's own, where this machine lets us make some. */

import { chownSync, mkdtempSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { delegationFlaw, membersOf, seatOf, treeOf } from '../../src/host/cgroups.js';

/** Why there can be none; null where there can. */
export function whyNoCgroups(): string | null {
  const seat = seatOf('self');
  if (!seat.ok) return seat.error;
  const flaw = delegationFlaw(seat.value);
  if (flaw !== null) return flaw;
  try {
    rmdirSync(mkdtempSync(join(seat.value.dir, 'poolctl-test-')));
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

export type Cgroup = {
  readonly dir: string;
  /** Words before a command, which is run in it. */
  readonly within: readonly string[];
  /** All below it, itself among them, by their paths from it. */
  below(): readonly string[];
  /** @throws if somebody goes on living in it */
  remove(): Promise<void>;
};

/** `childless`: it may have none below it, as where nothing is delegated. `user`: it is delegated to this one, who runs what is run in it. */
export type CgroupWish = { readonly childless?: boolean; readonly user?: number };

/** Below our own. */
export function makeCgroup({ childless = false, user }: CgroupWish = {}): Cgroup {
  const seat = seatOf('self');
  if (!seat.ok) throw new Error(seat.error);
  const dir = mkdtempSync(join(seat.value.dir, 'poolctl-test-'));
  if (childless) writeFileSync(join(dir, 'cgroup.max.descendants'), '0');
  const as = user === undefined ? [] : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', '--'];
  // What systemd hands over of a unit's cgroup.
  for (const each of user === undefined ? [] : ['', 'cgroup.procs', 'cgroup.threads', 'cgroup.subtree_control'])
    chownSync(join(dir, each), user ?? 0, user ?? 0);
  return {
    dir,
    within: ['/bin/sh', '-c', 'echo 0 >"$0" && exec "$@"', join(dir, 'cgroup.procs'), ...as],
    below: () => treeOf(dir).map((each) => each.slice(dir.length)),
    remove: async () => {
      // Who was killed a moment ago may be dying yet, and the kernel tells nobody when they are gone.
      for (const begun = performance.now(); membersOf(dir).length > 0; await new Promise((resolve) => setTimeout(resolve, 5))) {
        if (performance.now() - begun < patienceMs) continue;
        writeFileSync(join(dir, 'cgroup.kill'), '1');
        throw new Error(`somebody was left in ${dir}`);
      }
      for (const each of treeOf(dir)) rmdirSync(each);
    },
  };
}

const patienceMs = 10_000;
