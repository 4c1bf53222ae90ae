/** What happened, and who holds what. */

import type { EventLine, LeaseView } from '../api/wire.js';
import { oneLine } from '../text/one-line.js';
import { clockTime } from '../text/time.js';
import { displayWidth } from '../text/width.js';
import { leftText } from './detail-lines.js';
import { cutLine, type Line, span, type Tone } from './line.js';
import { matches } from './log-lines.js';

/** Those that a filter leaves, by their sentence or their name. */
export function chosenEvents(events: readonly EventLine[], filter: string): readonly EventLine[] {
  return filter === '' ? events : events.filter(({ human, event }) => matches(human, filter) || matches(event, filter));
}

/** The newest last; `skipped` of the newest are below the screen. */
export function eventLines(events: readonly EventLine[], skipped: number, rows: number, columns: number): readonly Line[] {
  const end = Math.max(Math.min(rows, events.length), events.length - skipped);
  return events.slice(Math.max(0, end - rows), end).map(({ time, level, human }) => {
    const at = Date.parse(time);
    return cutLine(
      [span(`${Number.isNaN(at) ? '--:--:--' : clockTime(at)} `, 'faint'), span(oneLine(human), toneOf(level))],
      columns,
    );
  });
}

function toneOf(level: string): Tone {
  return level === 'error' || level === 'critical' ? 'bad' : level === 'warn' ? 'busy' : 'plain';
}

/** With its head; one line that says so where there are none. */
export function leaseLines(leases: readonly LeaseView[], now: number, columns: number): readonly Line[] {
  if (leases.length === 0) return [cutLine([span('  no lease is held', 'faint')], columns)];
  const rows = leases.map(({ lease_id, pool_id, replica_id, holder, expires_at }) => [
    `${pool_id}/${replica_id}`,
    leftText(expires_at, now),
    oneLine(holder ?? '-'),
    lease_id,
  ]);
  const heads = ['REPLICA', 'EXPIRES IN', 'HOLDER', 'LEASE'];
  const widths = heads.map((head, at) => Math.min(28, Math.max(head.length, ...rows.map((row) => displayWidth(row[at] ?? '')))));
  const line = (row: readonly string[]): string => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ');
  return [
    cutLine([span(`  ${line(heads)}`, 'faint')], columns),
    ...rows.map((row) => cutLine([span(`  ${line(row)}`)], columns)),
  ];
}
