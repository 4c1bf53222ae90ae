/** NVIDIA's error numbers, as the kernel's log tells them, and what the catalogue says to do at once. */

import { type Draft, type Rule, rulesOf } from './rule.js';

type Remedy = 'restart' | 'reset' | 'reboot' | 'ignore';

/** Null for a number that is not in the catalogue's short list: nobody can say. */
export function remedyOf(xid: number): Remedy | null {
  return rows.find(([number]) => number === xid)?.[1] ?? null;
}

/** What the number means: a phrase that goes on after the device's name, "has fallen off the bus (Xid 79)". */
export function xidPhrase(xid: number): string {
  const means = rows.find(([number]) => number === xid)?.[2] ?? 'reported an error';
  return `${means} (Xid ${xid}${ofMemory.has(xid) ? ', ECC' : ''})`;
}

/** The same as a sentence without its full stop. */
export function xidMeaning(xid: number): string {
  return `The GPU ${xidPhrase(xid)}`;
}

const rows: readonly (readonly [number, Remedy, string])[] = [
  [13, 'restart', 'reported a fault in a kernel of a program'],
  [31, 'restart', 'reported a page fault of a program'],
  [32, 'restart', 'reported a corrupted command stream'],
  [43, 'ignore', 'stopped the work of a program'],
  [45, 'ignore', 'cleared work away after another error'],
  [46, 'reset', 'stopped processing'],
  [48, 'reset', 'reported an uncorrectable memory error'],
  [62, 'reset', 'has a micro-controller that halted'],
  [63, 'ignore', 'has a row of memory that is to be replaced at the next reset'],
  [64, 'reset', 'has a row of memory that could not be replaced'],
  [74, 'reset', 'reported an NVLink error'],
  [79, 'reboot', 'has fallen off the bus'],
  [92, 'ignore', 'reported many single-bit memory errors'],
  [94, 'restart', 'reported a memory error that was contained to a program'],
  [95, 'reset', 'reported a memory error that was not contained'],
  [109, 'reset', 'timed out in a context switch'],
  [119, 'reset', 'has a system processor that does not answer'],
  [120, 'reset', 'has a system processor that failed'],
  [140, 'reset', 'reported an uncorrectable memory error'],
  [143, 'reset', 'could not be initialized'],
  [154, 'ignore', 'needs something else than before to recover'],
];

/** Errors of its memory that its ECC found. */
const ofMemory: ReadonlySet<number> = new Set([48, 63, 64, 92, 94, 95, 140]);

/** Rules for the kernel's lines. The most telling first: 154 says in words what is to be done. */
export const xidRules: readonly Rule[] = [
  ...rulesOf('driver', [
    {
      subclass: 'xid_154',
      says: 'The GPU says that the machine must be rebooted',
      cure: 'reboot',
      phrases: ['Xid (PCI:*): 154, *Node Reboot Required', 'Xid (PCI:*): 154 *Node Reboot Required'],
      example: 'NVRM: Xid (PCI:0000:0a:00): 154, GPU recovery action changed from 0x0 (None) to 0x2 (Node Reboot Required)',
    },
    {
      subclass: 'xid_154',
      says: 'The GPU says that it must be reset',
      cure: 'reset',
      phrases: ['Xid (PCI:*): 154, *GPU Reset Required', 'Xid (PCI:*): 154, *Drain and Reset'],
      example: 'NVRM: Xid (PCI:0000:0a:00): 154, GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)',
    },
  ]),
  ...rows.flatMap(([xid, remedy]) => rulesOf(classOf(xid, remedy), [draftOf(xid, remedy)])),
  ...rulesOf('gpu_error', [
    {
      subclass: 'xid',
      says: 'The GPU reported an error (Xid)',
      weight: 'symptom',
      phrases: ['NVRM: Xid (PCI:*): #'],
      example: 'NVRM: Xid (PCI:0000:0a:00): 38, pid=4711, name=python3',
    },
  ]),
];

/** Of the kind that no restart cures, and the row that is to be replaced; the rest is of one process only. */
function classOf(xid: number, remedy: Remedy): 'driver' | 'gpu_error' {
  return remedy === 'reset' || remedy === 'reboot' || xid === 63 || xid === 154 ? 'driver' : 'gpu_error';
}

function draftOf(xid: number, remedy: Remedy): Draft {
  return {
    subclass: `xid_${xid}`,
    says: xidMeaning(xid),
    weight: remedy === 'ignore' ? 'notice' : 'cause',
    restartable: remedy === 'restart' || remedy === 'ignore',
    cure: remedy === 'reset' || remedy === 'reboot' ? remedy : null,
    phrases: [`Xid (PCI:*): ${xid},`, `Xid * GPU*: ${xid},`, `Xid (PCI:*): ${xid} `],
    example: `NVRM: Xid (PCI:0000:0a:00): ${xid}, pid=4711, name=llama-server, Ch 00000008`,
  };
}
