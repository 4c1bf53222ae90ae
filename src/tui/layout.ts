/** Who gets how many rows and columns. Arithmetic alone: what stands in them is made elsewhere. */

import { deviceRows } from './device-lines.js';
import type { Size } from './model.js';

/** Below this there is one line that says so. */
export const least: Size = { columns: 40, rows: 8 };

export const isTooSmall = ({ columns, rows }: Size): boolean => columns < least.columns || rows < least.rows;

/** Rows between the first line and the last one. The terminal's own last row stays free, or drawing would scroll it. */
export const bodyRows = ({ rows }: Size): number => Math.max(0, rows - 3);

const logFromRows = 16;
const leastReplicas = 5;
/** From here on there is room for what is nice to know. */
export const roomyFrom = 100;
const twoFrom = 140;
const threeFrom = 200;

/** How wide the columns of the overview are: the list alone; with details and log at its right; with the events besides. */
export function blockColumns({ columns, rows }: Size): readonly number[] {
  if (columns < twoFrom || rows < logFromRows) return [columns];
  if (columns < threeFrom) {
    const list = Math.floor(columns * 0.6);
    return [list, columns - list];
  }
  const list = Math.floor(columns * 0.46);
  const details = Math.floor(columns * 0.28);
  return [list, details, columns - list - details];
}

export type ListRows = {
  /** Lines of devices, without their rule; 0: no such section. */
  readonly devices: number;
  /** Replicas, without the rule and the head. */
  readonly replicas: number;
  /** Lines of the log, without its rule; 0: no such section. */
  readonly log: number;
};

/**
 * The rows of the list. Below 16 rows the log goes, then, in part or all, the devices, if they leave no room for five replicas. The log gets what
 * the replicas do not need, and at least a quarter.
 */
export function listRows(size: Size, columns: number, count: { readonly devices: number; readonly replicas: number }): ListRows {
  const body = bodyRows(size);
  const withLog = size.rows >= logFromRows && blockColumns(size).length === 1;
  const logLeast = withLog ? Math.max(4, Math.floor(body / 4)) : 0;
  const needed = Math.max(1, count.replicas);
  const most = [Math.max(4, Math.floor(body / 5)), 1, 0];
  const choices = most.map((each) => {
    const devices = deviceRows(count.devices, each, columns);
    const left = body - logLeast - (devices === 0 ? 0 : devices + 1) - 2;
    return { devices, left };
  });
  const { devices, left } = choices.find((each) => each.left >= Math.min(leastReplicas, needed)) ?? {
    devices: 0,
    left: body - logLeast - 2,
  };
  const replicas = Math.max(1, withLog ? Math.min(needed, left) : left);
  const rest = body - (devices === 0 ? 0 : devices + 1) - 2 - replicas;
  return { devices, replicas, log: withLog ? Math.max(0, rest - 1) : 0 };
}

/** The first of `count` that is shown in `rows`, so that the chosen one is among them, with as many before it as after it. */
export function firstShown(chosen: number, count: number, rows: number): number {
  return Math.max(0, Math.min(chosen - Math.floor(rows / 2), count - rows));
}
