import { expect, it } from 'vitest';
import { pciAddress } from '../../src/devices/pci.js';

it.each([
  ['00000000:65:00.0', '0000:65:00'],
  ['PCI:0000:65:00', '0000:65:00'],
  ['0000:0A:00.0', '0000:0a:00'],
  ['65:00.0', '0000:65:00'],
  ['00010000:65:00.0', '00010000:65:00'],
  ['0001:65:00', '0001:65:00'],
  ['[N/A]', null],
  ['', null],
])('the PCI address %j is %j', (text, address) => {
  expect(pciAddress(text)).toBe(address);
});
