/** A circuit breaker over the launches of one replica, as a value. Open means that nothing is launched; half-open, that one launch decides. */

import type { BreakerSpec, Instant, Moment } from './model.js';

export type Breaker =
  | { readonly state: 'closed'; readonly failures: number }
  | { readonly state: 'open'; readonly failures: number; readonly openForMs: number; readonly retryAt: Moment }
  /** `reopenForMs`: for how long it opens again if the test launch fails. */
  | { readonly state: 'half-open'; readonly failures: number; readonly reopenForMs: number };

export const closedBreaker: Breaker = { state: 'closed', failures: 0 };

/** After one more failure. While it is open, failures are none of its business. */
export function afterFailure(breaker: Breaker, threshold: number, spec: BreakerSpec, at: Moment): Breaker {
  switch (breaker.state) {
    case 'open':
      return breaker;
    case 'half-open':
      return open(breaker.failures + 1, breaker.reopenForMs, at);
    case 'closed': {
      const failures = breaker.failures + 1;
      return failures < threshold ? { state: 'closed', failures } : open(failures, spec.openForMs, at);
    }
  }
}

/** Opened at once, whatever it has counted: a storm, or a state that no restart cures. One that is open already stays as it is. */
export function tripped(breaker: Breaker, spec: BreakerSpec, at: Moment): Breaker {
  return breaker.state === 'open' ? breaker : open(breaker.failures, spec.openForMs, at);
}

/** Half-open once its time has come; a failure of the test launch opens it longer. */
export function whenDue(breaker: Breaker, { extendFactor, maxOpenForMs }: BreakerSpec, at: Instant): Breaker {
  if (breaker.state !== 'open' || at < breaker.retryAt.at) return breaker;
  const reopenForMs = Math.min(Math.max(maxOpenForMs, breaker.openForMs), breaker.openForMs * extendFactor);
  return { state: 'half-open', failures: breaker.failures, reopenForMs };
}

/** The test launch ended and showed nothing: no failure, and no proof either. It is open again, and one more launch will be tried. */
export function unproved(breaker: Breaker, at: Moment): Breaker {
  return breaker.state === 'half-open' ? open(breaker.failures, breaker.reopenForMs, at) : breaker;
}

/** An operator's single try: if it fails, it is open as before. */
export function tryOnce(breaker: Breaker): Breaker {
  return breaker.state === 'open' ? { state: 'half-open', failures: breaker.failures, reopenForMs: breaker.openForMs } : breaker;
}

function open(failures: number, openForMs: number, { at, wallMs }: Moment): Breaker {
  return { state: 'open', failures, openForMs, retryAt: { at: at + openForMs, wallMs: wallMs + openForMs } };
}
