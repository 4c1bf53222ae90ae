/** What the kernel says of GPUs and their drivers, whatever tools there are. */

import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export type Drivers = {
  /** The version of NVIDIA's kernel module; null where it is not loaded. */
  readonly nvidiaDriver: string | null;
  /** GPUs on the bus that no driver has taken. */
  readonly unbound: readonly { readonly address: string; readonly vendor: 'NVIDIA' | 'AMD' }[];
};

/** Never rejects: what is not there is nothing. */
export async function readDrivers(sys = '/sys'): Promise<Drivers> {
  const version = await readFile(join(sys, 'module/nvidia/version'), 'utf8').catch(() => null);
  const bus = join(sys, 'bus/pci/devices');
  const found = await Promise.all((await readdir(bus).catch(() => [])).map((address) => unboundGpu(join(bus, address), address)));
  return { nvidiaDriver: version?.trim() || null, unbound: found.filter((each) => each !== null) };
}

const vendors: Readonly<Record<string, 'NVIDIA' | 'AMD'>> = { '0x10de': 'NVIDIA', '0x1002': 'AMD' };

/** VGA, 3D and other display controllers: not the sound that a GPU brings as well. */
const display = /^0x03(?:00|02|80)/;

async function unboundGpu(dir: string, address: string): Promise<Drivers['unbound'][number] | null> {
  const [vendor, kind] = await Promise.all(
    ['vendor', 'class'].map((name) => readFile(join(dir, name), 'latin1').catch(() => '')),
  );
  const known = vendors[vendor?.trim() ?? ''];
  if (known === undefined || !display.test(kind?.trim() ?? '')) return null;
  const taken = await access(join(dir, 'driver')).then(
    () => true,
    () => false,
  );
  return taken ? null : { address, vendor: known };
}
