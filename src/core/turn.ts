/** One turn of one replica: what it becomes, what is to be done, what is told. */

import type { Event, EventName } from './events.js';
import { isLive, type Life } from './life.js';
import type { Context, Effect } from './messages.js';
import type { LogLevel, PoolSpec, SupervisorSpec } from './model.js';
import type { Replica } from './replica.js';

/** What a cell may look at beside its replica. */
export type Scene = Context & {
  readonly spec: PoolSpec;
  readonly supervisor: SupervisorSpec;
  /** How many leases the replica has. */
  readonly leases: number;
  /** So long a launch has to pass its probes before it is ready. */
  readonly minHealthyMs: number;
  /** What a launch is for that is neither the first nor an answer to a failure. */
  readonly asked: 'operator' | 'reload' | 'apply';
  readonly correlationId: string | null;
};

export type Turn = { readonly replica: Replica; readonly effects: readonly Effect[]; readonly events: readonly Event[] };

type Told = { readonly event: EventName; readonly level?: LogLevel } & Partial<Event>;

export const stay = (replica: Replica, effects: readonly Effect[] = []): Turn => ({ replica, effects, events: [] });

/** Into another life; `told` is completed with who, from and to. */
export function become(before: Replica, life: Life, scene: Scene, told: Told, effects: readonly Effect[] = []): Turn {
  const replica = { ...before, life };
  return { replica, effects, events: [tell(replica, scene, { ...told, from: before.life.state, to: life.state })] };
}

/** An event of this replica, with the fields that every such event has. */
export function tell(replica: Replica, { spec, correlationId }: Pick<Scene, 'spec' | 'correlationId'>, told: Told): Event {
  return {
    level: 'info',
    pool_id: spec.poolId,
    replica_id: replica.id,
    engine: spec.engine,
    device_mask: replica.mask.written,
    model_id: isLive(replica.life) ? replica.life.engine.launch.spec.modelId : spec.modelId,
    incarnation: replica.incarnation,
    ...(isLive(replica.life) ? { pid: replica.life.engine.identity.pid } : {}),
    ...(correlationId === null ? {} : { correlation_id: correlationId }),
    ...told,
  };
}

/** `first`, then `second` on what `first` left. */
export function andThen(first: Turn, second: (replica: Replica) => Turn): Turn {
  const next = second(first.replica);
  return { replica: next.replica, effects: [...first.effects, ...next.effects], events: [...first.events, ...next.events] };
}
