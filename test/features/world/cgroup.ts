/** A memory cgroup of the scenario's own, where the machine lets us make one. */

import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type MemoryCgroup = { readonly procs: string; remove(): void };

/** Null where none can be made: not root, a read-only hierarchy, or one without the memory controller. */
export function makeMemoryCgroup(name: string, mebibytes: number): MemoryCgroup | null {
  for (const { root, limit } of hierarchies) {
    if (!existsSync(root)) continue;
    const dir = join(root, name);
    try {
      mkdirSync(dir);
      if (existsSync(join(dir, limit))) {
        writeFileSync(join(dir, limit), String(mebibytes * 2 ** 20));
        return { procs: join(dir, 'cgroup.procs'), remove: () => remove(dir) };
      }
      remove(dir);
    } catch {
      remove(dir);
    }
  }
  return null;
}

const hierarchies = [
  { root: '/sys/fs/cgroup/memory', limit: 'memory.limit_in_bytes' },
  { root: '/sys/fs/cgroup', limit: 'memory.max' },
] as const;

/** It cannot go while a process is in it; those of a scenario have ended by then. */
function remove(dir: string): void {
  try {
    rmdirSync(dir);
  } catch {}
}
