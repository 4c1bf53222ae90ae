/** What runs, held against another inventory: which pools are touched, and because of which keys. Pure. */

import { changesLive } from './live-update.js';
import type { Inventory, PoolSpec, SupervisorSpec } from './model.js';
import { standing, withModel } from './model-choice.js';
import type { Override } from './reload-state.js';
import type { Pool, State } from './state.js';

export type Action = 'keep' | 'start' | 'stop' | 'restart' | 'live-update';

/** One key of a pool's entry, as it stands in the file ("drain.deadline"), in normal form. */
export type Change = {
  readonly key: string;
  readonly from: unknown;
  readonly to: unknown;
  readonly unit: 'ms' | 'bytes' | null;
};

export type Planned = {
  readonly poolId: string;
  readonly action: Action;
  readonly changes: readonly Change[];
  /** What it is to run; null where it goes. */
  readonly to: PoolSpec | null;
  /** The reload's model that goes on standing above the file's. */
  readonly override: Override | null;
};

/** In the order of the new file; what it no longer has comes last. */
export function planApply({ pools }: Pick<State, 'pools'>, { pools: next }: Inventory): readonly Planned[] {
  const known = new Set(next.map(({ poolId }) => poolId));
  const gone = [...pools.values()].filter(({ spec, retiring }) => !known.has(spec.poolId) && !retiring);
  return [
    ...next.map((file) => planned(file, pools.get(file.poolId))),
    ...gone.map(({ spec: { poolId } }) => ({ poolId, action: 'stop' as const, changes: [], to: null, override: null })),
  ];
}

function planned(file: PoolSpec, pool: Pool | undefined): Planned {
  const { poolId } = file;
  if (pool === undefined || pool.retiring) return { poolId, action: 'start', changes: [], to: file, override: null };
  const override = standing(file, pool.override);
  const to = override === null ? file : withModel(file, override.chosen);
  const changes = changesOf(pool.spec, to);
  const action = changes.length === 0 ? 'keep' : changes.every(({ key }) => changesLive(key)) ? 'live-update' : 'restart';
  return { poolId, action, changes, to, override };
}

/** Read once, at the start of the supervisor. All other keys of it count from the next time that somebody looks at them. */
const readOnce: ReadonlySet<string> = new Set<keyof SupervisorSpec>(['listen', 'tokenFile', 'log', 'events']);

/** Keys of `supervisor` that differ, as they stand in the file: those that count from now on, and those of its next start. */
export function supervisorChanges(
  before: SupervisorSpec,
  after: SupervisorSpec,
): { readonly now: readonly string[]; readonly later: readonly string[] } {
  const changed = (Object.keys(after) as (keyof SupervisorSpec)[]).filter(
    (key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]),
  );
  return {
    now: changed.filter((key) => !readOnce.has(key)).map(yamlName),
    later: changed.filter((key) => readOnce.has(key)).map(yamlName),
  };
}

export function changesOf(before: PoolSpec, after: PoolSpec): readonly Change[] {
  const [from, to] = [keysOf(before), keysOf(after)];
  const keys = [...new Set([...from.keys(), ...to.keys()])];
  return keys.flatMap((key) => {
    const [was, is] = [from.get(key), to.get(key)];
    const same = JSON.stringify(was?.value) === JSON.stringify(is?.value);
    return same ? [] : [{ key, from: was?.value ?? null, to: is?.value ?? null, unit: was?.unit ?? is?.unit ?? null }];
  });
}

type Leaf = { readonly value: unknown; readonly unit: Change['unit'] };

/** Every key that an entry has, so that none can be forgotten. A name that nobody gave is not compared: it follows the model. */
function keysOf({ poolId: _, modelId, modelIdGiven, masks, ...spec }: PoolSpec): ReadonlyMap<string, Leaf> {
  const written = { ...spec, modelId: modelIdGiven ? modelId : null, deviceMasks: masks.map(({ written: mask }) => mask) };
  const leaves = new Map<string, Leaf>();
  const walk = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    for (const [name, each] of Object.entries(value)) {
      const unit = name.endsWith('Ms') ? 'ms' : name.endsWith('Bytes') ? 'bytes' : null;
      const key = path === 'env' ? `env.${name}` : `${path === '' ? '' : `${path}.`}${yamlName(name)}`;
      if (typeof each === 'object' && each !== null && !Array.isArray(each) && path !== 'env') walk(each, key);
      else leaves.set(key, { value: each, unit });
    }
  };
  walk(written, '');
  return leaves;
}

/** `startupDeadlineMs` is `startup_deadline` in the file. */
function yamlName(name: string): string {
  return name.replace(/(Ms|Bytes)$/, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
