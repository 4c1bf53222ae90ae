/** Who change the file while a supervisor runs, and ask it to go by it: drawn from the seed. */

import type { Inventory } from '../../src/core/model.js';
import { edit, withPolicies } from './edits.js';
import type { Machine } from './machine.js';
import type { Operators } from './operators.js';
import type { Random } from './random.js';

const minute = 60_000;

type World = {
  /** The pools as they were at first. */
  readonly all: Inventory;
  readonly gpus: number;
  readonly operators: Operators;
  /** The supervisor may die at each of its barriers for so long. */
  readonly threaten: (forMs: number) => void;
  /** As it stands in the file now; whoever begins next reads it too, whatever becomes of an apply. */
  readonly read: () => Inventory;
  readonly write: (inventory: Inventory) => void;
};

export class Editors {
  constructor(
    private readonly machine: Machine,
    private readonly random: Random,
    private readonly world: World,
  ) {}

  /** One pool or several, and mostly they say so. What they have broken is mended soon. */
  change(): void {
    const { random, machine, world } = this;
    const before = world.read();
    for (let left = 1 + random.below(3); left > 0; left -= 1) world.write(edit(world.read(), world.all, world.gpus, random));
    machine.watch.count('the file is edited while a supervisor runs');
    if (random.chance(0.25)) world.threaten(random.between(1_000, minute));
    this.beside();
    if (random.chance(0.9)) this.apply();
    if (random.chance(0.15)) machine.timeline.after(random.between(1, 30_000), () => this.apply());
    if (random.chance(0.8)) machine.timeline.after(random.exponential(8 * minute), () => this.undo(before));
    if (random.chance(0.4)) {
      const { poolId } = random.pick(world.all.pools);
      const replicaId = random.chance(0.5) ? null : (`r${random.below(3)}` as const);
      world.operators.disturb({ poolId, replicaId }, 2 * minute);
    }
  }

  /** One policy of some pool, just when its engines may be being looked for, checked or made. */
  tune(): void {
    const { random, machine, world } = this;
    machine.watch.count('policies are edited when a supervisor begins');
    const { pools } = world.read();
    if (pools.length > 0) world.write(withPolicies(world.read(), random.pick(pools).poolId, world.all, random));
    this.apply();
  }

  /** Somebody asks for something else just before. */
  private beside(): void {
    const { random, world } = this;
    if (random.chance(0.2)) world.operators.wish();
    if (random.chance(0.1)) world.operators.reload();
  }

  private undo(before: Inventory): void {
    const { random, world } = this;
    world.write(random.chance(0.5) ? before : world.all);
    this.apply();
  }

  private apply(): void {
    const { machine, world } = this;
    machine.supervisor?.give({ type: 'apply-requested', inventory: world.read(), correlationId: null });
  }
}
