/** Whose pool a replica is, and who a pool's replicas are. */

import type { PoolSpec, ReplicaKey } from '../../src/core/model.js';

export function poolOf(key: ReplicaKey): string {
  return key.slice(0, key.lastIndexOf('/'));
}

export function keysOf({ poolId, masks }: PoolSpec): readonly ReplicaKey[] {
  return masks.map((_, index): ReplicaKey => `${poolId}/r${index}`);
}
