/** What a look at the devices tells beside the numbers: which came, went, or fell ill. */

import type { Event } from './events.js';
import type { DevicesObservation } from './messages.js';
import type { Device, Instant } from './model.js';
import type { State } from './state.js';

/** A failing tool changes nothing but the age: its last good answer stands. */
export function observeDevices(
  before: State['devices'],
  seen: DevicesObservation,
  now: Instant,
): { devices: State['devices']; events: readonly Event[] } {
  if (seen.tool === 'failing')
    return { devices: { ...before, tool: 'failing', note: seen.note, askedAt: seen.askedAt }, events: [] };
  const known = new Map(before.devices.map((device) => [device.uuid, device]));
  const events = [
    ...seen.devices.filter(({ uuid }) => !known.has(uuid)).map((device) => tell('device.found', 'info', device)),
    ...before.devices
      .filter(({ uuid }) => !seen.devices.some((device) => device.uuid === uuid))
      .map((device) => tell('device.lost', 'error', device)),
    ...seen.devices
      .filter(({ uuid, ailment }) => ailment !== null && (known.get(uuid)?.ailment ?? null) === null)
      .map((device) => tell('device.unhealthy', 'error', device)),
  ];
  return { devices: { ...seen, observedAt: now, reported: before.reported }, events };
}

function tell(
  event: 'device.found' | 'device.lost' | 'device.unhealthy',
  level: Event['level'],
  { index, uuid, name, vramTotalBytes }: Device,
): Event {
  const size = vramTotalBytes === null ? '' : ` ${(vramTotalBytes / 2 ** 30).toFixed(1)} GiB`;
  return { event, level, device: uuid, detail: `GPU ${index} ${name}${size}` };
}
