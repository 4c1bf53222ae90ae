/** The devices as they are known: what a look at them tells, and what the kernel's log says between two looks. */

import type { Event } from './events.js';
import type { DeviceReport, DevicesObservation } from './facts.js';
import type { Ailment, Device, Instant } from './model.js';
import type { State } from './state.js';

type Devices = State['devices'];

export type DeviceNews = { readonly devices: Devices; readonly events: readonly Event[] };

/** Why a device cannot be relied on: by its tool, else by what the kernel has told; null where it is healthy as far as anybody knows. */
export function ailmentOf(device: Device, { reported }: Pick<Devices, 'reported'>): Ailment | null {
  return device.ailment ?? reported.get(device.uuid) ?? null;
}

/** What a person can do about it, as a phrase. */
export function remedyFor({ index, vendor }: Device, { cure }: Ailment): string {
  if (cure === 'reboot') return 'reboot the machine';
  if (cure === null) return vendor === 'nvidia' ? `see nvidia-smi -q -i ${index}` : 'see amd-smi';
  return vendor === 'nvidia'
    ? `stop what uses it, run nvidia-smi --gpu-reset -i ${index}, then poolctl reset`
    : 'stop what uses it, reset it, then poolctl reset';
}

/** Which came, went, fell ill, were reset or got well again. A failing tool changes nothing but the age: its last good answer stands. */
export function observeDevices(before: Devices, seen: DevicesObservation, now: Instant): DeviceNews {
  const { askedAt } = seen;
  const looked = { askedAt, seenAt: now, lookOut: false };
  // A tool that was there and is not takes no device away.
  if (seen.tool === 'failing' || (seen.tool === 'none' && before.devices.length > 0))
    return { devices: { ...before, ...looked, tool: 'failing', note: seen.note, processes: null }, events: [] };
  const known = new Map(before.devices.map((device) => [device.uuid, device]));
  const gone = before.devices.filter(({ uuid }) => !seen.devices.some((device) => device.uuid === uuid));
  const lost = new Map([...before.lost, ...gone.map((device) => [device.uuid, device] as const)]);
  const reported = new Map(before.reported);
  const events: Event[] = gone.map((device) => tell('device.lost', 'error', device, { hint: lostHint }));
  for (const device of seen.devices) {
    const former = known.get(device.uuid);
    const reset = resetSince(former, lost.has(device.uuid), device);
    if (reset !== null || isDenied(reported.get(device.uuid), device, askedAt)) reported.delete(device.uuid);
    lost.delete(device.uuid);
    const [was, is] = [former === undefined ? null : ailmentOf(former, before), ailmentOf(device, { reported })];
    if (reset !== null) events.push(tell('device.reset', 'warn', device, { reason: reset }));
    else if (former === undefined) events.push(tell('device.found', 'info', device));
    if (former !== undefined && moreErrors(former, device)) events.push(tell('device.error', 'warn', device, eccTold(device)));
    if (is !== null && was === null) events.push(unhealthy(device, is));
    if (is === null && was !== null && reset === null) events.push(healed(device, former?.ailment ?? null));
  }
  return { devices: { ...seen, ...looked, observedAt: now, lost, reported }, events };
}

/** What the kernel says of a device. What nothing but a reset or a reboot cures makes it unhealthy until that is seen to have come, or an operator resets. */
export function hearOf(before: Devices, { pciAddress, kind, text, cure }: DeviceReport, now: Instant): DeviceNews {
  const own = before.devices.filter((device) => device.pciAddress === pciAddress);
  const [device] = own;
  const events: Event[] = [];
  if (device === undefined) {
    const event = kind === 'reset' ? 'device.reset' : 'device.error';
    return { devices: before, events: [{ event, level: 'warn', detail: `the GPU at ${pciAddress}`, reason: text }] };
  }
  if (kind === 'reset') {
    for (const each of own) events.push(tell('device.reset', 'warn', each, { reason: text }));
    return { devices: trusted(before, own), events };
  }
  if (cure === null) return { devices: before, events: [tell('device.error', 'warn', device, { reason: text })] };
  const ailment = { text, cure, at: now };
  for (const each of own) {
    const ill = ailmentOf(each, before) !== null;
    events.push(ill ? tell('device.error', 'warn', each, { reason: text }) : unhealthy(each, ailment));
  }
  const reported = new Map([...before.reported, ...own.map(({ uuid }) => [uuid, ailment] as const)]);
  return { devices: { ...before, reported }, events };
}

/** What the kernel has told of these is past. */
export function trusted(before: Devices, devices: readonly Device[]): Devices {
  if (!devices.some(({ uuid }) => before.reported.has(uuid))) return before;
  const own = new Set(devices.map(({ uuid }) => uuid));
  return { ...before, reported: new Map([...before.reported].filter(([uuid]) => !own.has(uuid))) };
}

const lostHint =
  'look at its power, its cables and the kernel log, and reboot if it stays away; its replicas come back by themselves once it is listed again';

/** By what it shows that the driver has begun with it anew; null: it has not. */
function resetSince(former: Device | undefined, wasLost: boolean, device: Device): string | null {
  if (wasLost) return 'is back';
  const [before, after] = [former?.eccErrors ?? null, device.eccErrors];
  return before !== null && after !== null && after < before ? 'was reset: its count of memory errors began anew' : null;
}

/** A driver that says what a device needs to recover, and says that it is nothing, knows better than what its log told some seconds before. */
function isDenied(
  report: (Ailment & { readonly at: Instant }) | undefined,
  { ailment, tellsRecovery }: Device,
  askedAt: Instant,
): boolean {
  return report !== undefined && tellsRecovery && ailment === null && askedAt - report.at >= trustAfterMs;
}

const trustAfterMs = 5_000;

function moreErrors(former: Device, { eccErrors }: Device): boolean {
  return eccErrors !== null && former.eccErrors !== null && eccErrors > former.eccErrors;
}

const eccTold = ({ eccErrors }: Device): Partial<Event> => ({
  reason: `has ${eccErrors} uncorrectable memory error${eccErrors === 1 ? '' : 's'} (ECC) since its last reset`,
});

function unhealthy(device: Device, ailment: Ailment): Event {
  return tell('device.unhealthy', 'error', device, { reason: ailment.text, hint: remedyFor(device, ailment), result: 'failed' });
}

/** One of which the tool said that only a reset or a reboot cures it has had that. */
function healed(device: Device, said: Ailment | null): Event {
  return said?.cure == null
    ? tell('device.unhealthy', 'info', device, { result: 'recovered' })
    : tell('device.reset', 'warn', device, { reason: 'is healthy again, after a reset or a reboot' });
}

function tell(event: Event['event'], level: Event['level'], device: Device, more: Partial<Event> = {}): Event {
  const { index, uuid, name, vramTotalBytes } = device;
  const size = vramTotalBytes === null ? '' : ` ${(vramTotalBytes / 2 ** 30).toFixed(1)} GiB`;
  return { event, level, device: uuid, detail: `GPU ${index} ${name}${size}`, ...more };
}
