/** The status table: one row a replica, no boxes, no empty cell, so that `awk '$2 == "ready"'` works. WHY alone may hold blanks, and is last. */

import type { StatusView } from '../../src/api/wire.js';
import type { Palette } from '../../src/text/colour.js';
import { leasesText, maskText, type Place, placeName, placesOf, shown, tones } from '../../src/text/places.js';
import { type Column, table } from '../../src/text/table.js';
import { age } from '../../src/text/time.js';

type Cell = Column & { readonly from: (place: Place, view: StatusView) => string };

/** `width`: the columns of the terminal; null where it goes to a file or a pipe, and nothing is cut. */
export function statusTable(view: StatusView, width: number | null, palette: Palette): readonly string[] {
  const places = placesOf(view);
  const cells = cellsFor(width);
  const rows = places.map((place) => cells.map(({ from }) => from(place, view)));
  const state = cells.findIndex(({ head }) => head === 'STATE');
  return table(cells, rows, width, (cell, column, row) => {
    if (row === -1) return palette.faint(cell);
    const name = places[row]?.replica.state;
    return column === state && name !== undefined ? palette[tones[name]](cell) : cell;
  });
}

const text = (head: string, from: Cell['from'], min = 0): Cell => ({ head, align: 'left', min, from });
const count = (head: string, from: Cell['from']): Cell => ({ head, align: 'right', from });

const replicaCell = text('REPLICA', placeName);
const stateCell = text('STATE', ({ replica }, { stale }) => `${replica.state}${stale ? '?' : ''}`, 8);
const maskCell = text('MASK', ({ replica }, { devices }) => maskText(replica.device_mask, devices));
const portCell = count('PORT', ({ replica }) => shown(replica.port));
const urlCell = text('URL', ({ replica }) => shown(replica.url));
const leasesCell = count('LEASES', ({ replica }) => leasesText(replica));
const runCell = count('RUN', ({ replica }) => shown(replica.inflight));
const restartsCell = count('RST', ({ replica }) => String(replica.restart_count));
/** A supervisor that is gone knows no ages. */
const upCell = count('UP', ({ replica }, { stale }) =>
  stale || replica.uptime_seconds === null ? '-' : age(replica.uptime_seconds * 1000),
);
const whyCell = text('WHY', ({ replica }) => shown(replica.why));

const narrowBelow = 72;
const wideFrom = 110;

function cellsFor(width: number | null): readonly Cell[] {
  if (width !== null && width < narrowBelow) return [replicaCell, stateCell, maskCell, leasesCell, upCell, whyCell];
  const address = width === null || width >= wideFrom ? urlCell : portCell;
  return [replicaCell, stateCell, maskCell, address, leasesCell, runCell, restartsCell, upCell, whyCell];
}
