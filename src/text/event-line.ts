/** One event as a person reads it in a terminal or a journal. */

import type { Palette } from './colour.js';
import { oneLine } from './one-line.js';
import { clockTime } from './time.js';

/** What such a line needs of an event as it is told outside. */
export type Told = { readonly time: string; readonly level: string; readonly human: string };

/** How the time stands before the sentence: as on a clock, whole, or not at all (the journal has its own). */
export type TimeForm = 'clock' | 'iso' | 'none';

/** `14:01:31 chat/r0 ready in 29.1s, http://127.0.0.1:18100`. Always one line. */
export function eventText({ time, level, human }: Told, form: TimeForm, { busy, bad, faint }: Palette): string {
  const sentence = oneLine(human);
  const painted = level === 'error' || level === 'critical' ? bad(sentence) : level === 'warn' ? busy(sentence) : sentence;
  if (form === 'none') return painted;
  const at = Date.parse(time);
  return `${faint(form === 'clock' && !Number.isNaN(at) ? clockTime(at) : time)} ${painted}`;
}
