/** What of the kernel's lines becomes an input of the core. */

import { expect, test } from 'vitest';
import type { DeviceReport } from '../../src/core/facts.js';
import { deviceReports } from '../../src/shell/device-reports.js';

function listening() {
  const told: DeviceReport[] = [];
  const take = deviceReports((report) => told.push(report));
  return { told, say: (at: number, ...lines: string[]) => lines.forEach((text) => void take({ at, text })) };
}

const xid = (number: number, bus = '65'): string => `NVRM: Xid (PCI:0000:${bus}:00): ${number}, pid=812, name=python`;
const recovery = (from: string, to: string): string =>
  `NVRM: Xid (PCI:0000:65:00): 154, GPU recovery action changed from 0x0 (${from}) to 0x1 (${to})`;

test('a flood of the same error is one report in ten seconds; other devices and other errors are told', () => {
  const { told, say } = listening();
  for (let n = 0; n < 5_000; n += 1) say(n, xid(31), 'NVRM: GPU at PCI:0000:65:00: GPU-9a613ad4');
  say(5_000, xid(31, '66'), xid(13));
  expect(told.map(({ pciAddress, word }) => `${pciAddress} ${word}`)).toEqual([
    '0000:65:00 xid_31',
    '0000:66:00 xid_31',
    '0000:65:00 xid_13',
  ]);
  say(9_999, xid(31));
  expect(told.length).toBe(3);
  say(10_000, xid(31));
  expect(told.length).toBe(4);
});

test('what comes back after a reset is told at once, so that the last word is always the true one', () => {
  const { told, say } = listening();
  const [ill, well] = [recovery('None', 'GPU Reset Required'), recovery('GPU Reset Required', 'None')];
  say(0, ill, ill, well, ill, well, well, ill);
  expect(told.map(({ kind }) => kind)).toEqual(['error', 'reset', 'error', 'reset', 'error']);
});

test('of all devices together a hundred are told in ten seconds, whatever a kernel says', () => {
  const { told, say } = listening();
  for (let number = 200; number < 900; number += 1) say(0, xid(number));
  expect(told.length).toBe(100);
  for (let number = 200; number < 900; number += 1) say(10_000, xid(number));
  expect(told.length).toBe(200);
});
