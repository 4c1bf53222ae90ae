/** Tables without boxes and without empty cells, so that `awk` can read them: the last column alone may hold spaces. */

import { oneLine } from './one-line.js';
import { displayWidth } from './width.js';

export type Column = {
  readonly head: string;
  readonly align: 'left' | 'right';
  /** Columns of the terminal that it takes even when all cells are shorter, so that the table does not jump. */
  readonly min?: number;
};

/** Colours a cell; it is given the padded text, and the row as an index (the head is -1). */
export type PaintCell = (cell: string, column: number, row: number) => string;

/**
 * One line a row, the head first, without newlines at the end. `width` null: nothing is cut. Otherwise the last column is cut with `...` so
 * that no line is wider, as far as the other columns leave room.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number | null,
  paint: PaintCell = (cell) => cell,
): readonly string[] {
  const cells = rows.map((row) => columns.map((_, i) => oneLine(row[i] ?? '') || '-'));
  const last = columns.length - 1;
  const widths = columns.map(({ head, min = 0 }, i) =>
    Math.max(min, head.length, ...cells.map((row) => displayWidth(row[i] ?? ''))),
  );
  const before = widths.slice(0, last).reduce((sum, w) => sum + w + 2, 0);
  const line = (row: readonly string[], index: number): string =>
    columns
      .map(({ align }, i) => {
        const cell = row[i] ?? '-';
        if (i === last) return paint(width === null ? cell : cut(cell, Math.max(1, width - before)) || '-', i, index);
        const space = ' '.repeat(Math.max(0, (widths[i] ?? 0) - displayWidth(cell)));
        return paint(align === 'left' ? cell + space : space + cell, i, index);
      })
      .join('  ')
      .trimEnd();
  return [
    line(
      columns.map(({ head }) => head),
      -1,
    ),
    ...cells.map(line),
  ];
}

/** Cuts with `...` what is wider than `room`; where there is no room for that, without. */
export function cut(text: string, room: number): string {
  if (displayWidth(text) <= room) return text;
  const dots = room < 4 ? '' : '...';
  let kept = '';
  let used = dots.length;
  for (const char of text) {
    used += displayWidth(char);
    if (used > room) break;
    kept += char;
  }
  return `${kept.trimEnd()}${dots}`;
}
