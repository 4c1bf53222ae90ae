/** A change of state as `status -w` prints it. */

import { oneLine } from '../../src/text/one-line.js';
import { clockTime } from '../../src/text/time.js';
import type { Change } from '../ask/changes.js';

/** `14:02:09 chat/r1 starting -> ready`; states that want a reason have it behind them. */
export function changeLine({ time, name, from, to, why }: Change): string {
  const states = from === null ? to : `${from} -> ${to}`;
  const reason = why !== null && reasoned.has(to) ? `  ${oneLine(why)}` : '';
  return `${clockTime(Date.parse(time))} ${name} ${states}${reason}`;
}

const reasoned: ReadonlySet<string> = new Set(['unhealthy', 'backoff', 'broken', 'failed', 'stuck', 'stopped']);
