/** A line of the screen as data: pieces of text with a tone each. What is wider than its room is cut, never wrapped. */

import type { Palette } from '../text/colour.js';
import { cut } from '../text/table.js';
import { displayWidth, harmless } from '../text/width.js';

export type Tone = 'plain' | keyof Palette;
export type Span = { readonly text: string; readonly tone: Tone };
export type Line = readonly Span[];

export const blank: Line = [];

/** The one way to make one: no text of others can steer the terminal, or be wider than it is taken for. */
export const span = (text: string, tone: Tone = 'plain'): Span => ({ text: harmless(text.replaceAll('\t', ' ')), tone });

export const textOf = (line: Line): string => line.map(({ text }) => text).join('');

export const widthOf = (line: Line): number => displayWidth(textOf(line));

/** At most `columns` wide; what was cut ends in `...`. */
export function cutLine(line: Line, columns: number): Line {
  if (widthOf(line) <= columns) return line;
  const kept: Span[] = [];
  let left = columns;
  for (const [index, { text, tone }] of line.entries()) {
    const width = displayWidth(text);
    const rest = line.slice(index + 1).some((each) => each.text !== '');
    if (width < left || (width === left && !rest)) {
      kept.push({ text, tone });
      left -= width;
      continue;
    }
    // One column too wide is told as well: the dots stand for what follows.
    kept.push({ text: cut(width === left ? `${text} ` : text, left), tone });
    break;
  }
  return kept;
}

/** The same without dots, for lines whose every column is dear. */
export function chopLine(line: Line, columns: number): Line {
  const kept: Span[] = [];
  let left = columns;
  for (const { text, tone } of line) {
    let piece = '';
    for (const char of text) {
      const width = displayWidth(char);
      if (width > left) return [...kept, { text: piece, tone }];
      piece += char;
      left -= width;
    }
    kept.push({ text: piece, tone });
  }
  return kept;
}

/** Pieces of at most `columns`, broken between words where there are any. */
export function folded(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && displayWidth(longer) > columns) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}

/** Exactly `columns` wide. */
export function fitLine(line: Line, columns: number): Line {
  const kept = cutLine(line, columns);
  const missing = columns - widthOf(kept);
  return missing > 0 ? [...kept, span(' '.repeat(missing))] : kept;
}

/** `left` from the left edge and `right` at the right one, which gives way where there is no room for both. */
export function spread(left: Line, right: Line, columns: number): Line {
  const room = columns - widthOf(right) - 1;
  if (room < Math.min(widthOf(left), 8)) return cutLine(left, columns);
  return [...fitLine(left, room), span(' '), ...right];
}

/** Blocks beside each other, each as wide as it says and as high as the highest. */
export function beside(blocks: readonly { readonly lines: readonly Line[]; readonly columns: number }[]): readonly Line[] {
  const rows = Math.max(0, ...blocks.map(({ lines }) => lines.length));
  return Array.from({ length: rows }, (_, row) =>
    blocks.flatMap(({ lines, columns }, index) => {
      const line = lines[row] ?? blank;
      return index === blocks.length - 1 ? cutLine(line, columns) : [...fitLine(line, columns - 1), span(' ')];
    }),
  );
}

/** What is not of now any more. */
export const faded = (line: Line): Line => line.map(({ text }) => ({ text, tone: 'faint' }));

/** With the escape sequences of its tones, and nothing at its end that cannot be seen. */
export function paintLine(line: Line, palette: Palette): string {
  const last = line.findLastIndex(({ text }) => text.trimEnd() !== '');
  return line
    .slice(0, last + 1)
    .map(({ text, tone }, index) => {
      const seen = index === last ? text.trimEnd() : text;
      return tone === 'plain' || seen.trim() === '' ? seen : palette[tone](seen);
    })
    .join('');
}
