/** Which processes use which devices, as the vendors' tools list them, before anybody has looked at the processes themselves. */

import type { Device } from '../core/model.js';
import { known, mebibytes } from './cells.js';
import type { GpuRow, MigSlice } from './nvidia.js';

export type DeviceUser = {
  /** Of the device. */
  readonly uuid: string;
  readonly pid: number;
  /** The tool's word for the program: a path, a command line, a title, or cut. */
  readonly name: string | null;
  readonly usedBytes: number | null;
};

/** What a tool listed. Not `complete`: something in it could not be read, so an empty list does not mean that there is nobody. */
export type Listed = { readonly users: readonly DeviceUser[]; readonly complete: boolean };

/** Arguments that list the processes which compute on NVIDIA's GPUs. */
export const computeAppsArgs: readonly string[] = [
  '--query-compute-apps=gpu_uuid,pid,process_name,used_memory',
  '--format=csv,noheader,nounits',
];

/** Reads the list. A name may hold commas, so the memory is what stands last. A row without a pid is nobody that can be named. */
export function parseComputeApps(output: string): Listed {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const users = lines.flatMap((line) => {
    const user = readUser(line);
    return user === null ? [] : [user];
  });
  return { users, complete: users.length === lines.length };
}

function readUser(line: string): DeviceUser | null {
  const cells = line.split(',').map((cell) => cell.trim());
  const [uuid = '', pid = ''] = cells;
  if (cells.length < 4 || !/^(?:GPU|MIG)-[0-9a-z/-]+$/i.test(uuid) || !isPid(pid)) return null;
  return { uuid, pid: Number(pid), name: known(cells.slice(2, -1).join(', ')), usedBytes: mebibytes(cells.at(-1) ?? '') };
}

/** A number that a process can have. */
export function isPid(text: string): boolean {
  return /^[1-9]\d{0,9}$/.test(text);
}

/**
 * The users of the devices that a mask may name. A process on a slice may be listed under the UUID of the whole GPU: where that GPU has one
 * slice it is meant, and where it has several nobody can say which, so null. Users of other devices are left out.
 */
export function usersOf(
  devices: readonly Device[],
  { users, rows, slices }: Listed & { readonly rows: readonly GpuRow[]; readonly slices: readonly MigSlice[] },
): readonly DeviceUser[] | null {
  const found: DeviceUser[] = [];
  for (const user of users) {
    const cut = rows.find(({ device, migEnabled }) => migEnabled && device.uuid === user.uuid);
    const parts = slices.filter(({ parentIndex }) => parentIndex === cut?.device.index);
    if (parts.length > 1) return null;
    const uuid = parts[0]?.uuid ?? user.uuid;
    if (devices.some((device) => device.uuid === uuid)) found.push({ ...user, uuid });
  }
  return found;
}
