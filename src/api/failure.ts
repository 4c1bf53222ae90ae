/** An error as the API tells it: one shape, from the one table of codes. */

import { type ErrorCode, errorCodes, PoolctlError } from '../errors.js';
import type { ErrorBody } from './wire.js';

export type Failure = { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: ErrorBody };

/** Where nobody knows better when to try again. */
const defaultRetryMs = 1000;

/** What stays out of the answer for a bug: its text may hold anything. `poolId` is the pool of the request's path. */
export function failureOf(error: unknown, poolId: string | undefined): Failure {
  const known =
    error instanceof PoolctlError
      ? error
      : new PoolctlError('INTERNAL', 'cannot answer: an error inside the supervisor; its log has more');
  const code: ErrorCode = known.code;
  const { http } = errorCodes[code];
  const { why, hint, extra, beside, retriable = errorCodes[code].retriable } = known.more;
  const retryMs = retriable ? numberOr(extra?.retry_after_ms, defaultRetryMs) : null;
  return {
    status: http,
    headers: {
      ...(retryMs === null ? {} : { 'retry-after': String(Math.max(1, Math.ceil(retryMs / 1000))) }),
      ...(code === 'UNAUTHORIZED' ? { 'www-authenticate': 'Bearer' } : {}),
    },
    body: {
      error: {
        code,
        message: known.message,
        ...(why === undefined ? {} : { why }),
        ...(hint === undefined ? {} : { hint }),
        ...(poolId === undefined ? {} : { pool_id: poolId }),
        retriable,
        ...(retryMs === null ? {} : { retry_after_ms: retryMs }),
      },
      ...beside,
    },
  };
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
}
