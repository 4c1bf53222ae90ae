/** An operation of the supervisor, from the answer that it has begun to its end. */

import type { Client } from '../../src/api/client.js';
import type { OperationView } from '../../src/api/wire.js';
import { type ErrorCode, PoolctlError } from '../../src/errors.js';

/** Longer than an engine may load: the supervisor has then decided already. */
const marginMs = 10_000;
/** The deadline of a load is known only once it has begun, so it is asked for again this often. */
const lookEveryMs = 5_000;

/** How much longer an operation is waited for, by the clock of `now`. */
export type Patience = (operation: OperationView, now: number) => number;

/**
 * As long as was said, from `begunAt` on; where nothing was said, as long as its engines may load. A restart drains first, and takes one
 * replica after another: each has its time from when it begins to load.
 */
export function patience(timeoutMs: number | undefined, begunAt: number): Patience {
  let since = begunAt;
  let loading: string | null = null;
  return ({ kind, startup_deadline_ms: loadMs, steps }, now) => {
    if (timeoutMs !== undefined) return timeoutMs - (now - begunAt);
    if (loadMs === null) return Number.POSITIVE_INFINITY;
    const replica = steps.find(({ state }) => state === 'running')?.replica_id ?? null;
    if (kind === 'restart' && replica !== loading) [loading, since] = [replica, now];
    return loadMs + marginMs - (now - since);
  };
}

/** What an operation failed of; null for one that did not. */
export function operationError({ error, outcome }: OperationView): PoolctlError | null {
  if (error === undefined) return null;
  const { code, message, why, hint } = error;
  return new PoolctlError(code as ErrorCode, message, {
    ...(why === undefined ? {} : { why }),
    ...(hint === undefined ? {} : { hint }),
    ...(outcome === 'rollback_failed' ? { exit: 1 } : {}),
  });
}

/** Its last known state: ended, or running still where patience has, or Ctrl-C came. */
export async function untilEnded(
  client: Client,
  begun: OperationView,
  patient: Patience,
  interrupted: AbortSignal,
): Promise<OperationView> {
  let operation = begun;
  while (operation.state === 'running' && !interrupted.aborted) {
    const leftMs = patient(operation, performance.now());
    if (leftMs <= 0) break;
    operation = await client
      .operation(operation.operation_id, Math.min(leftMs, lookEveryMs), interrupted)
      .catch((error: unknown) => {
        // An answer that is cut off by Ctrl-C is none.
        if (interrupted.aborted) return operation;
        throw error;
      });
  }
  return operation;
}
