/** NVIDIA's error numbers, as the kernel's log tells them, and what the catalogue says to do at once. */

import { type Draft, type Rule, rulesOf } from './rule.js';

type Remedy = 'restart' | 'reset' | 'reboot' | 'ignore';

/** Null for a number that is not in the catalogue's short list: nobody can say. */
export function remedyOf(xid: number): Remedy | null {
  return rows.find(([number]) => number === xid)?.[1] ?? null;
}

/** What the number means, as a sentence without its full stop. */
export function xidMeaning(xid: number): string {
  const row = rows.find(([number]) => number === xid);
  return row === undefined ? `The GPU reported error ${xid} (Xid)` : `The GPU reported error ${xid} (Xid): ${row[2]}`;
}

const rows: readonly (readonly [number, Remedy, string])[] = [
  [13, 'restart', 'a fault in a kernel of the engine'],
  [31, 'restart', 'a page fault of the engine'],
  [32, 'restart', 'a corrupted command stream'],
  [43, 'ignore', 'the engine stopped processing'],
  [45, 'ignore', 'work was cleared away after another error'],
  [46, 'reset', 'it stopped processing'],
  [48, 'reset', 'an uncorrectable memory error'],
  [62, 'reset', 'its micro-controller halted'],
  [63, 'ignore', 'a row of its memory is to be replaced at the next reset'],
  [64, 'reset', 'a row of its memory could not be replaced'],
  [74, 'reset', 'an NVLink error'],
  [79, 'reboot', 'it has fallen off the bus'],
  [92, 'ignore', 'many single-bit memory errors'],
  [94, 'restart', 'a memory error that was contained to the engine'],
  [95, 'reset', 'a memory error that was not contained'],
  [109, 'reset', 'a context switch timed out'],
  [119, 'reset', 'its system processor does not answer'],
  [120, 'reset', 'its system processor failed'],
  [140, 'reset', 'an uncorrectable memory error'],
  [143, 'reset', 'it could not be initialized'],
  [154, 'ignore', 'what it needs to recover has changed'],
];

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
