/** An inventory between the schema and its last checks: what is valid by itself, and where everything stands. */

import type { DevicesObservation } from '../core/facts.js';
import type { EngineKind, MaskRef } from '../core/model.js';
import { type MaskItem, parseMask } from '../devices/mask.js';
import { inherit } from './inherit.js';
import { guessEngine } from './model-ref.js';
import { type Complaint, type Problem, problemAt } from './problem.js';
import { builtIns, type InventoryInput, type PoolInput, type Settings, type SupervisorSettings } from './schema.js';
import type { Range, Source } from './source.js';
import { find, type Path, pathText, type Tree } from './tree.js';

/** What the checks may know beside the file. Unknown is null, and then nothing is said about it. */
export type Surroundings = {
  /** null: the machine is not to be looked at. */
  readonly devices: DevicesObservation | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly knownUser: ((name: string) => boolean) | null;
  /** The name that a GGUF file, by its absolute path, gives its model; null where it gives none. */
  readonly nameInModel: ((path: string) => string | null) | null;
  /** Directory of the file, absolute. */
  readonly directory: string;
  readonly home: string;
};

/** A place in the file, and the name to call it by. */
export type Place = { readonly range: Range; readonly name: string };

/** `defaults` or one pool, as written: for checks of single values, so that an inherited one is judged once. */
export type Section = { readonly path: Path; readonly input: PoolInput };

export type DraftPool = {
  readonly id: string;
  readonly settings: Settings;
  readonly own: PoolInput;
  /** null: neither said nor to be guessed. */
  readonly engine: EngineKind | null;
  /** One for each replica; null where the item is no mask. */
  readonly masks: readonly (MaskRef | null)[];
  /** Has this key been complained about already? Then its value here is not what the user meant. */
  isSpoilt(key: keyof PoolInput): boolean;
  /** Where the value stands that counts: in the pool, else in `defaults`, else (it is built in) the pool's key. */
  place(path: Path): Place;
  /** In the pool itself, or its key. */
  ownPlace(path: Path): Place;
  /** Its id. */
  readonly key: Place;
};

export type Draft = {
  readonly source: Source;
  readonly root: Tree;
  readonly supervisor: SupervisorSettings;
  readonly sections: readonly Section[];
  readonly pools: readonly DraftPool[];
  readonly isSupervisorSpoilt: (key: string) => boolean;
};

export type Check = (draft: Draft, surroundings: Surroundings) => readonly Problem[];

export function draftOf(source: Source, root: Tree, input: InventoryInput, spoilt: readonly Path[]): Draft {
  const isSpoilt = spoiltKeys(spoilt);
  const base = inherit(builtIns.pool, input.defaults ?? {});
  const pools = Object.entries(input.pools).map(([id, own]): DraftPool => {
    const settings = inherit(base, own);
    const key = keyPlace(root, ['pools', id]);
    return {
      id,
      settings,
      own,
      engine: settings.engine ?? (settings.model === null ? null : guessEngine(settings.model)),
      masks: settings.device_masks.map(asMask),
      isSpoilt: (name) => isSpoilt(['pools', id, name]) || (!(name in own) && isSpoilt(['defaults', name])),
      place: (path) => placeIn(root, ['pools', id], path) ?? placeIn(root, ['defaults'], path) ?? key,
      ownPlace: (path) => placeIn(root, ['pools', id], path) ?? key,
      key,
    };
  });
  const sections = [
    ...(input.defaults === undefined ? [] : [{ path: ['defaults'], input: input.defaults }]),
    ...pools.map(({ id, own }) => ({ path: ['pools', id], input: own })),
  ];
  const supervisor = inherit(builtIns.supervisor, input.supervisor ?? {});
  return { source, root, supervisor, sections, pools, isSupervisorSpoilt: (key) => isSpoilt(['supervisor', key]) };
}

/** Complains about a place of the draft. */
export function problem({ source }: Draft, { range }: Place, complaint: Complaint): Problem {
  return problemAt(source, range, complaint);
}

/** The place of a path from the root, for what stands in no pool; null where it is not written. */
export function placeAt({ root }: Draft, path: Path): Place | null {
  return placeIn(root, [], path);
}

/** Whatever is wrong inside a key spoils the whole of it. */
function spoiltKeys(spoilt: readonly Path[]): (path: Path) => boolean {
  const keys = new Set(spoilt.map((path) => pathText(path.slice(0, path[0] === 'pools' ? 3 : 2))));
  return (path) => keys.has(pathText(path));
}

function placeIn(root: Tree, section: Path, path: Path): Place | null {
  const full = [...section, ...path];
  const found = find(root, full);
  return found === null ? null : { range: found.value.range, name: pathText(full) };
}

function keyPlace(root: Tree, path: Path): Place {
  const range = find(root, path)?.key ?? { start: 0, end: 1 };
  return { range, name: pathText(path) };
}

function asMask(item: MaskItem): MaskRef | null {
  const mask = parseMask(item);
  return mask.ok ? mask.value : null;
}
