/** The requests that run in virtual engines, and what an engine says of them when it is asked. */

import type { Process } from './processes.js';
import type { Random } from './random.js';

/** `lies`: it counts one more, for ever. `mute`: it cannot say. */
export type Telling = 'tells' | 'lies' | 'mute';

/** When it began and when it ends. */
export type Request = { readonly since: number; readonly until: number };

export function drawTelling(random: Random): Telling {
  return random.weighted([
    [8, 'tells' as const],
    [1, 'lies' as const],
    [2, 'mute' as const],
  ]);
}

/** One more begins now. Those that have ended are forgotten. */
export function serve(process: Process, now: number, forMs: number): void {
  process.requests = [...process.requests.filter(({ until }) => until > now), { since: now, until: now + forMs }];
}

/** Those that run and have run for at least so long. */
export function runningIn({ requests }: Process, now: number, leastMs = 0): number {
  return requests.filter(({ since, until }) => until > now && now - since >= leastMs).length;
}

/** What a question for its requests is answered with; now and then there is no answer. */
export function told(
  process: Process,
  now: number,
  random: Random,
): { readonly inflight: number | null; readonly canTell: boolean } {
  if (process.telling === 'mute') return { inflight: null, canTell: false };
  const answered = process.alive && process.spell !== 'silent' && process.spell !== 'refusing' && !random.chance(0.05);
  if (!answered) return { inflight: null, canTell: true };
  return { inflight: runningIn(process, now) + (process.telling === 'lies' ? 1 : 0), canTell: true };
}
