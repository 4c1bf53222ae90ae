/** What a request is told in the turn in which it came: accepted, or refused with a code. */

import type { Input, LeaseWish } from './messages.js';
import type { Lease } from './model.js';

/** Why an operation was refused, with the same words that the API gives. */
export type Refusal = {
  readonly code:
    | 'POOL_NOT_FOUND'
    | 'REPLICA_NOT_FOUND'
    | 'OPERATION_IN_PROGRESS'
    | 'SHUTTING_DOWN'
    | 'POOL_UNAVAILABLE'
    | 'NOT_SUPPORTED'
    | 'POOL_UNREADY'
    | 'POOL_DRAINING'
    | 'NO_FREE_SLOT'
    | 'LEASE_NOT_FOUND';
  readonly message: string;
  readonly hint?: string;
  /** False where trying again is of no use, although with this code it mostly is. */
  readonly retriable?: false;
  readonly retryAfterMs?: number;
};

type Refused = { readonly ok: false; readonly refusal: Refusal };
export type OperationAnswer = { readonly ok: true; readonly operationId: string } | Refused;
/** `lease` is null for one that is gone. */
export type LeaseAnswer = { readonly ok: true; readonly lease: Lease | null } | Refused;
export type Answer = OperationAnswer | LeaseAnswer;
export type AnswerTo<I extends Input> = I extends LeaseWish ? LeaseAnswer : OperationAnswer;
