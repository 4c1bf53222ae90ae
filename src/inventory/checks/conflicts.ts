/** Does anybody want a device that another has, without both having said `share`? */

import { type Claim, type Conflict, deviceConflicts, runsWithoutDevices } from '../../core/devices.js';
import type { MaskRef } from '../../core/model.js';
import { type Check, type Draft, type DraftPool, problem } from '../draft.js';
import { type Problem, quoted } from '../problem.js';
import { positionOf } from '../source.js';
import { find } from '../tree.js';
import { devicesOf, maskPlace, settledDevices } from './masks.js';

type Wish = Claim & { readonly pool: DraftPool; readonly replica: number };

/** A device of which nothing is known but that `all` has it. */
const whatever = '*';

export const checkConflicts: Check = (draft, { devices: observation }) => {
  const pools = draft.pools.filter(({ isSpoilt }) => !isSpoilt('device_masks') && !isSpoilt('share'));
  const devices = settledDevices(observation);
  const label = new Map(devices?.map(({ uuid, index }) => [uuid, `GPU ${index}`]));
  const idsOf =
    devices === null
      ? namesOnly(pools)
      : (pool: DraftPool, mask: MaskRef): readonly string[] => {
          const found = devicesOf(pool, mask, devices);
          return found.ok ? found.value.map(({ uuid }) => uuid) : [];
        };
  const wishes = pools.flatMap((pool) =>
    pool.masks.flatMap((mask, replica): readonly Wish[] =>
      mask === null ? [] : [{ pool, replica, share: pool.settings.share, ids: idsOf(pool, mask) }],
    ),
  );
  return deviceConflicts(wishes).map((conflict) => conflictProblem(draft, conflict, (id) => label.get(id) ?? bareLabel(id)));
};

/** Without knowing the machine: masks that use the same words, and `all`, meet. */
function namesOnly(pools: readonly DraftPool[]): (pool: DraftPool, mask: MaskRef) => readonly string[] {
  const named = new Set<string>();
  for (const { masks } of pools)
    for (const mask of masks) if (mask?.kind === 'list') for (const id of mask.ids) named.add(id.toLowerCase());
  const all = [whatever, ...named];
  return ({ engine }, mask) => {
    if (mask.kind === 'list') return mask.ids.map((id) => id.toLowerCase());
    return mask.kind === 'cpu' || engine === null || runsWithoutDevices(engine) ? [] : all;
  };
}

const bareLabel = (id: string): string => (/^\d/.test(id) ? `GPU ${id}` : id);

function conflictProblem(draft: Draft, { first, second, ids }: Conflict<Wish>, label: (id: string) => string): Problem {
  const place = placeOf(draft, second, ids[0]);
  const other = positionOf(draft.source, placeOf(draft, first, ids[0]).range.start);
  const samePool = first.pool === second.pool;
  const what = ids.includes(whatever) ? 'every device' : list(ids.map(label));
  const isOrAre = ids.length === 1 || ids.includes(whatever) ? 'is' : 'are';
  const where = samePool
    ? `two masks of ${quoted(first.pool.id)}`
    : `the masks of ${quoted(first.pool.id)} and ${quoted(second.pool.id)}`;
  const lacking = [first, second].filter(({ share }) => !share);
  const to = samePool ? 'the pool' : lacking.length === 2 ? 'both pools' : quoted(lacking[0]?.pool.id ?? '');
  return problem(draft, place, {
    code: 'DEVICE_CONFLICT',
    message: `${what} ${isOrAre} in ${where}`,
    hint: `also at ${draft.source.file}:${other.line}:${other.column}; to share it, add to ${to}:\n${indentOf(draft, second.pool)}share: true`,
  });
}

/** Its own words, not those of `defaults`, which both may have inherited. */
function placeOf(draft: Draft, { pool, replica, ids }: Wish, id: string | undefined): ReturnType<typeof maskPlace> {
  const mask = pool.masks[replica];
  const nth = mask?.kind === 'list' && id !== undefined ? ids.indexOf(id) : null;
  return maskPlace(draft, pool, replica, nth, pool.ownPlace);
}

function list(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

/** As the pool's other keys are indented. */
function indentOf({ root, source }: Draft, { id }: DraftPool): string {
  const value = find(root, ['pools', id])?.value;
  const isBlock = value?.kind === 'map' && source.text[value.range.start] !== '{';
  const [first] = isBlock ? value.entries.values() : [];
  return ' '.repeat(first === undefined ? 4 : Math.min(40, positionOf(source, first.key.start).column - 1));
}
