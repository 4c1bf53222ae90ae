/** What of a record belongs to no present replica: restarts of pools and devices, and what is left of places that the inventory no longer has. */

import type { Event } from './events.js';
import { lose } from './lease.js';
import type { Resumed } from './life.js';
import type { Moment } from './model.js';
import type { RecordedRestart, RecordedState } from './record.js';
import type { Replica } from './replica.js';
import type { RecordedEngine, State } from './state.js';
import type { Restart } from './storm.js';

/** One that was only ordered may have been made a moment ago: a window holds it for as long as it may have to. */
export function dated(restarts: readonly RecordedRestart[], now: Moment): readonly Restart[] {
  return restarts.map(({ at, class: of, ordered }) => ({ at: ordered === true ? now : at, class: of }));
}

export function deviceRestartsOf(
  { deviceRestarts }: RecordedState,
  now: Moment,
): readonly (readonly [string, readonly Restart[]])[] {
  return Object.entries(deviceRestarts).map(([uuid, restarts]) => [uuid, dated(restarts, now)]);
}

/** What outlives them: should their places come back, no incarnation is given twice. */
export function retired(replicas: readonly Replica[]): State['retired'] {
  return Object.fromEntries(
    replicas.map(({ key, incarnation, restartsTotal, crashesTotal, checks }) => [
      key,
      { incarnation, restartsTotal, crashesTotal, checks },
    ]),
  );
}

export function retiredOf({ retired: before, replicas }: RecordedState, known: ReadonlySet<string>): State['retired'] {
  const lifetimes = Object.entries(replicas).map(([key, { incarnation, restartsTotal, crashesTotal }]) => [
    key,
    { incarnation, restartsTotal, crashesTotal },
  ]);
  const all: State['retired'] = { ...before, ...Object.fromEntries(lifetimes) };
  return Object.fromEntries(Object.entries(all).filter(([key]) => !known.has(key)));
}

/** Engines whose place the inventory no longer has, those among them that the last supervisor had not got rid of. */
export function leftoversOf({ leftovers, replicas }: RecordedState, known: ReadonlySet<string>): readonly RecordedEngine[] {
  const gone = Object.entries(replicas).flatMap(([key, { life, died }]) => {
    if (known.has(key)) return [];
    if (died !== null) return [died];
    return 'engine' in life ? [life.engine] : 'intent' in life && life.intent !== null ? [life.intent] : [];
  });
  return [...leftovers, ...gone];
}

/** Their clients cannot renew them any more: told once, by whoever comes after. */
export function lostLeases({ leases = [] }: Partial<RecordedState>): readonly Event[] {
  const all = new Map(leases.map((lease) => [lease.id, lease]));
  const keys = new Set(leases.map(({ key }) => key));
  return [...keys].flatMap(
    (key) => lose(all, key, { reason: 'the supervisor that granted it has ended', correlationId: null }).events,
  );
}

/** A drain that was for a restart or a reload is over: whoever comes next must not take it for one that goes on. */
export function goingOn({ goal }: Replica, resumed: Resumed): Resumed {
  return goal === 'up' ? { ...resumed, drainBy: null } : resumed;
}
