/** What /proc and /sys say of limits and of GPUs without a driver. */

import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readDrivers } from '../../src/host/drivers.js';
import { parseLimits, readLimits } from '../../src/host/limits.js';
import { scratchDir } from './scratch.js';

it('reads limits, and knows that unlimited is no number', async () => {
  const text = `Limit                     Soft Limit           Hard Limit           Units     
Max processes             4096                 unlimited            processes 
Max open files            1024                 1048576              files     
Max locked memory         8388608              8388608              bytes     
`;
  expect(parseLimits(text)).toEqual({
    openFiles: { soft: 1024, hard: 1_048_576 },
    processes: { soft: 4096, hard: null },
    lockedBytes: { soft: 8_388_608, hard: 8_388_608 },
  });
  expect((await readLimits()).openFiles.hard).toBeGreaterThan(0);
});

it('knows a GPU that no driver has taken from one that has, and from its sound', async () => {
  const sys = await scratchDir();
  const put = async (address: string, vendor: string, kind: string, driver = false): Promise<void> => {
    const dir = join(sys, 'bus/pci/devices', address);
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'vendor'), `${vendor}\n`);
    await writeFile(join(dir, 'class'), `${kind}\n`);
    if (driver) await symlink(sys, join(dir, 'driver'));
  };
  expect(await readDrivers(sys)).toEqual({ nvidiaDriver: null, unbound: [] });
  await put('0000:01:00.0', '0x10de', '0x030000', true);
  await put('0000:01:00.1', '0x10de', '0x040300');
  await put('0000:02:00.0', '0x10de', '0x030200');
  await put('0000:03:00.0', '0x1002', '0x038000');
  await put('0000:04:00.0', '0x1a03', '0x030000');
  await mkdir(join(sys, 'module/nvidia'), { recursive: true });
  await writeFile(join(sys, 'module/nvidia/version'), '580.159.03\n');
  const { nvidiaDriver, unbound } = await readDrivers(sys);
  expect(nvidiaDriver).toBe('580.159.03');
  expect(unbound.map(({ address, vendor }) => `${address} ${vendor}`).sort()).toEqual([
    '0000:02:00.0 NVIDIA',
    '0000:03:00.0 AMD',
  ]);
});
