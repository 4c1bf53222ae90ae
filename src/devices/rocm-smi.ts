/**
 * What the older `rocm-smi --json` prints: an object of cards, every value a string, the keys texts for people whose capitals changed. Written after
 * its documentation and its source, and never run against an AMD GPU.
 */

import type { AmdCard } from './amd.js';
import { countIn, documentIn, type Fields, fields, numberIn, text } from './json.js';
import { type DeviceUser, isPid } from './users.js';

export const rocmSmiArgs: readonly string[] = [
  ...['--showid', '--showuniqueid', '--showproductname', '--showbus', '--showuse', '--showtemp', '--showpower', '--showpids'],
  ...['--showmeminfo', 'vram', '--json'],
];

/** Null where the output is no such document. `processes`: pid -> the rest of its row, on some of the cards, the tool does not say which. */
export function parseRocmSmi(output: string): { readonly cards: readonly AmdCard[]; readonly processes: Fields } | null {
  const document = documentIn(output);
  if (document === null) return null;
  const all = fields(document);
  const cards = Object.entries(all).flatMap(([key, value]) => {
    const id = /^card(0|[1-9]\d{0,3})$/.exec(key)?.[1];
    return id === undefined ? [] : [cardOf(Number(id), fields(value))];
  });
  return { cards, processes: fields(all.system) };
}

function cardOf(id: number, told: Fields): AmdCard {
  const values = new Map(Object.entries(told).map(([key, value]) => [key.toLowerCase().trim(), value]));
  const first = <T>(read: (value: unknown) => T | null, ...keys: string[]): T | null => {
    for (const key of keys) {
      const value = read(values.get(key));
      if (value !== null) return value;
    }
    return null;
  };
  const total = first(countIn, 'vram total memory (b)');
  const used = first(countIn, 'vram total used memory (b)');
  const unique = /^0x([0-9a-f]{1,16})$/i.exec(first(text, 'unique id') ?? '')?.[1];
  return {
    id,
    hipId: null,
    node: first(countIn, 'node id'),
    uuids: [unique === undefined ? null : `GPU-${unique.toLowerCase().padStart(16, '0')}`],
    bdf: first(text, 'pci bus'),
    name: first(text, 'card series', 'device name', 'card model'),
    vramTotalBytes: total,
    vramFreeBytes: total === null || used === null ? null : Math.max(0, total - used),
    utilizationPercent: first(numberIn, 'gpu use (%)'),
    temperatureCelsius: first(numberIn, 'temperature (sensor edge) (c)', 'temperature (sensor junction) (c)'),
    powerWatts: first(numberIn, 'average graphics package power (w)', 'current socket graphics package power (w)'),
    eccErrors: null,
  };
}

/**
 * Who uses the one card there is: `"PID812": "python3, 1, 25769803776, 0, 0"` (name, number of GPUs, VRAM in bytes, and more). Never complete: not
 * every release lists them in JSON.
 */
export function rocmUsers(uuid: string, processes: Fields): readonly DeviceUser[] {
  return Object.entries(processes).flatMap(([key, value]) => {
    const pid = /^PID(\d+)$/i.exec(key)?.[1] ?? '';
    const parts = (text(value) ?? '').split(',').map((part) => part.trim());
    const usedBytes = countIn(parts.at(-3));
    if (!isPid(pid) || parts.length < 5 || usedBytes === 0) return [];
    return [{ uuid, pid: Number(pid), name: text(parts.slice(0, -4).join(', ')), usedBytes }];
  });
}
