/** The part of a log that is shown: the end of it, or where its user has gone; all lines, those that a filter leaves, or those around a find. */

import { displayWidth } from '../text/width.js';
import { chopLine, type Line, span } from './line.js';
import type { LogData } from './model.js';

export type LogWindow = {
  readonly log: LogData;
  readonly filter: string;
  /** The number of the last line that is shown; null: the last that there is. */
  readonly end: number | null;
  /** The number of a line that was found, among all lines. */
  readonly found: number | null;
  readonly wrap: boolean;
  readonly rows: number;
  readonly columns: number;
};

export type Numbered = { readonly number: number; readonly text: string };

/** Lines that may be shown, with their numbers. */
export function candidates({ log, filter, found }: Pick<LogWindow, 'log' | 'filter' | 'found'>): readonly Numbered[] {
  const all = log.lines.map((text, index) => ({ number: log.first + index, text }));
  return filter === '' || found !== null ? all : all.filter(({ text }) => matches(text, filter));
}

export const matches = (text: string, filter: string): boolean => text.toLowerCase().includes(filter.toLowerCase());

/** At most `rows` lines; at the top the first may show its end alone. */
export function logLines(window: LogWindow): readonly Line[] {
  const { end, rows, columns, wrap, filter, found } = window;
  const lines = candidates(window).filter(({ number }) => end === null || number <= end);
  const shown: Line[] = [];
  for (let at = lines.length - 1; at >= 0 && shown.length < rows; at -= 1) {
    const { number, text } = lines[at] ?? { number: 0, text: '' };
    const pieces = wrap ? wrapped(text, columns) : [text];
    for (const piece of [...pieces].reverse()) shown.push(chopLine(marked(piece, filter, number === found), columns));
  }
  return shown.slice(0, rows).reverse();
}

/** A line in pieces of the terminal's width, broken anywhere: a log is no prose. */
function wrapped(text: string, columns: number): readonly string[] {
  if (displayWidth(text) <= columns) return [text];
  const pieces: string[] = [];
  let piece = '';
  let used = 0;
  for (const char of text) {
    const width = displayWidth(char);
    if (used + width > columns && piece !== '') {
      pieces.push(piece);
      [piece, used] = ['', 0];
    }
    piece += char;
    used += width;
  }
  return [...pieces, piece];
}

/** What was looked for stands out. */
function marked(text: string, filter: string, found: boolean): Line {
  const tone = found ? 'strong' : 'plain';
  const at = filter === '' ? -1 : text.toLowerCase().indexOf(filter.toLowerCase());
  if (at === -1) return [span(text, tone)];
  const end = at + filter.length;
  return [span(text.slice(0, at), tone), span(text.slice(at, end), found ? 'bad' : 'busy'), span(text.slice(end), tone)];
}
