/** Tells the core what the kernel's log says of devices, and no more of it than can matter: a driver in trouble writes thousands of lines a second. */

import type { DeviceReport } from '../core/facts.js';
import { deviceReportOf } from '../diagnosis/device-report.js';
import type { KernelLine } from '../host/kernel-log.js';

/**
 * Takes the lines in their order. The same word of the same device is told once in ten seconds, unless it was told to be over in between; and of all
 * devices together a hundred in ten seconds.
 */
export function deviceReports(reported: (report: DeviceReport) => void): (line: KernelLine) => void {
  /** By address and kind, then by word: when it was told. */
  const told = new Map<string, Map<string, number>>();
  let lately = { since: Number.NEGATIVE_INFINITY, count: 0 };

  return ({ at, text }) => {
    const report = deviceReportOf(text);
    if (report === null) return;
    const { pciAddress, kind, word } = report;
    const words = told.get(`${pciAddress} ${kind}`) ?? new Map<string, number>();
    if (at - (words.get(word) ?? Number.NEGATIVE_INFINITY) < quietMs) return;
    if (at - lately.since >= quietMs) {
      lately = { since: at, count: 0 };
      for (const [key, former] of told) if ([...former.values()].every((when) => at - when >= quietMs)) told.delete(key);
    }
    if (lately.count >= mostReports) return;
    lately = { ...lately, count: lately.count + 1 };
    told.set(`${pciAddress} ${kind}`, words.set(word, at));
    // An error after a reset is another one.
    told.delete(`${pciAddress} ${kind === 'error' ? 'reset' : 'error'}`);
    reported(report);
  };
}

const quietMs = 10_000;
const mostReports = 100;
