/** What random sequences see of reloads: nothing is launched with a model that nobody has looked at, and a pool has one model when they are over. */

import type { Effect, Input } from '../../src/core/messages.js';
import type { ReplicaKey } from '../../src/core/model.js';
import type { Pool, State } from '../../src/core/state.js';

type Seen = { readonly before: State; readonly after: State; readonly effects: readonly Effect[] };

const serving: ReadonlySet<string> = new Set(['starting', 'ready', 'unhealthy']);

export class Reloads {
  /** By pool: what it runs, and which models may be tried there. */
  private readonly models = new Map<string, { readonly own: string | null; readonly tried: string | null }>();

  /** Its supervisor is dead: the next one tries nothing. */
  clear(): void {
    this.models.clear();
  }

  /** What is wrong after a step. */
  broken(input: Input, { before, after, effects }: Seen): readonly string[] {
    const found = [...after.pools.values()].flatMap((pool) => this.mixed(pool, before.pools.get(pool.spec.poolId)));
    for (const pool of before.pools.values())
      if (input.type === 'verified' && pool.reload?.operationId === input.operationId && input.obstacles.length === 0)
        this.models.set(pool.spec.poolId, { own: pool.spec.model, tried: pool.reload.to.model });
    return [...found, ...effects.flatMap((effect) => (effect.type === 'spawn' ? this.untried(effect.launch, before) : []))];
  }

  private untried({ key, spec }: { readonly key: ReplicaKey; readonly spec: Pool['spec'] }, before: State): readonly string[] {
    const present = before.pools.get(spec.poolId)?.spec.model;
    const tried = this.models.get(spec.poolId)?.tried;
    return spec.model === present || spec.model === tried
      ? []
      : [`${key} is launched with ${spec.model}, and nobody has looked at it`];
  }

  private mixed({ spec, reload, replicas }: Pool, before: Pool | undefined): readonly string[] {
    if (reload !== null) return [];
    if (before?.reload == null) this.models.delete(spec.poolId);
    return replicas.flatMap(({ key, life }) =>
      serving.has(life.state) && 'engine' in life && life.engine.launch.spec.model !== spec.model
        ? [`${key} has ${life.engine.launch.spec.model}, and its pool ${spec.model}`]
        : [],
    );
  }
}
