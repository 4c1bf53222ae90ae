/** Which entry each pool has: the file's, with the model that a reload has put above it. Kept by what was asked and how it ended. */

import type { Inventory, ModelChoice, PoolSpec } from '../../src/core/model.js';

/** A model above the file's, and what the file named then. */
export type Above = { readonly chosen: ModelChoice; readonly file: Pick<PoolSpec, 'model' | 'modelDigest'> };
export type Aboves = ReadonlyMap<string, Above>;

export class ModelsBook {
  private aboves = new Map<string, Above>();
  private readonly files = new Map<string, PoolSpec>();

  /** What the pools are to have. `written`: what the last supervisor had written down; null: nothing that counts. */
  begun(inventory: Inventory, written: Aboves | null): Inventory {
    this.aboves = written === null ? new Map() : holding(written, inventory);
    this.names(inventory);
    return above(inventory, this.aboves);
  }

  /** As it is when the registry is written. */
  copy(): Aboves {
    return new Map(this.aboves);
  }

  /** What the file says now. */
  names({ pools }: Inventory): void {
    this.files.clear();
    for (const spec of pools) this.files.set(spec.poolId, spec);
  }

  /** The file as it would be, with the models that go on standing above it. */
  above(inventory: Inventory): Inventory {
    return above(inventory, holding(this.aboves, inventory));
  }

  /** Null: the file's own model is the one to have. */
  holds(poolId: string): Above | null {
    const [above, file] = [this.aboves.get(poolId), this.files.get(poolId)];
    return above !== undefined && file !== undefined && isSame(above.file, file) ? above : null;
  }

  stands(poolId: string, above: Above | null): void {
    if (above === null) this.aboves.delete(poolId);
    else this.aboves.set(poolId, above);
  }

  /** It has another model from now on. */
  reloaded(to: PoolSpec, from: PoolSpec): void {
    const file = this.files.get(to.poolId) ?? from;
    this.stands(to.poolId, isSame(file, to) ? null : { chosen: to, file });
  }
}

/** What holds of it with this file: a file that names another model ends it. */
function holding(aboves: Aboves, { pools }: Inventory): Map<string, Above> {
  return new Map([...aboves].filter(([id, { file }]) => pools.some((pool) => pool.poolId === id && isSame(pool, file))));
}

/** The file, with the models that stand above it. */
function above(inventory: Inventory, aboves: Aboves): Inventory {
  return { ...inventory, pools: inventory.pools.map((spec) => withChosen(spec, aboves.get(spec.poolId)?.chosen ?? spec)) };
}

export function withChosen(spec: PoolSpec, { model, modelDigest, modelId }: ModelChoice): PoolSpec {
  return { ...spec, model, modelDigest, modelId };
}

export function isSame(a: Pick<PoolSpec, 'model' | 'modelDigest'>, b: Pick<PoolSpec, 'model' | 'modelDigest'>): boolean {
  return a.model === b.model && a.modelDigest === b.modelDigest;
}
