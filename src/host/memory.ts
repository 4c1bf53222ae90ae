/** Who holds the machine's memory: whole trees of processes, by what the kernel says of each. */

import { readFileSync } from 'node:fs';
import { isLiving, machineMemory, type ProcessStat, type Sweep } from './proc.js';

/** `residentBytes`: of each of these processes with its tree, by its pid. */
export type MemoryReading = Awaited<ReturnType<typeof machineMemory>> & {
  readonly residentBytes: ReadonlyMap<number, number>;
};

/** Reads the machine's memory and that of some engines. Never rejects: what cannot be read is null, or left out. */
export function memoryReader(sweep: () => Promise<Sweep>): (pids: readonly number[]) => Promise<MemoryReading> {
  return async (pids) => {
    const [machine, resident] = await Promise.all([
      machineMemory(),
      // Where no descriptor is left, a scrape still tells the rest.
      pids.length === 0
        ? nobody
        : sweep()
            .then((all) => residentBytes(pids, all))
            .catch(() => nobody),
    ]);
    return { ...machine, residentBytes: resident };
  };
}

/**
 * The resident bytes of each leader's group and of everybody below it, by the leader's pid; none where nobody is there. Pages that processes share are
 * counted for each of them. No process is disturbed, and the event loop gets its turn in between.
 */
export async function residentBytes(leaders: readonly number[], sweep: Sweep): Promise<ReadonlyMap<number, number>> {
  const { byGroup, byParent } = index(sweep);
  const found = new Map<number, number>();
  let inSlice = 0;
  for (const leader of leaders) {
    const tree = new Set<number>(byGroup.get(leader) ?? []);
    // A set that grows while it is walked: everybody's children come in turn.
    for (const pid of tree) for (const child of byParent.get(pid) ?? []) tree.add(child);
    let total: number | null = null;
    for (const pid of tree) {
      if (++inSlice > pidsPerSlice) {
        inSlice = 0;
        await new Promise((resolve) => setImmediate(resolve));
      }
      const bytes = residentBytesOf(pid);
      if (bytes !== null) total = (total ?? 0) + bytes;
    }
    if (total !== null) found.set(leader, total);
  }
  return found;
}

const nobody: ReadonlyMap<number, number> = new Map();

/** About 1 ms of reading. */
const pidsPerSlice = 50;

/** By its page of the kernel in KiB, since the size of a memory page is not the same on every machine; null where the process is gone. */
function residentBytesOf(pid: number): number | null {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kib === undefined ? null : Number(kib) * 1024;
  } catch {
    return null;
  }
}

function index(sweep: Sweep): Readonly<Record<'byGroup' | 'byParent', ReadonlyMap<number, readonly number[]>>> {
  const byGroup = new Map<number, number[]>();
  const byParent = new Map<number, number[]>();
  const put = (into: Map<number, number[]>, key: number, { pid }: ProcessStat): void => {
    const there = into.get(key);
    if (there === undefined) into.set(key, [pid]);
    else there.push(pid);
  };
  for (const each of sweep.values()) {
    if (!isLiving(each)) continue;
    put(byGroup, each.pgrp, each);
    put(byParent, each.ppid, each);
  }
  return { byGroup, byParent };
}
