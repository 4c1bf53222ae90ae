/** Restart storms: too many automatic restarts of one pool, or on one device, in a sliding window. */

import type { CrashClass } from './crash.js';
import type { Instant, Moment, StormSpec } from './model.js';

/** One automatic restart; `class` is that of the exit before it. */
export type Restart = { readonly at: Moment; readonly class: CrashClass };

export type StormKind = 'storm' | 'oom_storm' | 'cuda_storm';

/** The limits, raised to the pool's size: one common cause is no storm. */
export function raised(spec: StormSpec, replicas: number): StormSpec {
  return {
    ...spec,
    limit: Math.max(spec.limit, replicas),
    trip: { ...spec.trip, count: Math.max(spec.trip.count, 2 * replicas) },
  };
}

export function within(restarts: readonly Restart[], windowMs: number, now: Instant): readonly Restart[] {
  return restarts.filter(({ at }) => at.at > now - windowMs);
}

/** With one more, and without those that no window reaches any more. */
export function withRestart(restarts: readonly Restart[], restart: Restart, longestWindowMs: number): readonly Restart[] {
  return [...within(restarts, longestWindowMs, restart.at.at), restart];
}

/**
 * When the window allows the next restart: now, or when enough of the old ones have left it. `pending` are restarts on their way that are not
 * counted yet; null: only when one of those has been.
 */
export function launchableAt(
  restarts: readonly Restart[],
  { limit, windowMs, pending }: { readonly limit: number; readonly windowMs: number; readonly pending: number },
  now: Instant,
): Instant | null {
  const recent = within(restarts, windowMs, now);
  const allowed = limit - pending;
  if (recent.length < allowed) return now;
  const leaving = recent[recent.length - allowed];
  return leaving === undefined ? null : leaving.at.at + windowMs;
}

/** A storm of one class is named, since it has a remedy of its own. */
export function kindOf(restarts: readonly Restart[]): StormKind {
  if (restarts.length === 0) return 'storm';
  if (restarts.every(({ class: of }) => of === 'vram_oom' || of === 'host_oom')) return 'oom_storm';
  return restarts.every(({ class: of }) => of === 'gpu_error' || of === 'driver') ? 'cuda_storm' : 'storm';
}

export const remedies: Readonly<Record<StormKind | 'device', string>> = {
  storm: 'look at the last exits (poolctl status POOL/rN); poolctl reset starts it again at once',
  oom_storm: 'the engines run out of memory: lower their context or slots, or give them fewer neighbours; then poolctl reset',
  cuda_storm: 'the GPU or its driver is at fault: see nvidia-smi and the kernel log, reset the GPU or reboot; then poolctl reset',
  device: 'engines of several pools fail on this device: see nvidia-smi and the kernel log',
};
