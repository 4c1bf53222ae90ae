/** The formulas of the specification once more, written down apart from the core: the least that each policy asks for. */

import type { Event } from '../../src/core/events.js';
import type { BackoffSpec, BreakerSpec, PoolSpec } from '../../src/core/model.js';
import { type Account, type Breaker, breakerNames } from './account.js';

/** What one failure says, in one breath. */
export const ofFailures: ReadonlySet<Event['event']> = new Set([
  'replica.crashed',
  'replica.failed',
  'replica.stopped',
  'replica.broken',
  'breaker.changed',
]);

/** The core acts a moment after the fact, and rounds to whole milliseconds. */
export const slackMs = 5;
/** Rewards may be had so much early here: they only make the ledger more lenient. */
const earlyMs = 1_000;

/** min(max, initial · factor^(n-1) · multiplier), less all of the jitter, never under `min`. */
export function waitMs(
  { initialMs, factor, maxMs, minMs, jitter, cudaMultiplier }: BackoffSpec,
  n: number,
  gpu: boolean,
): number {
  const wanted = initialMs * factor ** (n - 1) * (gpu ? cudaMultiplier : 1);
  return Math.max(minMs, Math.min(maxMs, wanted) * (1 - jitter)) - slackMs;
}

/** Why it comes too early; null: it does not. A breaker whose time has come lets one launch through. */
export function onLaunch(account: Account, { restart: { breaker: spec } }: PoolSpec, now: number): string | null {
  const early = now < account.notBefore ? `is launched ${Math.round(account.notBefore - now)} ms before its wait ends` : null;
  let open: string | null = null;
  for (const name of breakerNames) {
    const breaker = account.breakers[name];
    if (breaker.state === 'closed') continue;
    if (now < breaker.until - slackMs)
      open = `is launched ${Math.round(breaker.until - now)} ms before its ${name} breaker lets it`;
    if (breaker.state === 'open') account.breakers[name] = tested(breaker, spec);
  }
  return open ?? early;
}

/** It is told to let one launch through, by the policy of now; `once`: since somebody asked for that. Whether its time has come its launch shows. */
export function letThrough(
  account: Account,
  name: (typeof breakerNames)[number],
  { restart }: PoolSpec,
  { leastOpenMs }: Waits,
  once: boolean,
): void {
  const breaker = account.breakers[name];
  if (breaker.state === 'half-open') return;
  // One that was let off here with a wait: for how long it was open, nobody is told.
  const unknown = { ...breaker, state: 'half-open', openForMs: leastOpenMs, until: 0 } as const;
  if (breaker.state === 'closed') account.breakers[name] = unknown;
  else account.breakers[name] = once ? { ...breaker, state: 'half-open', until: 0 } : tested(breaker, restart.breaker);
}

function tested(breaker: Breaker, { maxOpenForMs, extendFactor }: BreakerSpec): Breaker {
  const openForMs = Math.min(Math.max(maxOpenForMs, breaker.openForMs), breaker.openForMs * extendFactor);
  return { ...breaker, state: 'half-open', openForMs };
}

/** One failure more; `cure`: only a reset or a reboot helps, and its breaker opens at once. */
export function onFailure(account: Account, { restart: { breaker: spec } }: PoolSpec, cure: boolean, now: number): void {
  const name = gpuOr(account);
  const before = account.breakers[name];
  if (before.state === 'open') return;
  const threshold = name === 'cuda' ? spec.cudaThreshold : spec.threshold;
  const failures = before.failures + 1;
  const opens = before.state === 'half-open' || failures >= threshold || cure;
  const openForMs = before.state === 'half-open' ? before.openForMs : spec.openForMs;
  account.breakers[name] = opens ? open(failures, openForMs, now) : { ...before, failures };
}

/** Opened whatever it has counted. */
export function tripped(
  account: Account,
  name: (typeof breakerNames)[number],
  { restart: { breaker } }: PoolSpec,
  now: number,
): void {
  const before = account.breakers[name];
  if (before.state !== 'open') account.breakers[name] = open(before.failures, breaker.openForMs, now);
}

/** It was open, or its neighbour was: it waits for nothing, and opens next for as long as it would for the first time. */
export function perhapsOpen(
  account: Account,
  name: (typeof breakerNames)[number],
  { restart }: PoolSpec,
  { leastOpenMs }: Waits,
  now: number,
): void {
  const openForMs = leastOpenMs / restart.breaker.extendFactor;
  account.breakers[name] = { ...open(account.breakers[name].failures, openForMs, now), until: now };
}

/** It is told to open. One whose time has passed here begins anew. */
export function opened(
  account: Account,
  name: (typeof breakerNames)[number],
  spec: PoolSpec,
  { leastOpenMs }: Waits,
  now: number,
): void {
  const before = account.breakers[name];
  if (before.state === 'open' && before.until <= now) account.breakers[name] = { ...before, state: 'half-open' };
  const { state, failures, openForMs } = account.breakers[name];
  // A test launch that failed opens it for what the policy of before had come to, a storm for what the present one says: nobody is told which.
  const leastMs = Math.min(openForMs, leastOpenMs);
  if (state === 'half-open') account.breakers[name] = open(failures, leastMs, now);
  else tripped(account, name, spec, now);
}

/** The last failure was permanent: it counts for nothing that only slows restarts down. */
export function forgiven(account: Account): void {
  const { before } = account;
  if (before === null) return;
  account.attempt = before.attempt;
  account.notBefore = 0;
  Object.assign(account.breakers, before.breakers);
  account.before = null;
}

export function gpuOr({ gpu }: Account): (typeof breakerNames)[number] {
  return gpu ? 'cuda' : 'general';
}

/** What its ready time has earned, when that ends. */
export function onReward(account: Account, { restart: { backoff, breaker } }: PoolSpec, now: number): void {
  if (account.readySince === null) return;
  const readyMs = now - account.readySince + earlyMs;
  if (readyMs >= backoff.resetAfterMs) account.attempt = 0;
  if (readyMs < breaker.closeAfterMs) return;
  for (const name of breakerNames) {
    const breaker = account.breakers[name];
    // A storm has opened it since: that it is closed again by the calm after is told.
    if (breaker.state === 'open' && breaker.until > now) continue;
    account.breakers[name] = { ...breaker, state: 'closed', failures: 0 };
  }
}

function open(failures: number, openForMs: number, now: number): Breaker {
  return { state: 'open', failures, openForMs, until: now + openForMs };
}

/** The longest that a replica may wait, that its breaker may be open, and that this may take ready time to close; and the least that a breaker opens for at first. */
export type Waits = { readonly waitMs: number; readonly openMs: number; readonly leastOpenMs: number; readonly closeMs: number };

export function waitsOf({ restart: { backoff, storm, breaker } }: PoolSpec): Waits {
  return {
    waitMs: Math.max(backoff.maxMs, storm.windowMs),
    openMs: Math.max(breaker.openForMs, breaker.maxOpenForMs),
    leastOpenMs: breaker.openForMs,
    closeMs: breaker.closeAfterMs,
  };
}

export function longer(one: Waits | undefined, other: Waits): Waits {
  return one === undefined
    ? other
    : {
        waitMs: Math.max(one.waitMs, other.waitMs),
        openMs: Math.max(one.openMs, other.openMs),
        leastOpenMs: Math.min(one.leastOpenMs, other.leastOpenMs),
        closeMs: Math.max(one.closeMs, other.closeMs),
      };
}
