/** How much the processor has worked for some processes. */

import { readFileSync } from 'node:fs';

/**
 * The CPU time of these processes and of the children that they have reaped, in clock ticks, so that it never shrinks while a tree lives. Null where
 * none of them is there.
 */
export function cpuTicksOf(pids: readonly number[]): number | null {
  const ticks = pids.map(ticksOf).filter((each) => each !== null);
  return ticks.length === 0 ? null : ticks.reduce((sum, each) => sum + each, 0);
}

/** Fields 14 to 17 of the stat file: its own time in user mode and in the kernel, and that of its reaped children. */
function ticksOf(pid: number): number | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticks = fields.slice(11, 15).map(Number);
    return ticks.length === 4 && ticks.every(Number.isFinite) ? ticks.reduce((sum, each) => sum + each, 0) : null;
  } catch {
    return null;
  }
}
