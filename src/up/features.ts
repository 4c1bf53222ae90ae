/** What can be done with a pool's engine, in fixed words that a program may look for: GET /v2/meta/capabilities has them. */

import type { PoolSpec } from '../core/model.js';
import { adapters } from '../engines/index.js';

export type Feature = 'leases' | 'drain' | 'reload' | 'running-requests' | 'perf';

/** By the inventory and the kind of engine: the words hold also while no engine lives. */
export function featuresOf({ engine, model, drain }: Pick<PoolSpec, 'engine' | 'model' | 'drain'>): readonly Feature[] {
  const { inflight, perf } = adapters[engine];
  return [
    'leases',
    'drain',
    ...(model === null ? [] : (['reload'] as const)),
    ...(inflight === null || drain.inflight === 'off' ? [] : (['running-requests'] as const)),
    ...(perf === null ? [] : (['perf'] as const)),
  ];
}
