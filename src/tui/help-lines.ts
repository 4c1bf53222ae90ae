/** What the keys do. The manual page says the same; a test holds them together. */

import { cutLine, type Line, span } from './line.js';

export type Help = { readonly keys: string; readonly does: string; readonly acts?: true };

export const help: readonly Help[] = [
  { keys: 'up down j k', does: 'another replica; elsewhere: scroll' },
  { keys: 'g G', does: 'the first; the last' },
  { keys: 'PgUp PgDn ^U ^D', does: 'a page' },
  { keys: 'enter', does: 'details of the replica' },
  { keys: 'esc', does: 'back; takes a filter away' },
  { keys: '1 2 3 4 5 tab', does: 'overview, details, log, events, devices and leases' },
  { keys: 'l', does: 'log of the replica' },
  { keys: '/', does: 'show only what has these words' },
  { keys: 'n N', does: 'in the log: the next, the previous find among all its lines' },
  { keys: 'f', does: 'follow the log, or stay where it is' },
  { keys: 'w', does: 'wrap long lines of the log' },
  { keys: 'y', does: 'in the log: write it, or what the filter leaves of it, to a file' },
  { keys: 'p', does: 'pause: what is shown stays' },
  { keys: 'd', does: 'drain', acts: true },
  { keys: 's', does: 'start', acts: true },
  { keys: 'S', does: 'stop', acts: true },
  { keys: 'r', does: 'restart', acts: true },
  { keys: 'x', does: 'reset', acts: true },
  { keys: ':', does: 'a command by its words: drain chat, logs chat/r0, quit' },
  { keys: '^L', does: 'draw everything anew' },
  { keys: '? q ^C', does: 'this page; leave, and no engine stops' },
];

export function helpLines(readOnly: boolean, columns: number): readonly Line[] {
  return help
    .filter(({ acts }) => !(readOnly && acts === true))
    .map(({ keys, does }) => cutLine([span(`  ${keys.padEnd(16)}  `, 'strong'), span(does)], columns));
}
