/** Replicas with their pools, and how they are named wherever they are shown. */

import type { DeviceView, PoolView, ReplicaStateName, ReplicaView, StatusView } from '../api/wire.js';

/** A replica with its pool. */
export type Place = { readonly pool: PoolView; readonly replica: ReplicaView };

/** In the order of every table: by pool, then by replica. */
export function placesOf({ pools }: Pick<StatusView, 'pools'>): readonly Place[] {
  const byName = [...pools].sort((a, b) => (a.pool_id < b.pool_id ? -1 : 1));
  return byName.flatMap((pool) => pool.replicas.map((replica) => ({ pool, replica })));
}

export const placeName = ({ pool, replica }: Place): string => `${pool.pool_id}/${replica.replica_id}`;

/** What is not known, and what does not apply, is `-`, never empty and never 0. */
export const shown = (value: number | string | null): string => (value === null || value === '' ? '-' : String(value));

/** `2/4`; `-` for one that takes none and has none to wait for. */
export const leasesText = ({ ready, state, active_leases, slots_total }: ReplicaView): string =>
  ready || state === 'draining' ? `${active_leases}/${shown(slots_total)}` : '-';

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

export const tones: Readonly<Record<ReplicaStateName, 'good' | 'busy' | 'bad' | 'faint'>> = {
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
