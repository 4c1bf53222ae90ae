/** Mistakes of the configuration that may pass by themselves (a port in use, a peer that is not there yet) get a few launches, not one. */

import type { Replica } from './replica.js';

const fewTries: ReadonlySet<string> = new Set(['port_in_use', 'peer_unreachable']);
const mostTries = 5;

export function mayPass(subclass: string | null): boolean {
  return subclass !== null && fewTries.has(subclass);
}

/** One failure more; failures of another cause begin anew. */
export function repetition(repeated: Replica['repeated'], subclass: string | null): Replica['repeated'] {
  if (subclass === null) return null;
  return { subclass, count: repeated?.subclass === subclass ? repeated.count + 1 : 1 };
}

export function tooOften(repeated: Replica['repeated']): boolean {
  return repeated !== null && fewTries.has(repeated.subclass) && repeated.count >= mostTries;
}
