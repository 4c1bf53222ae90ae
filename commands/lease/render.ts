/** Leases as people read them. */

import type { LeaseView } from '../../src/api/wire.js';
import { type Column, table } from '../../src/text/table.js';
import { clockTime, span } from '../../src/text/time.js';

/** What was granted or renewed, and what to do with it. */
export function leaseText({ lease_id, pool_id, replica_id, url, expires_at }: LeaseView, deed: 'leased' | 'renewed'): string {
  return [
    `${pool_id}/${replica_id} ${deed} until ${clockTime(Date.parse(expires_at))}: ${url}`,
    `  lease  ${lease_id}`,
    `  next   poolctl lease release ${lease_id}        (to keep it: poolctl lease renew ${lease_id})`,
    '',
  ].join('\n');
}

/** For `read -r lease url`. */
export const leaseLine = ({ lease_id, url }: LeaseView): string => `${lease_id} ${url}\n`;

export function leaseTable(leases: readonly LeaseView[], nowMs: number): string {
  const rows = leases.map(({ lease_id, pool_id, replica_id, url, holder, expires_at }) => [
    lease_id,
    `${pool_id}/${replica_id}`,
    span(Date.parse(expires_at) - nowMs),
    url,
    holder ?? '-',
  ]);
  return `${table(columns, rows, null).join('\n')}\n`;
}

const columns: readonly Column[] = [
  { head: 'LEASE', align: 'left' },
  { head: 'REPLICA', align: 'left' },
  { head: 'EXPIRES', align: 'right' },
  { head: 'URL', align: 'left' },
  { head: 'HOLDER', align: 'left' },
];
