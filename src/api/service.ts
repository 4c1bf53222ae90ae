/** What the HTTP server needs of the running supervisor: src/up.ts gives it. The server itself holds no state of pools. */

import type { OperationAnswer, Refusal } from '../core/answers.js';
import type { Input, LeaseWish } from '../core/messages.js';
import type { ModelChoice, Result } from '../core/model.js';
import type { LeaseView, OperationView } from '../core/views.js';
import type {
  ApplyView,
  CapabilitiesView,
  DevicesAnswer,
  EventLine,
  PoolHealthView,
  PoolView,
  ProblemView,
  StatusView,
} from './wire.js';

/** `lease` is null for one that is gone. */
export type Leased = { readonly ok: true; readonly lease: LeaseView | null } | { readonly ok: false; readonly refusal: Refusal };

export type Applied =
  | { readonly kind: 'applied'; readonly view: ApplyView }
  /** The file has errors: nothing was changed. */
  | { readonly kind: 'invalid'; readonly first: string; readonly problems: readonly ProblemView[] }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export type Service = {
  readonly version: string;
  status(): StatusView;
  pool(poolId: string): PoolView | null;
  health(poolId: string): PoolHealthView | null;
  devices(): DevicesAnswer;
  capabilities(): CapabilitiesView;
  /** Prometheus text, version 0.0.4. */
  metrics(): Promise<string>;
  operation(id: string): OperationView | null;
  /** Resolves as soon as the operation has ended, or after `waitMs`; null where there is none. Never rejects. */
  operationEnded(id: string, waitMs: number, signal: AbortSignal): Promise<OperationView | null>;
  /** Puts a request into the inbox. What was accepted is on disk when it is answered: a supervisor that is killed then does not forget it. */
  request(input: Extract<Input, { type: 'requested' | 'reload-requested' | 'shutdown-requested' }>): Promise<OperationAnswer>;
  /** Reads the inventory's file anew; `dryRun`: only says what that would change. */
  apply(dryRun: boolean, correlationId: string | null): Promise<Applied>;
  /** What has happened so far is on disk. */
  recorded(): Promise<void>;
  /** A model as that pool's engine is to be given it, with the name that it goes by; the error goes on after `cannot use the model …:`. */
  readModel(poolId: string, ref: string): Result<Pick<ModelChoice, 'model' | 'modelId'>, string>;
  /** Grants, renews or ends a lease, at once: none outlives the supervisor, so no disk is waited for. */
  lease(wish: LeaseWish): Leased;
  /** All that are held, oldest first; null: there is no such pool. */
  leases(poolId: string | null): readonly LeaseView[] | null;
  /** Subscribes to events as they are published; the returned function ends it. */
  onEvent(listener: (line: EventLine) => void): () => void;
  /**
   * Events published after the one with this id, oldest first, from memory or journal; null where the id is unknown (a gap).
   */
  eventsSince(id: string): Promise<readonly EventLine[] | null>;
  /** Where a replica's engine log is written; null where there is no such replica. */
  logPath(poolId: string, replicaId: string): string | null;
};
