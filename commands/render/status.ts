/** The status table: one row a replica, no boxes, no empty cell, so that `awk '$2 == "ready"'` works. WHY alone may hold blanks, and is last. */

import type { DeviceView, PoolView, ReplicaStateName, ReplicaView, StatusView } from '../../src/api/wire.js';
import type { Palette } from '../../src/text/colour.js';
import { type Column, table } from '../../src/text/table.js';
import { age } from '../../src/text/time.js';

/** A replica with its pool. */
export type Place = { readonly pool: PoolView; readonly replica: ReplicaView };

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

/** In the table's order: by pool, then by replica. */
export function placesOf({ pools }: StatusView): readonly Place[] {
  const byName = [...pools].sort((a, b) => (a.pool_id < b.pool_id ? -1 : 1));
  return byName.flatMap((pool) => pool.replicas.map((replica) => ({ pool, replica })));
}

export const placeName = ({ pool, replica }: Place): string => `${pool.pool_id}/${replica.replica_id}`;

/** What is not known, and what does not apply, is `-`, never empty and never 0. */
const shown = (value: number | string | null): string => (value === null || value === '' ? '-' : String(value));

const text = (head: string, from: Cell['from'], min = 0): Cell => ({ head, align: 'left', min, from });
const count = (head: string, from: Cell['from']): Cell => ({ head, align: 'right', from });

const replicaCell = text('REPLICA', placeName);
const stateCell = text('STATE', ({ replica }, { stale }) => `${replica.state}${stale ? '?' : ''}`, 8);
const maskCell = text('MASK', ({ replica }, { devices }) => maskText(replica.device_mask, devices));
const portCell = count('PORT', ({ replica }) => shown(replica.port));
const urlCell = text('URL', ({ replica }) => shown(replica.url));
const leasesCell = count('LEASES', ({ replica }) =>
  replica.ready || replica.state === 'draining' ? `${replica.active_leases}/${shown(replica.slots_total)}` : '-',
);
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

/** As written in the inventory; a UUID, or the beginning of one, by its index where the device is known. */
export function maskText(written: string, devices: readonly DeviceView[]): string {
  return written
    .split(',')
    .map((id) => {
      const named = id.includes('-') ? devices.filter(({ uuid }) => uuid.toLowerCase().startsWith(id.toLowerCase())) : [];
      return named.length === 1 ? (named[0]?.index ?? id) : id;
    })
    .join(',');
}

const tones: Readonly<Record<ReplicaStateName, 'good' | 'busy' | 'bad' | 'faint'>> = {
  ready: 'good',
  preparing: 'busy',
  starting: 'busy',
  draining: 'busy',
  stopping: 'busy',
  backoff: 'busy',
  unhealthy: 'bad',
  broken: 'bad',
  failed: 'bad',
  stuck: 'bad',
  stopped: 'faint',
};
