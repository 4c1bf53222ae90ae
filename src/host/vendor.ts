/** One vendor's devices, as its tool tells of them now, or told when it last worked. */

import type { DevicesObservation } from '../core/facts.js';
import type { Device, Instant } from '../core/model.js';
import type { DeviceUser } from '../devices/users.js';
import { type Failure, findOnPath } from './tool.js';

export type VendorReading = Pick<DevicesObservation, 'devices' | 'tool' | 'note'> & {
  /** Null where the tool cannot tell. */
  readonly users: readonly DeviceUser[] | null;
  /** When the devices were read from a working tool; null where they never were. */
  readonly dataAt: Instant | null;
};

export type VendorAnswer = {
  readonly devices: readonly Device[];
  readonly note: string | null;
  readonly users: readonly DeviceUser[] | null;
};

/** `ask` is given the path of the first of the programs `names` that is there. Calls must not overlap. */
export function createVendor(
  { names, path, now }: { readonly names: readonly string[]; readonly path: string | undefined; readonly now: () => Instant },
  ask: (program: string) => Promise<VendorAnswer | Failure>,
): () => Promise<VendorReading> {
  let lastGood: { readonly devices: readonly Device[]; readonly at: Instant } | null = null;

  return async () => {
    const program = await findOnPath(names, path);
    if (program === null && lastGood === null) {
      return { devices: [], tool: 'none', note: null, users: null, dataAt: null };
    }
    const answer = program === null ? { failure: `${names.join(' or ')} is no longer on PATH` } : await ask(program);
    if ('failure' in answer) {
      const { devices = [], at = null } = lastGood ?? {};
      return { devices, tool: 'failing', note: answer.failure, users: null, dataAt: at };
    }
    lastGood = { devices: answer.devices, at: now() };
    return { ...answer, tool: 'working', dataAt: lastGood.at };
  };
}
