/** What becomes of a replica's account by what is told of it, and by what somebody wants. */

import type { Event } from '../../src/core/events.js';
import type { Verb } from '../../src/core/messages.js';
import type { PoolSpec } from '../../src/core/model.js';
import { type Account, breakerNames } from './account.js';
import type { Ending } from './exits.js';
import {
  forgiven,
  gpuOr,
  letThrough,
  ofFailures,
  onFailure,
  onReward,
  opened,
  perhapsOpen,
  type Waits,
  waitMs,
} from './policy.js';

/** `how`: what the world knows of that incarnation's end. `once`: somebody asks just now that one launch be let through. */
export type Circumstances = {
  readonly spec: PoolSpec;
  readonly waits: Waits;
  readonly how: Ending | null;
  readonly once: boolean;
  readonly now: number;
};

export function hear(account: Account, event: Event, circumstances: Circumstances): void {
  const { spec, waits, once, now } = circumstances;
  if (!ofFailures.has(event.event)) account.before = null;
  // A drain that is called off takes nothing from it.
  if (event.to !== undefined && event.to !== 'ready' && event.to !== 'draining') {
    onReward(account, spec, now);
    account.readySince = null;
  }
  switch (event.event) {
    case 'replica.ready':
      account.readySince ??= now;
      account.proven = true;
      return;
    case 'replica.stopped':
      // Nobody wants it any more: the crash before makes no wait. What that has opened stays open.
      if (event.from === 'broken') account.before = null;
      forgiven(account);
      return;
    case 'replica.failed':
      account.permanent = event.reason ?? 'it failed';
      forgiven(account);
      return;
    case 'breaker.changed':
      // It opens where this ledger would let it off with a wait: that is its right, and it stays open for as long as one does.
      if (event.new_state === 'closed' && event.breaker !== undefined)
        account.breakers[event.breaker] = { ...account.breakers[event.breaker], state: 'closed', failures: 0 };
      if (event.new_state === 'half-open') letThrough(account, event.breaker ?? 'general', spec, waits, once);
      if (event.new_state === 'open') opened(account, event.breaker ?? 'general', spec, waits, now);
      return;
    case 'replica.backoff':
      // An end in peace that is restarted all the same: it was not its GPU.
      if (event.from !== 'preparing' && event.incarnation !== account.failedIncarnation) account.gpu = false;
      return;
    case 'replica.broken':
      // Of one that comes to wait without a failure nobody is told which of its breakers was open.
      if (account.before !== null && breakerNames.every((name) => account.breakers[name].state !== 'open'))
        perhapsOpen(account, gpuOr(account), spec, waits, now);
      account.attempt = account.before?.attempt ?? account.attempt;
      account.notBefore = 0;
      return;
    case 'replica.crashed':
      crashed(account, event, circumstances);
      return;
    default:
  }
}

/** An accepted request. */
export function want(account: Account, verb: Verb, once: boolean): void {
  account.goal = verb === 'stop' || verb === 'drain' ? 'down' : 'up';
  if (account.goal === 'down') return;
  account.excused = true;
  account.permanent = null;
  if (verb !== 'reset') return;
  for (const name of breakerNames) {
    const breaker = account.breakers[name];
    if (!once) account.breakers[name] = { ...breaker, state: 'closed', failures: 0 };
    else if (breaker.state === 'open') account.breakers[name] = { ...breaker, state: 'half-open', until: 0 };
  }
  if (once) return;
  account.attempt = 0;
  // A failure from before the reset gives nothing back.
  account.before = null;
}

function crashed(account: Account, event: Event, { spec, how, now }: Circumstances): void {
  onReward(account, spec, now);
  account.readySince = null;
  const { incarnation = 0, crash_class: of = 'unknown' } = event;
  if (account.failedIncarnation === incarnation) return;
  account.failedIncarnation = incarnation;
  account.crashes += 1;
  account.gpu = of === 'gpu_error' || of === 'driver';
  if (how?.name === 'bad flag' && of === 'config' && !account.proven) account.permanent = 'a bad flag';
  if (spec.restart.policy === 'never') account.permanent = 'the policy is never';
  const cure = how?.exit.diagnosis?.class === of ? how.exit.diagnosis.cure : null;
  account.before = { attempt: account.attempt, breakers: { ...account.breakers } };
  account.notBefore = 0;
  // What nobody wants up any more is not tried again, and no policy counts it.
  if (account.goal === 'down') return;
  onFailure(account, spec, cure !== null, now);
  if (breakerNames.some((name) => account.breakers[name].state === 'open')) return;
  account.attempt += 1;
  account.notBefore = now + waitMs(spec.restart.backoff, account.attempt, account.gpu);
}
