/** Are the masks masks, and does the machine have their devices? */

import { resolveMask } from '../../core/devices.js';
import type { DevicesObservation } from '../../core/facts.js';
import type { Device, MaskRef, Result } from '../../core/model.js';
import { parseMask } from '../../devices/mask.js';
import { type Check, type Draft, type DraftPool, type Place, problem } from '../draft.js';
import { type Complaint, type Problem, quoted } from '../problem.js';
import { find } from '../tree.js';

export const checkMasks: Check = (draft, { devices }) =>
  draft.pools
    .filter(({ isSpoilt }) => !isSpoilt('device_masks'))
    .flatMap((pool) =>
      pool.masks.flatMap((mask, i) => (mask === null ? [notAMask(draft, pool, i)] : notOnMachine(draft, pool, mask, i, devices))),
    );

/** What the masks are to be held against; null where nothing is known, or where the tool fails just now: preflight will see. */
export function settledDevices(observation: DevicesObservation | null): readonly Device[] | null {
  return observation === null || observation.tool === 'failing' ? null : observation.devices;
}

/** The devices of one mask, or what is wrong with it. Without an engine it is taken for one that needs no device. */
export function devicesOf({ engine }: DraftPool, mask: MaskRef, devices: readonly Device[]): ReturnType<typeof resolveMask> {
  return resolveMask(mask, devices, engine ?? 'demo');
}

/** Where item `i` stands, or the `nth` device of it where it is a list. */
export function maskPlace(
  { root }: Draft,
  pool: DraftPool,
  i: number,
  nth: number | null,
  from: DraftPool['place'] = pool.place,
): Place {
  const item = from(['device_masks', i]);
  if (nth === null) return item;
  const path = ['device_masks', i, nth];
  const isList =
    find(root, ['pools', pool.id, ...path]) ?? (pool.own.device_masks === undefined ? find(root, ['defaults', ...path]) : null);
  return isList === null ? item : from(path);
}

function notAMask(draft: Draft, pool: DraftPool, i: number): Problem {
  const item = pool.settings.device_masks[i] ?? [];
  const mask: Result<MaskRef, string> = parseMask(item);
  const written = typeof item === 'string' ? quoted(item) : JSON.stringify(item).slice(0, 60);
  return problem(draft, maskPlace(draft, pool, i, null), {
    code: 'INVALID_VALUE',
    message: `cannot read the device mask ${written}: ${mask.ok ? '' : mask.error}`,
    hint: 'write 0, [0, 1], "0,1", GPU-<uuid or unique prefix>, all or cpu',
  });
}

function notOnMachine(
  draft: Draft,
  pool: DraftPool,
  mask: MaskRef,
  i: number,
  observation: DevicesObservation | null,
): readonly Problem[] {
  const devices = settledDevices(observation);
  if (devices === null) return [];
  const found = devicesOf(pool, mask, devices);
  if (found.ok) return [];
  const { error } = found;
  const nth = error.kind === 'none' || mask.kind !== 'list' ? null : mask.ids.indexOf(error.id);
  const complaint: Complaint = {
    code: error.kind === 'none' ? 'NO_DEVICES' : error.kind === 'repeated' ? 'INVALID_VALUE' : 'UNKNOWN_DEVICE',
    message: error.message,
    hint: error.kind === 'repeated' || error.kind === 'ambiguous' ? null : remedy(devices, observation),
  };
  return [problem(draft, maskPlace(draft, pool, i, nth), complaint)];
}

function remedy(devices: readonly Device[], observation: DevicesObservation | null): string {
  if (devices.length > 0)
    return `the devices are ${devices.map(({ index, name, uuid }) => `${index} (${name}, ${uuid})`).join(', ')}`;
  const why = observation?.note ?? null;
  return `${why === null ? '' : `${why}; `}to run without a GPU: device_masks: [cpu]`;
}
