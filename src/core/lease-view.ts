/** Lease -> the read model (views.ts). */

import { isLive } from './life.js';
import { type Lease, poolIdOf } from './model.js';
import { urlFor } from './serving.js';
import type { Calendar } from './snapshot.js';
import { replicaIn, type State } from './state.js';
import type { LeaseView } from './views.js';

/** Null where its replica is gone, which has then lost it. */
export function viewLease(
  { id, key, holder, grantedAt, expiresAt }: Lease,
  { pools }: State,
  time: Calendar['time'],
): LeaseView | null {
  const poolId = poolIdOf(key);
  const pool = pools.get(poolId);
  const replica = replicaIn(pools, key);
  if (pool === undefined || replica === undefined) return null;
  // Where its engine listens, and what it serves, is the engine's to say, whatever its replica is to become.
  const launch = isLive(replica.life) ? replica.life.engine.launch : null;
  const port = launch?.port ?? replica.port;
  if (port === null) return null;
  return {
    lease_id: id,
    pool_id: poolId,
    replica_id: replica.id,
    url: urlFor(pool.spec.host, port),
    model_id: (launch?.spec ?? pool.spec).modelId,
    holder,
    granted_at: time(grantedAt.wallMs),
    expires_at: time(expiresAt.wallMs),
  };
}
