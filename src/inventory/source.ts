/** The text of an inventory, and where in it something stands. */

import type { Excerpt } from '../text/caret.js';

/** Half open, in UTF-16 units from the beginning of the text. */
export type Range = { readonly start: number; readonly end: number };

export type Position = { readonly line: number; readonly column: number };

export type Source = {
  /** As the user named it. */
  readonly file: string;
  readonly text: string;
  /** `text` with secrets covered, unit by unit: the only form that may be shown. */
  readonly shown: string;
  readonly lineStarts: readonly number[];
};

export function sourceOf(file: string, text: string): Source {
  const lineStarts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1);
  return { file, text, shown: text, lineStarts };
}

/** The same source; what stands in `secrets` is shown as asterisks. Line ends stay, so that positions do. */
export function cover(source: Source, secrets: readonly Range[]): Source {
  const pieces: string[] = [];
  let at = 0;
  for (const { start, end } of [...secrets].sort((a, b) => a.start - b.start)) {
    if (end <= at) continue;
    const from = Math.max(at, start);
    pieces.push(source.text.slice(at, from), source.text.slice(from, end).replace(/[^\s]/g, '*'));
    at = end;
  }
  return { ...source, shown: pieces.join('') + source.text.slice(at) };
}

/** Counted from 1; columns in characters, at most one behind the line's last. */
export function positionOf(source: Source, at: number): Position {
  const { text, lineStarts } = source;
  const line = lineIndex(lineStarts, at);
  const start = lineStarts[line] ?? 0;
  const offset = Math.min(at, lineEnd(source, line));
  return {
    line: line + 1,
    column: [...text.slice(start, Math.min(offset, start + maxColumn))].length + Math.max(0, offset - start - maxColumn) + 1,
  };
}

/** Beyond it a column counts UTF-16 units: nobody counts by hand there, and a file may be one line of a megabyte. */
const maxColumn = 1000;

/** The line where `range` begins, and as much of the range as stands on it. */
export function excerptOf(source: Source, range: Range): Excerpt {
  const { shown, lineStarts } = source;
  const line = lineIndex(lineStarts, range.start);
  const from = lineStarts[line] ?? 0;
  const to = lineEnd(source, line);
  const start = Math.min(range.start, to);
  return {
    lineNumber: line + 1,
    line: shown.slice(from, to),
    start: start - from,
    length: Math.max(1, Math.min(range.end, to) - start),
  };
}

/** Before its line feed, or its carriage return and line feed. */
function lineEnd({ text, lineStarts }: Source, line: number): number {
  const next = lineStarts[line + 1] ?? text.length + 1;
  return text[next - 2] === '\r' ? next - 2 : next - 1;
}

function lineIndex(lineStarts: readonly number[], offset: number): number {
  let [low, high] = [0, lineStarts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((lineStarts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
