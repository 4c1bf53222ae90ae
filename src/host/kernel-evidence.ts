/** What lines of the kernel's log say of one process that has ended, and whether they are about it at all. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KernelEvidence } from '../core/crash.js';
import { pciAddress } from '../devices/pci.js';

/** Who has ended, as the kernel may name it. */
export type Dead = {
  readonly pid: number;
  /** Its children and theirs, as they were last seen. */
  readonly descendants: ReadonlySet<number>;
  /** PCI addresses of its devices; null where one is not known. */
  readonly devices: readonly (string | null)[];
};

/** "Out of memory: Killed process 812 (llama-server) total-vm:…", of itself or of a worker without which it cannot live. */
export function killOf({ pid, descendants }: Dead, text: string): readonly KernelEvidence[] {
  const victim = victimOf(text);
  return victim !== null && (victim === pid || descendants.has(victim)) ? [{ kind: 'oom', source: 'kernel', text }] : [];
}

/** By the pid that it has for the kernel; null: the line tells of no kill. */
export function victimOf(text: string): number | null {
  const pid = /Killed process (\d+) /.exec(text)?.[1];
  return pid === undefined ? null : Number(pid);
}

/**
 * "NVRM: Xid (PCI:0000:65:00): 79, pid=812, name=python, GPU has fallen off the bus." The driver does not always know who it was; then the device
 * tells, where those of the dead are known. The worker of an engine that has ended is gone as well, which another engine's is not.
 */
export function xidOf({ pid, descendants, devices }: Dead, text: string, proc: string): readonly KernelEvidence[] {
  const [, address = '', xid, whose] = /NVRM: Xid \(([^) ]*)[^)]*\): (\d+)(?:, pid='?<?(\w+)>?'?)?/.exec(text) ?? [];
  if (xid === undefined) return [];
  const evidence: readonly KernelEvidence[] = [{ kind: 'xid', xid: Number(xid), text }];
  const known = whose === undefined ? Number.NaN : Number(whose);
  if (known === pid || descendants.has(known)) return evidence;
  const at = pciAddress(address);
  const elsewhere = at !== null && !devices.includes(null) && !devices.includes(at);
  const another = Number.isInteger(known) && existsSync(join(proc, String(known)));
  return elsewhere || another ? [] : evidence;
}

/** Children of its first thread, and theirs, a bounded number of them; without the kernel's list of them, none. Takes some microseconds each. */
export function descendantsOf(pid: number, proc: string): ReadonlySet<number> {
  const found = new Set([pid]);
  // What is added while the loop runs is visited as well.
  for (const parent of found) {
    for (const child of childrenOf(parent, proc)) {
      if (found.size <= mostDescendants) found.add(child);
    }
  }
  found.delete(pid);
  return found;
}

const mostDescendants = 64;

function childrenOf(pid: number, proc: string): readonly number[] {
  try {
    const text = readFileSync(`${proc}/${pid}/task/${pid}/children`, 'utf8');
    return text === '' ? [] : text.split(' ').map(Number).filter(Boolean);
  } catch {
    return [];
  }
}
