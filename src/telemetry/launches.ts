/** How launches end, told by what goes before: an event alone does not say whether the engine had been ready. */

import type { Event } from '../core/events.js';

/** `model`: the preflight found it missing, unreadable or other than it should be. */
export type LaunchFailure = 'preflight' | 'model' | 'spawn' | 'exit' | 'deadline';
export type LaunchEnd = 'ready' | LaunchFailure;

/** A reader to be told of every event, in order. It answers how a launch ended with this one; null where none did, or somebody wished its end. */
export function readLaunches(): (event: Event) => LaunchEnd | null {
  const phases = new Map<string, Phase>();
  return (event) => {
    const key = `${event.pool_id}/${event.replica_id}`;
    const phase = phases.get(key) ?? firstPhase(event);
    const next = nextPhase(event, phase);
    // Nothing of a launch is left to be known, and who is stopped may be gone for good.
    if (event.event === 'replica.stopped' || event.event === 'replica.failed') phases.delete(key);
    else phases.set(key, next);
    return phase === 'over' || next !== 'over' ? null : endOf(event, phase);
  };
}

/** Checked before the spawn; spawned and not ready; or no launch is under way. */
type Phase = 'checks' | 'load' | 'over';

/** Of a replica that nothing was told about: the first launch of all begins without an event, and so does the life of an engine found alive. */
function firstPhase({ event, from, pid }: Event): Phase {
  return from === 'preparing' || (event === 'replica.crashed' && pid === undefined) ? 'checks' : 'over';
}

function nextPhase({ event, because }: Event, phase: Phase): Phase {
  switch (event) {
    case 'replica.preparing':
      return 'checks';
    case 'replica.starting':
      return 'load';
    case 'replica.ready':
    case 'replica.crashed':
    case 'replica.backoff':
    case 'replica.failed':
    case 'replica.stopped':
      return 'over';
    case 'replica.stopping':
      // What a crash left behind is killed first; the crash itself is told afterwards.
      return because === 'crashed' ? phase : 'over';
    default:
      return phase;
  }
}

function endOf({ event, because, obstacle }: Event, phase: Phase): LaunchEnd | null {
  switch (event) {
    case 'replica.ready':
      return 'ready';
    case 'replica.crashed':
      return phase === 'load' ? 'exit' : 'spawn';
    case 'replica.backoff':
    case 'replica.failed':
      if (phase !== 'checks') return null;
      return obstacle === 'model' || obstacle === 'digest' || obstacle === 'download' ? 'model' : 'preflight';
    case 'replica.stopping':
      return because === 'deadline' ? 'deadline' : null;
    default:
      return null;
  }
}
