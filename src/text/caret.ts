/** A line of a file with carets under a part of it. ASCII around it; the carets stand right whatever tabs and wide characters come before. */

import { displayWidth, harmless } from './width.js';

export type Excerpt = {
  /** Counted from 1. */
  readonly lineNumber: number;
  readonly line: string;
  /** UTF-16 units from the line's beginning. */
  readonly start: number;
  readonly length: number;
};

/** Of a longer line only the part around the carets is shown. */
const shownBefore = 80;
const shownAfter = 80;

/**
 * Two lines or more, without a newline at the end. The first line of `note` stands behind the carets, those that follow under them at the
 * left margin, as they are.
 */
export function pointAt(excerpt: Excerpt, note: string | null): string {
  const { line, start, length } = windowed(excerpt);
  const before = [...line.slice(0, start)].map((char) => (char === '\t' ? '\t' : ' '.repeat(displayWidth(char)))).join('');
  const carets = '^'.repeat(Math.max(1, displayWidth(line.slice(start, start + length))));
  const [first = '', ...rest] = (note ?? '').split('\n');
  const number = String(excerpt.lineNumber).padStart(3);
  const margin = ' '.repeat(number.length);
  return [`${number} | ${line}`, `${margin} | ${before}${carets} ${first}`, ...rest.map((text) => `${margin} | ${text}`)]
    .map((text) => text.trimEnd())
    .join('\n');
}

function windowed({ line, start, length }: Excerpt): { readonly line: string; readonly start: number; readonly length: number } {
  const from = start > shownBefore * 2 ? start - shownBefore : 0;
  const to = line.length > start + shownAfter * 2 ? start + shownAfter : line.length;
  const [head, tail] = [from > 0 ? '...' : '', to < line.length ? '...' : ''];
  return {
    line: harmless(`${head}${line.slice(from, to)}${tail}`),
    start: start - from + head.length,
    length: Math.max(0, Math.min(length, to - start)),
  };
}
