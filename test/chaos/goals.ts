/** What operators want of each replica, by the wishes that were accepted; poolctl's own word of it is not asked. */

import { allKeys } from './pools.js';
import { type Engine, named } from './witness.js';

type Goal = {
  /** Null: a wish was sent, and whether it was heard is not known. */
  readonly value: 'up' | 'down' | null;
  readonly wish: string;
  readonly acceptedAt: number;
  /** When an engine that is not wanted must have ended, given that its supervisor lives. */
  readonly settledAt: number;
};

export class Goals {
  private readonly goals = new Map<string, Goal>();

  constructor(private readonly violate: (text: string) => void) {
    this.all('up', 'it began');
  }

  all(value: Goal['value'], wish: string): void {
    for (const key of allKeys) this.set(key, value, wish);
  }

  /** `settlesInMs`: how long the end of an engine may take. */
  set(key: string, value: Goal['value'], wish: string, settlesInMs = 0): void {
    const acceptedAt = performance.now();
    this.goals.set(key, { value, wish, acceptedAt, settledAt: acceptedAt + settlesInMs });
  }

  of(key: string): Goal['value'] {
    return this.goals.get(key)?.value ?? null;
  }

  /** The wish that it go down, where that is what holds: the same answer at two times means that nothing else was asked for between. */
  downBy(key: string): Goal | null {
    const goal = this.goals.get(key);
    return goal?.value === 'down' ? goal : null;
  }

  /** A wish is on its way: until it is answered, nobody knows what holds. The answer puts it back, for a wish that was refused. */
  asking(keys: readonly string[], wish: string): () => void {
    const before = keys.map((key) => [key, this.goals.get(key)] as const);
    for (const key of keys) this.set(key, null, wish);
    return () => {
      for (const [key, goal] of before) if (goal !== undefined) this.goals.set(key, goal);
    };
  }

  /** A later wish cancels a restart of its pool: these, whom that may not have come to, are then as they were before it. */
  uncertain(keys: readonly string[]): void {
    for (const key of keys) {
      const { wish } = this.goals.get(key) ?? { wish: '' };
      if (wish.startsWith('restart')) this.set(key, null, `${wish}, cancelled`);
    }
  }

  /** What was accepted since may not have been written down. Answers whose that is. */
  doubtSince(at: number): readonly string[] {
    const doubted = [...this.goals].filter(([, goal]) => goal.acceptedAt >= at);
    for (const [key, goal] of doubted) this.goals.set(key, { ...goal, value: null });
    return doubted.map(([key]) => key);
  }

  /** `steadyMs`: for how long the supervisor has been at work without a break. */
  judge(engines: readonly Engine[], steadyMs: number, at: number): void {
    for (const engine of engines) {
      const goal = this.goals.get(engine.key);
      if (goal?.value !== 'down' || at < goal.settledAt || steadyMs < goal.settledAt - goal.acceptedAt) continue;
      this.violate(
        `${named(engine)} lives ${seconds(at - goal.acceptedAt)} after "${goal.wish}" was accepted, and nothing else was asked for since`,
      );
      this.goals.set(engine.key, { ...goal, value: null });
    }
  }
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
