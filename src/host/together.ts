/** What two vendors' tools say of one machine, as one answer. */

import type { Device, Instant } from '../core/model.js';
import type { VendorReading } from './vendor.js';

/**
 * As far as one tool can speak for the machine: `failing` would let everything wait, so while the other works the answer works too. The devices
 * of the one that fails are then as it last told them, and out of sight once that is a minute ago (the age up to which core/means.ts relies on
 * data), so that only masks with them wait.
 *
 * Two cases are failures still, since a mask could be taken for another: the tool that works has no devices, and nvidia-smi, by whose numbers
 * devices are called, has never answered.
 */
export function together(nvidia: VendorReading, amd: VendorReading, now: Instant): VendorReading {
  const present = [nvidia, amd].filter(({ tool }) => tool !== 'none');
  const [one, other] = present;
  if (one === undefined) return { ...nvidia, note: 'none of nvidia-smi, amd-smi and rocm-smi is on PATH' };
  if (other === undefined) return one;
  const devices = present.flatMap((reading) => reading.devices);
  const notes = present.flatMap(({ note }) => (note === null ? [] : [note]));
  const note = notes.length === 0 ? null : notes.join('; ');
  const failing = present.filter(({ tool }) => tool === 'failing');
  const works = present.find(({ tool }) => tool === 'working');
  if (works === undefined || (failing.length > 0 && (works.devices.length === 0 || neverSeen(nvidia)))) {
    return { devices, tool: 'failing', note, users: null, dataAt: oldest(failing) };
  }
  return {
    devices: present.flatMap((reading) => (reading.tool === 'failing' ? unseen(reading, now) : reading.devices)),
    tool: 'working',
    note,
    users: devices.length === 0 ? null : allUsers(present),
    dataAt: works.dataAt,
  };
}

const staleAfterMs = 60_000;

function neverSeen({ tool, dataAt }: VendorReading): boolean {
  return tool === 'failing' && dataAt === null;
}

function unseen({ devices, note, dataAt }: VendorReading, now: Instant): readonly Device[] {
  if (dataAt !== null && now - dataAt <= staleAfterMs) return devices;
  const ailment = { text: `is out of sight: ${note}`, cure: null };
  const numbers = { vramFreeBytes: null, utilizationPercent: null, temperatureCelsius: null, powerWatts: null };
  return devices.map((device) => ({ ...device, ...numbers, ailment: device.ailment ?? ailment }));
}

/** One list for all devices: where one tool cannot tell of its own, an engine that is missing in the list would seem to be on none. */
function allUsers(readings: readonly VendorReading[]): VendorReading['users'] {
  const found: NonNullable<VendorReading['users']>[number][] = [];
  for (const { devices, users } of readings) {
    if (devices.length === 0) continue;
    if (users === null) return null;
    found.push(...users);
  }
  return found;
}

function oldest(readings: readonly VendorReading[]): Instant | null {
  const told = readings.flatMap(({ dataAt }) => (dataAt === null ? [] : [dataAt]));
  return told.length === 0 ? null : Math.min(...told);
}
