/** Changes of state as they come, each told once: for readers that follow, not for those that look again and again. */

import type { Client } from '../../src/api/client.js';
import type { EventLine, StatusView } from '../../src/api/wire.js';
import { chosen } from './selectors.js';

export type Change = {
  readonly time: string;
  /** `chat/r0`. */
  readonly name: string;
  /** Null for the state that it was in when the watching began. */
  readonly from: string | null;
  readonly to: string;
  readonly why: string | null;
};

/**
 * First where every replica is, then every change, until the supervisor ends or `signal` is aborted. Listens before it looks, so nothing is
 * missed; what came in between is not told twice, since a change begins where the last one ended. After a gap in the stream it looks anew.
 */
export async function* changes(
  client: Client,
  selectors: readonly string[],
  signal: AbortSignal,
  now: () => number,
): AsyncGenerator<Change, void, void> {
  const look = async function* (): AsyncGenerator<Change> {
    yield* moved(await client.status(), selectors, states, now());
  };
  const events = await client.events(null, signal);
  const states = new Map<string, string>();
  yield* look();
  for await (const event of events) {
    if (event.event === 'gap') yield* look();
    const change = changeOf(event);
    if (change === null || states.get(change.name) !== change.from) continue;
    states.set(change.name, change.to);
    yield change;
  }
}

/** Replicas that are elsewhere than `states` says, which is brought up to date. */
function moved(known: StatusView, selectors: readonly string[], states: Map<string, string>, nowMs: number): readonly Change[] {
  const { pools } = chosen(known, selectors);
  return pools.flatMap(({ pool_id, replicas }) =>
    replicas.flatMap(({ replica_id, state, why }) => {
      const name = `${pool_id}/${replica_id}`;
      const from = states.get(name) ?? null;
      states.set(name, state);
      return from === state ? [] : [{ time: new Date(nowMs).toISOString(), name, from, to: state, why }];
    }),
  );
}

/** Null for an event that moves no replica to another state. */
function changeOf({ time, pool_id, replica_id, from, to, reason, last_error }: EventLine): Change | null {
  if (typeof from !== 'string' || typeof to !== 'string' || from === to) return null;
  const why = [reason, last_error].find((each): each is string => typeof each === 'string' && each !== '') ?? null;
  return { time, name: `${String(pool_id)}/${String(replica_id)}`, from, to, why };
}
