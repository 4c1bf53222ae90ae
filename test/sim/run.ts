/** One seed, from the first supervisor to the end of its hours. */

import { Director } from './director.js';
import { drawPlan } from './inventory.js';
import { Machine } from './machine.js';
import { makeRandom } from './random.js';
import { Watch } from './watch.js';

export type Run = {
  readonly seed: string;
  readonly hours: number;
  /** `health.interval` of every pool. */
  readonly probeMs: number;
  /** Told line by line, where it is wanted. */
  readonly trace?: (line: string) => void;
};

export type Outcome = {
  readonly seed: string;
  /** How far it came: all of its hours, or to the violation. */
  readonly hours: number;
  readonly inputs: number;
  readonly faults: ReadonlyMap<string, number>;
  readonly violation: string | null;
};

/** More than so many things in one instant are a circle. */
const mostAtOnce = 5_000;

/** The same run has the same outcome and the same trace, whenever and wherever. Ends at the first violation. */
export async function simulate({ seed, hours, probeMs, trace }: Run): Promise<Outcome> {
  const random = makeRandom(seed);
  const { inventory, gpus } = drawPlan(random.fork('plan'), probeMs);
  const watch: Watch = new Watch(inventory, () => machine, trace ?? null);
  const machine: Machine = new Machine(random, watch, gpus);
  new Director(machine, inventory, gpus).begin();
  const until = hours * 3_600_000;
  let [at, things] = [0, 0];
  while (watch.violation === null && machine.timeline.step(until)) {
    things = machine.now === at ? things + 1 : 0;
    at = machine.now;
    if (things > mostAtOnce) watch.violate('time stands still: what is due is never done');
    await settled();
  }
  return {
    seed,
    hours: watch.violation === null ? hours : machine.now / 3_600_000,
    inputs: watch.inputs,
    faults: watch.faults,
    violation: watch.violation,
  };
}

/** Promises that can be kept have been, and what follows from them has been done. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
