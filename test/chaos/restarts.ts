/** Whether an engine that died comes back no sooner than its backoff lets it, unless somebody has asked for it. */

import type { Excuses } from './excuses.js';
import { policy } from './pools.js';
import { type Engine, named } from './witness.js';

/** A wish is carried out so much later at most, where nothing else is in its way. */
const settledMs = 2_000;

export class Restarts {
  private readonly last = new Map<string, Engine>();
  private readonly askedAt = new Map<string, number>();

  constructor(
    private readonly excuses: Excuses,
    private readonly violate: (text: string) => void,
  ) {}

  /** Somebody asks for these. */
  asked(keys: readonly string[]): void {
    for (const key of keys) this.askedAt.set(key, performance.now());
  }

  /** Its supervisor is gone: what it had seen last may not be written down. */
  forget(): void {
    this.last.clear();
  }

  /** It was seen just now. Between the last proof that its predecessor lived and this moment lies more than the time that it has waited. */
  born(engine: Engine): void {
    const before = this.last.get(engine.key);
    this.last.set(engine.key, engine);
    if (before === undefined) return;
    const waitedMs = performance.now() - before.aliveAt;
    if (waitedMs >= policy.backoffMinMs || this.isAsked(engine.key, before.aliveAt)) return;
    this.violate(
      `${named(engine)} was launched at most ${Math.round(waitedMs)} ms after pid ${before.pid} died, and nobody asked`,
    );
  }

  private isAsked(key: string, since: number): boolean {
    return (this.askedAt.get(key) ?? Number.NEGATIVE_INFINITY) >= since - settledMs || this.excuses.openOn(key).length > 0;
  }
}
