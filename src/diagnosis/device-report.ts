/**
 * What a line of the kernel's log says of a GPU: errors and resets, as the drivers of NVIDIA and AMD write them. Null for every other line, and for
 * one that names no device: "[drm:amdgpu_job_timedout [amdgpu]] *ERROR* ring gfx timeout" of older kernels, behind which a line with its address comes.
 */

import type { DeviceReport } from '../core/facts.js';
import { pciAddress } from '../devices/pci.js';
import { remedyOf, xidPhrase } from './xid.js';

/** A line as the kernel wrote it, without what a log puts before it: what stands further behind may be a program's name. */
export function deviceReportOf(line: string): DeviceReport | null {
  const [, beginning = '', address = '', said = ''] = written.exec(line) ?? [];
  const at = pciAddress(address);
  const report = at === null ? null : (readers[beginning]?.(said) ?? null);
  return at === null || report === null ? null : { pciAddress: at, ...report };
}

type Report = Omit<DeviceReport, 'pciAddress'>;

/**
 * "NVRM: Xid (PCI:0000:65:00): 79, …", of a MIG slice "(PCI:0000:65:00 GPU-I:05)", of old drivers "(0000:65:00)"; "NVRM: GPU 0000:65:00.0: …";
 * "amdgpu 0000:0a:00.0: amdgpu: …", of newer kernels without the second name.
 */
const written =
  /^(NVRM: Xid|NVRM: GPU|amdgpu) \(?((?:PCI:)?[0-9a-fA-F:]+(?:\.[0-7])?)(?: GPU-I:\d+)?\)?: (?:amdgpu: )?(?:\[drm\] )?(?:\*ERROR\* )?(.*)$/;

const readers: Readonly<Record<string, (said: string) => Report | null>> = {
  'NVRM: Xid': ofXid,
  'NVRM: GPU': ofInit,
  amdgpu: ofAmd,
};

/** "79, pid=812, name=python, GPU has fallen off the bus." */
function ofXid(said: string): Report | null {
  const number = /^(\d{1,4})\b/.exec(said)?.[1];
  if (number === undefined) return null;
  const xid = Number(number);
  if (xid === 154) return ofRecovery(said);
  const remedy = remedyOf(xid);
  const cure = remedy === 'reset' || remedy === 'reboot' ? remedy : null;
  return { kind: 'error', word: `xid_${xid}`, text: xidPhrase(xid), cure };
}

/** "154, GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)": the driver's own word on what helps. */
function ofRecovery(said: string): Report {
  const action = /.*\bto (?:0x\d+ \()?([^()]+)\)?\s*$/.exec(said)?.[1] ?? '';
  const word = 'xid_154';
  if (action === 'None') return { kind: 'reset', word, text: 'needs nothing any more to recover (Xid 154)', cure: null };
  const told = (needs: string, cure: Report['cure']): Report => ({ kind: 'error', word, text: `${needs} (Xid 154)`, cure });
  if (/reboot/i.test(action)) return told('says that the machine must be rebooted', 'reboot');
  if (/reset/i.test(action)) return told('says that it must be reset', 'reset');
  return told(action === '' ? 'changed what it needs to recover' : `says what it needs to recover: ${action.slice(0, 60)}`, null);
}

/** Written at each attempt to use it, until somebody helps; what would help is not said. */
function ofInit(said: string): Report | null {
  if (!/^RmInitAdapter failed\b/.test(said)) return null;
  return {
    kind: 'error',
    word: 'init_failed',
    text: 'could not be initialized by its driver (RmInitAdapter failed)',
    cure: null,
  };
}

function ofAmd(said: string): Report | null {
  for (const [pattern, kind, word, text, cure] of amdRows) {
    const match = pattern.exec(said);
    if (match !== null) return { kind, word, text: text.replace('$', match[1] ?? ''), cure };
  }
  return null;
}

/** In their order. A GPU that hung is reset by its driver, which tells how that ended. `$` is what the pattern took out of the line. */
const amdRows: readonly (readonly [RegExp, Report['kind'], string, string, Report['cure']])[] = [
  [/^GPU reset begin!/, 'error', 'gpu_hang', 'hung, and is being reset by its driver', null],
  [/^GPU reset\(\d+\) succeeded!/, 'reset', 'gpu_reset', 'was reset by its driver', null],
  [/^GPU reset\(\d+\) failed\b/, 'error', 'gpu_reset_failed', 'could not be reset by its driver', 'reboot'],
  [/^GPU Recovery Failed\b/, 'error', 'gpu_reset_failed', 'could not be reset by its driver', 'reboot'],
  [/^device lost from bus!/, 'error', 'lost_from_bus', 'has fallen off the bus', 'reboot'],
  [/^ring (\S{1,40}) timeout, but soft recovered/, 'error', 'ring_recovered', 'dropped work that hung on its ring $', null],
  [/^ring (\S{1,40}) timeout\b/, 'error', 'ring_timeout', 'hangs on its ring $', null],
  // Not the sum of all ("in total", "Total 3 …"), which is written again and again, and not "no uncorrectable hardware errors".
  [
    /^(?!Total ).*?\b[1-9]\d* (?:new )?uncorrectable hardware errors detected in (\w{1,20}) block/,
    'error',
    'ras_uncorrectable',
    'reported uncorrectable hardware errors (ECC, block $)',
    null,
  ],
  [
    /^uncorrectable hardware error\s?\((\w{1,40})\) detected!/,
    'error',
    'ras_uncorrectable',
    'reported an uncorrectable hardware error (ECC, $)',
    null,
  ],
  // A fault that is tried again is a part of how shared memory works.
  [/^\[(?:gfx|mm)hub\d*\] (?:no-retry )?page fault\b/, 'error', 'page_fault', 'reported a page fault of a program', null],
];
