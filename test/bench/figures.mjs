/** Numbers to a table that a person can judge: median (min-max) of poolctl and of its floor, the ratio, the target. */

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The smallest value that so large a share of all does not exceed. @param {number[]} values @param {number} share over 0, at most 1 */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length) - 1];
}

/**
 * @typedef {{ what: string, unit: string, poolctl: number[], floor?: number[], [peer: string]: number[], atMost?: number, ratioAtMost?: number, ratioAtLeast?: number, note?: string }} Figure
 *   `atMost` is in the unit, `ratioAtMost` and `ratioAtLeast` times the floor's median; a figure may have one of them
 */

/** The figure's verdict: null where it has no target. @param {Figure} figure */
export function verdict({ poolctl, floor, atMost, ratioAtMost, ratioAtLeast }) {
  if (atMost !== undefined) return median(poolctl) <= atMost;
  if (ratioAtMost !== undefined && floor !== undefined) return median(poolctl) <= ratioAtMost * median(floor);
  if (ratioAtLeast !== undefined && floor !== undefined) return median(poolctl) >= ratioAtLeast * median(floor);
  return null;
}

/** @param {Figure[]} figures */
export function table(figures) {
  return aligned([
    ['figure', 'poolctl', 'floor', 'ratio', 'target', ''],
    ...figures.map((figure) => {
      const { what, unit, poolctl, note } = figure;
      const floor = figure.floor?.length ? figure.floor : undefined;
      const ratio = floor === undefined ? '-' : `${(median(poolctl) / median(floor)).toPrecision(3)} x`;
      const judged = { true: 'ok', false: 'MISSED', null: '' }[String(verdict(figure))];
      return [
        what,
        `${spread(poolctl)} ${unit}`,
        floor === undefined ? '-' : `${spread(floor)} ${unit}`,
        ratio,
        target(figure),
        [judged, note].filter(Boolean).join('  '),
      ];
    }),
  ]);
}

/** One column for each supervisor: rows of a table, its head first. @param {Figure[]} figures @param {string[]} names */
export function comparison(figures, names) {
  return [
    ['figure', 'unit', ...names],
    ...figures.map((figure) => [
      figure.what,
      figure.unit,
      ...names.map((name) => (figure[name]?.length ? spread(figure[name]) : '-')),
    ]),
  ];
}

/** @param {string[][]} rows */
export function aligned(rows) {
  return padded(rows)
    .map((row) => `${row.join('  ').trimEnd()}\n`)
    .join('');
}

/** A table of Markdown. @param {string[][]} rows */
export function markdown(rows) {
  const [head, ...others] = padded(rows);
  const rule = head.map((cell) => '-'.repeat(cell.length));
  return [head, rule, ...others].map((row) => `| ${row.join(' | ')} |\n`).join('');
}

function padded(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column])));
}

function target({ unit, atMost, ratioAtMost, ratioAtLeast }) {
  if (atMost !== undefined) return `${number(atMost)} ${unit}`;
  if (ratioAtMost !== undefined) return `${number(ratioAtMost)} x`;
  return ratioAtLeast === undefined ? '-' : `at least ${number(ratioAtLeast)} x`;
}

function spread(values) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least === most ? number(least) : `${number(median(values))} (${number(least)}-${number(most)})`;
}

/** Three digits that count. */
function number(value) {
  return value >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toPrecision(3);
}
