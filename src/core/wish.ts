/** What a wish comes to in the turn in which it is made: refused with a code, or accepted with an operation and what it begins with. */

import type { Refusal } from './answers.js';
import type { Planned } from './apply.js';
import type { Fact } from './engine.js';
import type { Event } from './events.js';
import type { Effect } from './messages.js';
import type { Inventory, ReplicaKey } from './model.js';
import type { Reload } from './reload-state.js';
import type { Operation, Pool, Shutdown, State } from './state.js';

export type Wish =
  | { readonly ok: false; readonly refusal: Refusal }
  | {
      readonly ok: true;
      readonly operationId: string;
      /** Null where an operation that runs already is joined. */
      readonly begun: Operation | null;
      readonly cancelled: readonly Operation[];
      readonly facts: readonly { readonly key: ReplicaKey; readonly fact: Fact }[];
      readonly events: readonly Event[];
      readonly shutdown: Shutdown | null;
      /** What becomes of its pool's reload. @default it stays as it is */
      readonly reload?: { readonly poolId: string; readonly reload: Reload };
      /** Another inventory, and what it changes. */
      readonly apply?: { readonly inventory: Inventory; readonly plan: readonly Planned[] };
      /** @default none */
      readonly effects?: readonly Effect[];
    };

export const refuse = (refusal: Refusal): Extract<Wish, { ok: false }> => ({ ok: false, refusal });

export const running = ({ operations }: State): readonly Operation[] =>
  [...operations.values()].filter(({ state }) => state === 'running');

export function unknownPool(verb: string, poolId: string, { pools }: State): Refusal {
  return {
    code: 'POOL_NOT_FOUND',
    message: `cannot ${verb} "${poolId}": there is no such pool`,
    hint: `pools: ${[...pools.keys()].join(', ') || 'none'}`,
  };
}

export function unknownReplica(verb: string, { spec, replicas }: Pool, replicaId: string | null): Refusal {
  return {
    code: 'REPLICA_NOT_FOUND',
    message: `cannot ${verb} "${spec.poolId}/${replicaId}": there is no such replica`,
    hint: `replicas: ${replicas.map(({ key }) => key).join(', ')}`,
  };
}

/** The inventory no longer has it, and an engine of it lives yet: nobody wants that one up again. */
export function onItsWayOut(verb: string, poolId: string): Refusal {
  return {
    code: 'POOL_NOT_FOUND',
    message: `cannot ${verb} "${poolId}": the inventory no longer has it, and it is on its way out`,
    hint: `poolctl status ${poolId}`,
  };
}

export function shuttingDown(verb: string, poolId: string): Refusal {
  return {
    code: 'SHUTTING_DOWN',
    message: `cannot ${verb} "${poolId}": the supervisor is shutting down`,
    hint: 'poolctl up        (when it has ended)',
    retryAfterMs: 5_000,
  };
}

/** Another operation has the pool; `verb` would cross it. */
export function inProgress({ id, kind, poolId }: Operation, verb: string, subject: string): Refusal {
  const what =
    poolId === null ? (kind === 'apply' ? 'an apply' : `a ${kind}`) : `a ${kind} of ${poolId === subject ? 'it' : poolId}`;
  return {
    code: 'OPERATION_IN_PROGRESS',
    message: `cannot ${verb} "${subject}": ${what} is running (operation ${id})`,
    hint: poolId === null ? 'poolctl status' : `poolctl wait ${poolId} --for ready`,
    retryAfterMs: 1_000,
  };
}
