/** What nvidia-smi says in a scenario. */

import { join } from 'node:path';
import { type FakeGpu, fakeNvidiaSmi, type Plan } from '../../rig/fake-nvidia-smi.js';
import type { PoolctlWorld } from './world.js';

/** Who uses the GPUs goes on being told as it was, unless the plan says otherwise. */
export async function say(world: PoolctlWorld, next: Plan): Promise<void> {
  if (world.gpus === null) {
    const fake = await fakeNvidiaSmi(join(world.rig.dir, 'nvidia'), next, world.rig.env.PATH);
    Object.assign(world.rig.env, fake.env);
    world.gpus = { fake, plan: next };
    return;
  }
  const { processes } = world.gpus.plan;
  const plan = processes === undefined ? next : { processes, ...next };
  await world.gpus.fake.say(plan);
  world.gpus.plan = plan;
}

export function gpusOf({ gpus }: PoolctlWorld): readonly FakeGpu[] {
  return gpus?.plan.gpus ?? [];
}
