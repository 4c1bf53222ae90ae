/** What an apply is to do, worked out apart from the core: by what differs between the file and what the pools are to have. */

import type { Inventory, PoolSpec } from '../../src/core/model.js';
import { difference } from './entries.js';

/** What the file asks of each pool, and whether it asks anything new of the supervisor itself. */
export type Plan = {
  readonly inventory: Inventory;
  readonly starts: readonly PoolSpec[];
  readonly lives: readonly PoolSpec[];
  readonly keeps: readonly PoolSpec[];
  readonly restarts: readonly PoolSpec[];
  readonly stops: readonly PoolSpec[];
  readonly changed: boolean;
};

/** What is there when the file is applied. `isLeaving`: it goes, and what the file names is another. */
type Present = {
  readonly specs: ReadonlyMap<string, PoolSpec>;
  readonly isLeaving: (poolId: string) => boolean;
  readonly supervisor: Inventory['supervisor'] | null;
};

/** Keys of the supervisor that count while it runs. */
const counts = [
  'allowDownloads',
  'ports',
  'shutdownDeadlineMs',
  'adopt',
  'loads',
  'devicePollMs',
  'enginePollMs',
  'deviceStorm',
] as const;

/** `pools`: those of the file, with the models that stand above it. */
export function planOf(inventory: Inventory, pools: readonly PoolSpec[], { specs, isLeaving, supervisor }: Present): Plan {
  const isNew = ({ poolId }: PoolSpec): boolean => !specs.has(poolId) || isLeaving(poolId);
  const differ = (how: ReturnType<typeof difference>): readonly PoolSpec[] =>
    pools.filter((spec) => !isNew(spec) && difference(specs.get(spec.poolId) ?? spec, spec) === how);
  const stops = [...specs.values()].filter(({ poolId }) => !isLeaving(poolId) && !pools.some((pool) => pool.poolId === poolId));
  // A model stands above the file only in a pool that is there.
  const starts = inventory.pools.filter(isNew);
  const [lives, restarts, keeps] = [differ('policies'), differ('engine'), differ('none')];
  const itself = counts.some((key) => JSON.stringify(supervisor?.[key]) !== JSON.stringify(inventory.supervisor[key]));
  const changed = itself || [starts, lives, restarts, stops].some((each) => each.length > 0);
  return { inventory, starts, lives, keeps, restarts, stops, changed };
}

/** For a trace. */
export function described({ starts, lives, restarts, stops }: Plan): string {
  const parts = [
    ['starts', starts],
    ['changes live', lives],
    ['restarts', restarts],
    ['stops', stops],
  ] as const;
  return parts.map(([what, specs]) => `${what} ${specs.map(({ poolId }) => poolId).join(', ') || 'none'}`).join('; ');
}
