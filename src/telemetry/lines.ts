/** An event on its way out: with its time, its id and its sentence, as JSON or as a line for people. */

import type { EventLine } from '../api/wire.js';
import type { Event } from '../core/events.js';
import type { LogLevel } from '../core/model.js';
import { type Palette, plain } from '../text/colour.js';
import { eventText } from '../text/event-line.js';
import { rfc3339 } from '../text/time.js';
import { sentence } from './sentences.js';

/** The event as journal, stream and log write it. `id` is `<start>-<n>`; `wallMs` is when it happened. */
export function eventLine(event: Event, id: string, wallMs: number): EventLine {
  const { event: name, level, next_restart_at, ...rest } = event;
  return {
    id,
    time: rfc3339(wallMs),
    event: name,
    level,
    human: sentence(event),
    ...rest,
    ...(next_restart_at === undefined ? {} : { next_restart_at: rfc3339(next_restart_at) }),
  };
}

/** One line of JSON, without the newline. What has an empty id is no event, and has none there. */
export function jsonLine(line: EventLine): string {
  const { id, ...rest } = line;
  return JSON.stringify(id === '' ? rest : line);
}

/** How lines for people look where they go. */
export type PrettyForm = 'tty' | 'plain' | 'journal';

/** On a terminal with the time of day, off it with the whole time, and for systemd's journal with a priority instead. */
export function prettyLine(line: EventLine, form: PrettyForm, palette: Palette = plain): string {
  if (form === 'journal') return `<${priorities[line.level as LogLevel] ?? 6}>${eventText(line, 'none', plain)}`;
  return form === 'tty' ? eventText(line, 'clock', palette) : eventText(line, 'iso', plain);
}

const priorities: Readonly<Record<LogLevel, number>> = { critical: 3, error: 3, warn: 4, info: 6, debug: 6 };

const ranks: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3, critical: 4 };

/** Whether an event of this level is told where `least` is the lowest level wanted. */
export function isTold(level: string, least: LogLevel): boolean {
  return (ranks[level as LogLevel] ?? ranks.info) >= ranks[least];
}
