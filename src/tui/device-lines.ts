/** The GPUs, a line each; two to a line, or all in one, where there are more than there is room for. */

import type { DeviceView } from '../api/wire.js';
import { oneLine } from '../text/one-line.js';
import { shown } from '../text/places.js';
import { cut } from '../text/table.js';
import { age } from '../text/time.js';
import { displayWidth } from '../text/width.js';
import { cutLine, fitLine, type Line, span } from './line.js';
import { bar, sparkline } from './marks.js';
import type { History } from './model.js';

export type DeviceBlock = {
  readonly devices: readonly DeviceView[];
  readonly columns: number;
  readonly utf8: boolean;
  /** With sparklines of utilisation, where there is room for them. */
  readonly history: History | null;
};

/** How many lines they take in a place that has `most` of them. Two to a line only where that is no loss of meaning. */
export function deviceRows(count: number, most: number, columns: number): number {
  if (count <= most) return count;
  return columns >= pairFrom && Math.ceil(count / 2) <= most ? Math.ceil(count / 2) : Math.min(1, most);
}

const pairFrom = 76;

export function deviceLines(block: DeviceBlock, most: number): readonly Line[] {
  const { devices, columns } = block;
  const rows = deviceRows(devices.length, most, columns);
  if (rows === 0) return [];
  if (devices.length <= rows) return devices.map((device) => wholeLine(device, block));
  if (rows > 1) {
    const half = Math.floor(columns / 2);
    const short = devices.map((device) => shortLine(device, half - 2, block));
    return Array.from({ length: rows }, (_, row) => [
      ...fitLine(short[2 * row] ?? [], half),
      ...cutLine(short[2 * row + 1] ?? [], columns - half),
    ]);
  }
  return [summaryLine(block)];
}

/** Whose numbers are not of now is said in the section's rule. */
export function ageNote(devices: readonly DeviceView[], note: string | null): string | null {
  const oldest = Math.max(0, ...devices.map(({ age_seconds }) => age_seconds ?? 0));
  if (oldest < oldAfterSeconds) return null;
  return `device data ${age(oldest * 1000)} old${note === null ? '' : `: ${oneLine(note)}`}`;
}

/** Three looks of the default `device_poll`. */
export const oldAfterSeconds = 15;

function wholeLine(device: DeviceView, { devices, columns, utf8, history }: DeviceBlock): Line {
  const label = labelOf(device, devices).padEnd(Math.max(...devices.map((each) => displayWidth(labelOf(each, devices)))));
  const nameWidth = Math.min(18, Math.max(...devices.map((each) => displayWidth(shortName(each)))));
  const name = columns < 60 ? '' : `  ${cut(shortName(device), nameWidth).padEnd(nameWidth)}`;
  if (!device.healthy)
    return cutLine([span(`${label}${name}  `), span(oneLine(device.ailment ?? 'is not healthy'), 'busy')], columns);
  const { temperature_celsius, power_watts, utilization_percent, uuid, pools } = device;
  const memory = `  ${memoryText(device)}`;
  const gauge = columns < 50 ? '' : ` ${bar(usedOf(device), device.vram_total_bytes, 10, utf8)}`;
  const load = `  ${percent(utilization_percent)}`;
  const heat =
    columns < 72
      ? ''
      : `  ${unit(temperature_celsius, 'C', 5)}  ${unit(power_watts === null ? null : Math.round(power_watts), 'W', 5)}`;
  const before = `${label}${name}${memory}${gauge}${load}`;
  const users = Math.min(12, Math.max(...devices.map((each) => displayWidth(usersOf(each.pools)))));
  const room = columns - displayWidth(before) - displayWidth(heat) - 2 - users;
  const trend = history === null || room < trendWidth + 1 ? '' : ` ${sparkline(history[uuid] ?? [], 100, trendWidth, utf8)}`;
  return cutLine([span(`${before}${trend}${heat}  `), span(usersOf(pools), 'strong')], columns);
}

const trendWidth = 8;

function shortLine(device: DeviceView, columns: number, { devices, utf8 }: DeviceBlock): Line {
  const label = `${labelOf(device, devices).padEnd(6)} `;
  if (!device.healthy) return cutLine([span(label), span(oneLine(device.ailment ?? 'is not healthy'), 'busy')], columns);
  const gauge = bar(usedOf(device), device.vram_total_bytes, 5, utf8);
  return cutLine(
    [
      span(`${label}${memoryText(device)} ${gauge} ${percent(device.utilization_percent)} `),
      span(usersOf(device.pools), 'strong'),
    ],
    columns,
  );
}

function summaryLine({ devices, columns, utf8 }: DeviceBlock): Line {
  const sum = (values: readonly (number | null)[]): number | null =>
    values.reduce<number | null>((total, value) => (total === null || value === null ? null : total + value), 0);
  const total = sum(devices.map(({ vram_total_bytes }) => vram_total_bytes));
  const used = sum(devices.map(usedOf));
  const load = sum(devices.map(({ utilization_percent }) => utilization_percent));
  const sick = devices.filter(({ healthy }) => !healthy);
  const memory = used === null || total === null ? '- GiB' : `${gib(used)}/${gib(total)} GiB`;
  return cutLine(
    [
      span(`${devices.length} GPUs  ${memory} ${bar(used, total, 10, utf8)}  `),
      span(load === null ? '- %' : `${Math.round(load / devices.length)} % on average`),
      ...(sick.length === 0
        ? []
        : [span(`  ${sick.length} not healthy: ${sick.map((each) => labelOf(each, devices)).join(', ')}`, 'busy')]),
    ],
    columns,
  );
}

/** Two vendors count from 0, both: then the beginning of its UUID names it. */
export function labelOf({ index, uuid }: DeviceView, all: readonly DeviceView[]): string {
  return all.filter((other) => other.index === index).length === 1 ? `GPU ${index}` : uuid.slice(0, 12);
}

/** What all GPUs of a vendor have in common tells nothing. */
export const shortName = ({ name }: DeviceView): string =>
  oneLine(name).replace(/^(?:NVIDIA |AMD )?(?:GeForce |Radeon |Tesla )?/, '') || oneLine(name);

export const usedOf = ({ vram_total_bytes, vram_free_bytes }: DeviceView): number | null =>
  vram_total_bytes === null || vram_free_bytes === null ? null : vram_total_bytes - vram_free_bytes;

function memoryText(device: DeviceView): string {
  const { vram_total_bytes: total } = device;
  const used = usedOf(device);
  if (total === null) return '        - GiB';
  return `${(used === null ? '-' : gib(used)).padStart(5)}/${gib(total)} GiB`.padStart(13);
}

const gib = (bytes: number): string => (bytes / 2 ** 30).toFixed(1);
const unit = (value: number | null, name: string, columns: number): string => `${shown(value)} ${name}`.padStart(columns);
const percent = (value: number | null): string => unit(value, '%', 5);
const usersOf = (pools: readonly string[]): string => (pools.length === 0 ? '-' : pools.join(' '));
