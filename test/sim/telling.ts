/** Whether what is told is so. */

import type { Event } from '../../src/core/events.js';
import type { PoolSpec, ReplicaKey } from '../../src/core/model.js';
import type { Ending } from './exits.js';
import type { Machine } from './machine.js';
import type { Process } from './processes.js';

const unready: ReadonlySet<Event['event']> = new Set([
  'replica.unhealthy',
  'replica.draining',
  'replica.stopping',
  'replica.crashed',
  'replica.stopped',
  'replica.backoff',
  'replica.failed',
  'replica.broken',
]);

/** Of whom it is told; `engine` is null where there never was a process. `how` it ended, where it has. */
export type Subject = {
  readonly key: ReplicaKey;
  readonly engine: Process | null;
  readonly how: Ending | null;
  /** The entry that it goes by. */
  readonly spec: PoolSpec | null;
};

/** What is wrong with an event of a replica; null: nothing. */
export function misstated(
  { event, pid, backoff_ms = 0 }: Event,
  { key, engine, how, spec }: Subject,
  machine: Machine,
): string | null {
  if (!Number.isInteger(backoff_ms)) return `${event} of ${key} tells of a wait that is no whole number: ${backoff_ms} ms`;
  const handoff = machine.handoffs.get(key);
  if (unready.has(event)) {
    if (handoff !== undefined) return `${event} is told of ${key}, and its handoff file is still there`;
    if (event === 'replica.unhealthy' && engine?.alive === true && engine.loadedAt !== null && !engine.wasUnwell)
      return `${key} is told unhealthy, and answers every probe`;
    if (event === 'replica.crashed' && engine?.alive === false && how === null)
      return `a reboot is told as a crash of ${key} #${engine.incarnation}`;
  }
  if (event !== 'replica.ready') return null;
  if (handoff?.facts.pid !== pid) return `${key} is told ready, and its handoff file is not there`;
  const isProbed = engine !== null && spec?.health.path !== 'none';
  return isProbed && engine.alive && engine.loadedAt === null ? `${key} is told ready, and still loads` : null;
}
