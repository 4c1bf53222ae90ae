/** Whether everything comes to its end in time. */

import type { Replica } from '../../src/core/replica.js';
import { poolOf } from './keys.js';
import type { Standing } from './tracking.js';

/** An exit is seen within this, but where what looks for it waits for a slow disk. */
const seenMs = 3_000;
/** On top of a stop's own time: a slow disk between the order and the signal. */
const slackMs = 25_000;
const killWaitMs = 5_000;
/** A preflight's deadline, and the longest that a process may take to be made or found. */
const checkMs = 65_000;

/** Remembers since when each replica is what it is; a new one for each supervisor. */
export class Bounds {
  private readonly since = new Map<string, { readonly phase: string; readonly at: number }>();
  /** Breakers of those that are ready, and since when they have been like this. */
  private readonly open = new Map<string, { readonly breakers: Replica['breakers']; readonly at: number }>();

  /** What takes too long; null: nothing. */
  broken(standing: Standing): string | null {
    for (const { replicas } of standing.supervisor.state.pools.values()) {
      for (const replica of replicas) {
        const { key } = replica;
        const phase = phaseOf(replica);
        const { now } = standing.machine;
        if (this.since.get(key)?.phase !== phase) this.since.set(key, { phase, at: now });
        const lasted = now - Math.max(this.since.get(key)?.at ?? now, standing.supervisor.quietSince);
        const found = overdue(replica, standing) ?? unseen(replica, standing);
        if (found !== null) return `${key} ${found}`;
        const unsettled = this.unsettled(replica, standing);
        if (unsettled !== null) return `${key} ${unsettled}`;
        if (lasted > longest(replica, standing)) return `${key} is ${phase} for ${Math.round(lasted)} ms`;
      }
    }
    return null;
  }

  /** So much ready time closes any breaker. */
  private unsettled({ key, life, breakers }: Replica, { machine, supervisor, ledger }: Standing): string | null {
    if (life.state !== 'ready' || (breakers.general.state === 'closed' && breakers.cuda.state === 'closed')) {
      this.open.delete(key);
      return null;
    }
    const before = this.open.get(key);
    const at = before?.breakers === breakers ? before.at : machine.now;
    this.open.set(key, { breakers, at });
    const lasted = machine.now - Math.max(at, supervisor.quietSince);
    const closeMs = ledger.longest.get(poolOf(key))?.closeMs ?? 0;
    return lasted > closeMs + seenMs ? `is ready for ${Math.round(lasted)} ms, and its breaker is open` : null;
  }
}

/** Each wait is one of its own. */
function phaseOf({ life, incarnation }: Replica): string {
  switch (life.state) {
    case 'preparing':
      return `preparing, ${life.phase === 'checking' ? `check ${life.launch.check}, ${life.staged?.last.doneBytes ?? 0} of its model` : life.phase}, #${incarnation}`;
    case 'backoff':
      return `in backoff until ${life.retry.at.at}, #${incarnation}`;
    case 'broken':
      return `broken until ${life.retryAt.at}, #${incarnation}`;
    default:
      return `${life.state} #${incarnation}`;
  }
}

/** How long it may be what it is. */
function longest(replica: Replica, standing: Standing): number {
  const { life } = replica;
  switch (life.state) {
    case 'preparing':
      return life.phase === 'queued' ? Number.POSITIVE_INFINITY : checkMs;
    case 'backoff':
      return longestWait(replica, standing) + seenMs;
    case 'broken':
      return longestBreak(replica, standing) + seenMs;
    case 'stopping':
      return life.engine.launch.spec.stop.graceMs + killWaitMs + slackMs;
    default:
      return Number.POSITIVE_INFINITY;
  }
}

/** A wait that is longer than any policy makes it: a moment of another boot, or none at all. */
function overdue(replica: Replica, standing: Standing): string | null {
  const { life } = replica;
  const now = standing.machine.monotonicMs;
  if (life.state === 'backoff' && life.retry.at.at - now > longestWait(replica, standing) + 1)
    return `waits for ${Math.round(life.retry.at.at - now)} ms more`;
  if (life.state === 'broken' && life.retryAt.at - now > longestBreak(replica, standing) + 1)
    return `is broken for ${Math.round(life.retryAt.at - now)} ms more`;
  return null;
}

/** An end that nobody has seen. */
function unseen({ life }: Replica, { machine, supervisor }: Standing): string | null {
  if (!('engine' in life)) return null;
  const { processes, now } = machine;
  const { instance } = life.engine.launch;
  if (life.state === 'stopping' || life.state === 'stuck') {
    if (processes.treeOf(instance).length > 0) return null;
    const goneMs = now - Math.max(supervisor.quietSince, processes.emptySince(instance));
    return goneMs > slackMs ? `is ${life.state}, and nobody of its engine lives for ${Math.round(goneMs)} ms` : null;
  }
  const endedAt = processes.leaderEndedAt(instance);
  const deadMs = endedAt === null ? 0 : now - Math.max(supervisor.quietSince, endedAt);
  const slow = now < machine.slowDiskUntil + slackMs;
  return deadMs > (slow ? slackMs : seenMs) ? `is ${life.state}, and its engine is dead for ${Math.round(deadMs)} ms` : null;
}

function longestWait({ key }: Replica, { supervisor: { state }, ledger }: Standing): number {
  return Math.max(ledger.longest.get(poolOf(key))?.waitMs ?? 0, state.inventory.supervisor.deviceStorm.windowMs);
}

function longestBreak({ key }: Replica, { ledger }: Standing): number {
  return ledger.longest.get(poolOf(key))?.openMs ?? 0;
}
