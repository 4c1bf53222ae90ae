/** A reload under way, as a value: how far it is with each replica, and what it gives back should it go back. */

import type { Life } from './life.js';
import type { Instant, ModelChoice, Moment, PoolSpec, ReplicaKey } from './model.js';
import type { Staged } from './progress.js';
import type { Replica } from './replica.js';

/** The model that stands in the place of the file's. */
export type Override = {
  readonly chosen: ModelChoice;
  readonly since: Moment;
  /** What the file named then: another model there ends the override. */
  readonly file: Pick<PoolSpec, 'model' | 'modelDigest'>;
};

/** What a replica has come to with its model: kept while another is tried, and given back with the old one. */
export type Earned = Pick<
  Replica,
  'attempt' | 'obstructed' | 'restartCount' | 'crashCount' | 'lastError' | 'breakers' | 'repeated' | 'provenAt' | 'vram'
>;

/**
 * Forward: waiting, draining (the old engine ends), launching (the new one comes), switched. Back: emptying (the new one ends), returning (the old
 * one comes again), and then returned, or lost where it does not come.
 */
export type Stage = 'waiting' | 'draining' | 'launching' | 'switched' | 'emptying' | 'returning' | 'returned' | 'lost';

export type Place = {
  readonly key: ReplicaKey;
  readonly stage: Stage;
  /** As it was when its turn came. `life` is set where no engine ran: that is given back. */
  readonly before: {
    readonly goal: Replica['goal'];
    readonly incarnation: number;
    readonly place: Pick<Replica, 'mask' | 'port' | 'portProven'>;
    readonly earned: Earned;
    readonly life: Resting | null;
  };
  /** All crashes of its life before the new model was launched. */
  readonly crashes: number;
  /** Its turn has come. */
  readonly touched: boolean;
  /** The new entry has no mask for it: it goes. */
  readonly leaves: boolean;
  /** Until when the new engine may wait for what it needs. */
  readonly launchBy: Instant;
};

export type Resting = Extract<Life, { state: 'stopped' | 'backoff' | 'broken' | 'failed' }>;

export type FailureReason = 'model' | 'drain_timeout' | 'spawn' | 'exit' | 'deadline' | 'unhealthy' | 'cancelled';

export type Failure = { readonly reason: FailureReason; readonly key: ReplicaKey | null; readonly text: string };

export type Reload = {
  readonly operationId: string;
  /** Another model for the pool, or another entry of the inventory. */
  readonly cause: 'reload' | 'apply';
  /** The pool's entry as it is to be. */
  readonly to: PoolSpec;
  /** What stands above the file after an apply. */
  readonly override: Override | null;
  readonly strategy: 'rolling' | 'recreate';
  readonly drainMs: number;
  /** The new model is there, sound, and could fit. Nothing is touched before. */
  readonly verified: boolean;
  /** It is on its way; null: nothing is known of that. */
  readonly staged: Staged | null;
  readonly places: readonly Place[];
  /** Why it goes back; null: it goes forward. */
  readonly failure: Failure | null;
};
