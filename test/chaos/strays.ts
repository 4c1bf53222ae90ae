/** What engines have left behind on order: it must go when its engine has gone, whatever it did to hide. */

import { isAlive } from '../../src/host/proc.js';
import { seconds } from './goals.js';
import { type Engine, named } from './witness.js';

type Stray = { readonly pid: number; readonly startTicks: number; readonly engine: Engine; readonly how: string };

/** How long after its engine's end, with a supervisor at work: the looks at the machine, SIGKILL, and a slow one. */
const goneWithinMs = 12_000;

export class Strays {
  private strays: Stray[] = [];

  constructor(private readonly violate: (text: string) => void) {}

  add(stray: Stray): void {
    this.strays.push(stray);
  }

  get living(): readonly Stray[] {
    return this.strays.filter(isAlive);
  }

  /** `steadyMs`: for how long the supervisor has been at work without a break. */
  judge(steadyMs: number, at: number): void {
    for (const stray of this.strays) {
      const { engine, pid, how } = stray;
      if (engine.goneAt === null || at - engine.goneAt < goneWithinMs || steadyMs < goneWithinMs) continue;
      this.strays = this.strays.filter((each) => each !== stray);
      if (isAlive(stray))
        this.violate(`pid ${pid}, forked by ${named(engine)} (${how}), lives ${seconds(at - engine.goneAt)} after its engine`);
    }
  }
}
