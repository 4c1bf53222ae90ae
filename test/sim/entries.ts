/**
 * What each pool is to have now: its entry of the file, with the model that stands above it. One book for all observers, kept by what was asked and
 * how it ended; and how entries differ, by the contract: which keys are policies, that change while engines run.
 */

import type { Launch } from '../../src/core/messages.js';
import type { PoolSpec } from '../../src/core/model.js';
import type { Process } from './processes.js';

const policies: readonly (keyof PoolSpec)[] = ['health', 'restart', 'drain', 'stop', 'logs', 'slots', 'reload', 'autostart'];

export type Difference = 'none' | 'policies' | 'engine';

/** How much of one entry is another in the next. A name that nobody gave follows the model. */
export function difference(from: PoolSpec, to: PoolSpec): Difference {
  if (!isAlike(from, to)) return 'engine';
  return policies.every((key) => JSON.stringify(from[key]) === JSON.stringify(to[key])) ? 'none' : 'policies';
}

/** Whether an engine that is launched with one of them is one of the other. */
export function isAlike(one: PoolSpec, other: PoolSpec): boolean {
  return one === other || ofEngine(one) === ofEngine(other);
}

/** The same engine under other policies. */
export function withPolicies(spec: PoolSpec, to: PoolSpec): PoolSpec {
  return { ...spec, ...Object.fromEntries(policies.map((key) => [key, to[key]])) };
}

export class Entries {
  readonly specs = new Map<string, PoolSpec>();
  /** By instance: engines whose policies have changed since they were launched, and what they go by now. */
  private going = new Map<string, PoolSpec>();

  /** `written`: as the last supervisor had it written down. */
  begun(pools: readonly PoolSpec[], written: Goings): void {
    this.going = new Map(written);
    this.specs.clear();
    for (const spec of pools) this.specs.set(spec.poolId, spec);
  }

  /** Other policies for those that run. */
  changes(to: PoolSpec, running: readonly Process[]): void {
    this.specs.set(to.poolId, to);
    const living = running.filter(({ launch }) => launch.spec.poolId === to.poolId);
    for (const process of living) this.going.set(process.instance, withPolicies(this.goesBy(process.launch), to));
  }

  /** It was ordered before policies changed, and goes by the new ones. */
  launched(process: Process): void {
    const { spec } = process.launch;
    const now = this.specs.get(spec.poolId);
    if (now !== undefined && difference(spec, now) === 'policies') this.going.set(process.instance, withPolicies(spec, now));
  }

  /** By the entry with which it is known an engine is met again, whatever it went by when its supervisor died. */
  goesBy({ instance, spec }: Pick<Launch, 'instance' | 'spec'>): PoolSpec {
    return this.going.get(instance) ?? spec;
  }

  /** As it is when the registry is written: whoever comes next knows no more of those that run. */
  copy(): Goings {
    return new Map(this.going);
  }
}

/** By instance: the entry that an engine goes by, where that is not the one that it was launched with. */
export type Goings = ReadonlyMap<string, PoolSpec>;

const known = new WeakMap<PoolSpec, string>();

function ofEngine(spec: PoolSpec): string {
  const before = known.get(spec);
  if (before !== undefined) return before;
  const without = Object.fromEntries([...policies, 'modelId'].map((key) => [key, null]));
  const text = JSON.stringify({ ...spec, ...without, ...(spec.modelIdGiven ? { modelId: spec.modelId } : {}) });
  known.set(spec, text);
  return text;
}
