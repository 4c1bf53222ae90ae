/** Serving replicas, and clients that lease them. */

import type { LeaseWish } from '../../src/core/messages.js';
import type { Lease, PoolSpec, SupervisorSpec } from '../../src/core/model.js';
import { probeResult } from '../rig/facts.js';
import { poolSpec } from '../rig/specs.js';
import { Bench } from './bench.js';

const described = (slotsTotal: number | null) => probeResult({ description: { engineVersion: 'b1', slotsTotal, ctxMax: null } });

/** A pool of which every replica is ready. */
export function serving(
  slots: number | null,
  replicas = 1,
  more: Partial<PoolSpec> = {},
  supervisor: Partial<SupervisorSpec> = {},
): Bench {
  const bench = new Bench([poolSpec('chat', replicas, more)], {
    supervisor: { loads: { perDevice: 9, total: 9 }, ...supervisor },
  });
  for (let n = 0; n < replicas; n += 1) {
    const key = `chat/r${n}` as const;
    bench
      .checked(key)
      .spawned(100 + n, key)
      .wake();
    for (const effect of bench.effects) if (effect.type === 'probe') bench.probed(described(slots), effect.launch.key);
  }
  return bench;
}

export const wish = (more: Partial<Extract<LeaseWish, { type: 'lease-requested' }>> = {}): LeaseWish => ({
  type: 'lease-requested',
  poolId: 'chat',
  replicaId: null,
  ttlMs: 60_000,
  holder: null,
  correlationId: null,
  ...more,
});
export function acquire(bench: Bench, more: Parameters<typeof wish>[0] = {}): Lease {
  const answer = bench.lease(wish(more));
  if (!answer.ok || answer.lease === null) throw new Error(`refused: ${JSON.stringify(answer)}`);
  return answer.lease;
}
export const refusal = (bench: Bench, more: Parameters<typeof wish>[0] = {}) => {
  const answer = bench.lease(wish(more));
  if (answer.ok) throw new Error('granted');
  return answer.refusal;
};
export const release = (bench: Bench, id: string) => bench.lease({ type: 'lease-released', id, correlationId: 'c' });
