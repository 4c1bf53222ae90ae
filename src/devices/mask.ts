/** One item of `device_masks` -> MaskRef. Knows only what is written, nothing of the machine: see core/devices.ts. */

import type { MaskRef, Result } from '../core/model.js';

export type MaskItem = number | string | readonly (number | string)[];

/** `0`, or `0:1` for a MIG slice as `poolctl devices` lists it. */
const indexForm = /^(?:gpu)?(\d{1,4}(?::\d{1,4})?)$/i;
/** A UUID or the beginning of one. MIG slices of old drivers have slashes (`MIG-GPU-…/1/0`). */
const uuidForm = /^(?:GPU|MIG)-[0-9a-z][0-9a-z/-]{0,99}$/i;

/**
 * `0` | `[0, 1]` | `"0,1"` | `"GPU0,GPU1"` | `"GPU-8932f937"` | `all` | `cpu`. The order stays as written. The error is a phrase that goes on
 * after "mask …:", such as `"x" is no device`.
 */
export function parseMask(item: MaskItem): Result<MaskRef, string> {
  if (item === 'all' || item === 'cpu') return { ok: true, value: { kind: item, written: item } };
  const parts = typeof item === 'string' ? item.split(',') : typeof item === 'number' ? [item] : item;
  if (parts.length === 0) return bad('it names no device');
  const ids: string[] = [];
  for (const part of parts) {
    const id = deviceId(part);
    if (!id.ok) return id;
    if (ids.includes(id.value)) return bad(`it names ${id.value} twice`);
    ids.push(id.value);
  }
  return { ok: true, value: { kind: 'list', written: ids.join(','), ids } };
}

function deviceId(part: number | string): Result<string, string> {
  const text = String(part).trim();
  const index = indexForm.exec(text)?.[1];
  if (index !== undefined) return { ok: true, value: index.split(':').map(Number).join(':') };
  if (uuidForm.test(text)) return { ok: true, value: text };
  if (text === 'all' || text === 'cpu') return bad(`"${text}" stands alone, not beside other devices`);
  return bad(text === '' ? 'it has an empty place' : `"${text}" is no device`);
}

const bad = (error: string): Result<never, string> => ({ ok: false, error });
