/** Which entry each pool has: the file's, with the model that a reload has put above it. Kept by what was asked and how it ended. */

import type { Inventory, ModelChoice, PoolSpec } from '../../src/core/model.js';

/** A model above the file's, and what the file named then. */
export type Above = { readonly chosen: ModelChoice; readonly file: Pick<PoolSpec, 'model' | 'modelDigest'> };
export type Aboves = ReadonlyMap<string, Above>;

/** What holds of it with this file: a file that names another model ends it. */
export function holding(aboves: Aboves, { pools }: Inventory): Map<string, Above> {
  return new Map([...aboves].filter(([id, { file }]) => pools.some((pool) => pool.poolId === id && isSame(pool, file))));
}

/** The file, with the models that stand above it. */
export function above(inventory: Inventory, aboves: Aboves): Inventory {
  return { ...inventory, pools: inventory.pools.map((spec) => withChosen(spec, aboves.get(spec.poolId)?.chosen ?? spec)) };
}

export function withChosen(spec: PoolSpec, { model, modelDigest, modelId }: ModelChoice): PoolSpec {
  return { ...spec, model, modelDigest, modelId };
}

export function isSame(a: Pick<PoolSpec, 'model' | 'modelDigest'>, b: Pick<PoolSpec, 'model' | 'modelDigest'>): boolean {
  return a.model === b.model && a.modelDigest === b.modelDigest;
}
