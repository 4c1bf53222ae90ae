/** Whether engines that serve are asked for their health as often as their policy says, from the moment on at which it does. */

import type { Launch } from '../../src/core/messages.js';
import type { Entries } from './entries.js';
import type { Machine } from './machine.js';

/** An alarm and an answer take a moment. */
const slackMs = 500;

export class Beats {
  /** By instance: when it was probed last, and whether it was ready then: of one that loads the next beat counts from its being ready. */
  private readonly last = new Map<string, { readonly at: number; readonly ready: boolean }>();
  /** Pools whose policies have changed, and when they last did. */
  private readonly changedAt = new Map<string, number>();

  constructor(
    private readonly machine: () => Machine,
    private readonly entries: Entries,
  ) {}

  /** It is not known how long each of them has waited. */
  begun(): void {
    this.last.clear();
    this.changedAt.clear();
  }

  changes(poolId: string): void {
    this.changedAt.set(poolId, this.machine().now);
  }

  /** What is wrong with this probe; null: nothing. */
  probes(launch: Launch, quietSince: number): string | null {
    const { now, handoffs, slowDiskUntil } = this.machine();
    const { key, instance, spec } = launch;
    const before = this.last.get(instance);
    const ready = handoffs.get(key)?.launch.instance === instance;
    this.last.set(instance, { at: now, ready });
    if (before?.ready !== true || !ready || before.at < quietSince) return null;
    // A probe goes out behind the record of its step.
    if (before.at < slowDiskUntil) return null;
    const { intervalMs, timeoutMs } = this.entries.goesBy(launch).health;
    const due = Math.max(before.at + intervalMs + timeoutMs, this.changedAt.get(spec.poolId) ?? 0);
    if (now - due <= slackMs) return null;
    return `${key} is probed ${Math.round(now - before.at)} ms after the last time, and is to be every ${intervalMs}`;
  }
}
