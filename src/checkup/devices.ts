/** Whether engines will find their GPUs, and by the numbers that the inventory has. */

import type { DevicesObservation } from '../core/facts.js';
import type { Device } from '../core/model.js';
import { type Check, fine, wrong } from './check.js';

export type DeviceFacts = Pick<DevicesObservation, 'devices' | 'tool' | 'note'> & {
  /** Of NVIDIA's kernel module; null where it is not loaded. */
  readonly nvidiaDriver: string | null;
  /** PCI addresses of GPUs on the bus that no driver has taken, with their vendor. */
  readonly unbound: readonly { readonly address: string; readonly vendor: 'NVIDIA' | 'AMD' }[];
  /** CUDA_DEVICE_ORDER and CUDA_VISIBLE_DEVICES where doctor runs; null where they are not set. */
  readonly order: string | null;
  readonly visible: string | null;
};

export function checkDevices(facts: DeviceFacts): readonly Check[] {
  const driver = checkDriver(facts);
  // Without an answer nobody knows what is there.
  if (facts.tool === 'failing' && facts.devices.length === 0)
    return [
      driver,
      ...['devices', 'device-order'].map((name) => wrong(name, 'not known while their tool fails', driver.hint ?? '')),
    ];
  return [driver, checkHealth(facts.devices), checkOrder(facts)];
}

function checkDriver({ tool, note, devices, nvidiaDriver, unbound }: DeviceFacts): Check {
  const name = 'driver';
  const ofNvidia = nvidiaDriver === null ? '' : `NVIDIA ${nvidiaDriver}, `;
  if (tool === 'failing')
    return wrong(
      name,
      note ?? 'the tool of the GPUs fails',
      'run nvidia-smi by hand; behind an update of the driver a reboot helps',
    );
  const [lost] = unbound;
  if (lost !== undefined)
    return wrong(
      name,
      `the ${lost.vendor} GPU at ${lost.address} has no driver`,
      `install the driver of ${lost.vendor}, and see dmesg for why it does not take the GPU`,
    );
  if (tool === 'none' && nvidiaDriver !== null)
    return wrong(
      name,
      `NVIDIA ${nvidiaDriver} is loaded, and nvidia-smi is not on PATH`,
      "install nvidia-smi (Debian's package is nvidia-smi), or add its directory to PATH",
    );
  if (tool === 'none') return fine(name, 'no GPU, and no tool for one on PATH: pools can have device_masks: [cpu]');
  return fine(name, `${ofNvidia}${devices.length} GPU${devices.length === 1 ? '' : 's'}${note === null ? '' : `; ${note}`}`);
}

function checkHealth(devices: readonly Device[]): Check {
  const name = 'devices';
  const sick = devices.flatMap(({ index, ailment }) => (ailment === null ? [] : [{ index, ailment }]));
  const [first] = sick;
  if (first === undefined) return fine(name, devices.length === 0 ? 'none' : `${devices.length} of ${devices.length} healthy`);
  const cures = { reset: `nvidia-smi --gpu-reset -i ${first.index}, with nobody using it`, reboot: 'reboot the machine' };
  const detail = sick.map(({ index, ailment }) => `GPU ${index} ${ailment.text}`).join('; ');
  return wrong(name, detail, first.ailment.cure === null ? 'poolctl devices' : cures[first.ailment.cure]);
}

/** Engines count as nvidia-smi does only where that counts along the bus, since CUDA is told to. */
function checkOrder({ devices, order, visible }: DeviceFacts): Check {
  const name = 'device-order';
  const ofNvidia = devices.filter(({ vendor, mig }) => vendor === 'nvidia' && !mig);
  if (ofNvidia.length < 2) return fine(name, 'there are no two GPUs of NVIDIA to be taken for one another');
  const placed = ofNvidia.flatMap(({ index, pciAddress }) => (pciAddress === null ? [] : [{ index, pciAddress }]));
  const swapped = placed.find(({ pciAddress }, at) => at > 0 && pciAddress < (placed[at - 1]?.pciAddress ?? ''));
  if (swapped !== undefined)
    return wrong(
      name,
      `nvidia-smi counts GPU ${swapped.index} (${swapped.pciAddress}) against the order of the bus, and CUDA along it`,
      'name GPUs by UUID in device_masks: poolctl devices',
    );
  const masked = visible === null ? '' : '; CUDA_VISIBLE_DEVICES of this shell is not handed to engines';
  const foreign = order === 'PCI_BUS_ID' ? null : 'for programs of your own: export CUDA_DEVICE_ORDER=PCI_BUS_ID';
  return fine(name, `engines get CUDA_DEVICE_ORDER=PCI_BUS_ID, and count as nvidia-smi does${masked}`, foreign);
}
