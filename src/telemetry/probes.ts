/** What the answer to a health probe counts as. */

import type { Input } from '../core/messages.js';
import type { State } from '../core/state.js';
import type { Whose } from './tallies.js';

export type Probed = {
  readonly whose: Whose;
  /** `unknown`: it could not be judged. */
  readonly result: 'ok' | 'failed' | 'unknown';
  readonly tookMs: number;
};

const servingStates: ReadonlySet<string> = new Set(['ready', 'unhealthy', 'draining']);

/**
 * Null where it does not count: it is of an earlier engine, of one that is being ended, or of one that loads, whose misses are no failures. The
 * probe that found the engine ready counts.
 */
export function readProbe({ key, incarnation, result }: Extract<Input, { type: 'probed' }>, after: State): Probed | null {
  const [pool_id = '', replica_id = ''] = key.split('/');
  const pool = after.pools.get(pool_id);
  const replica = pool?.replicas.find((each) => each.key === key);
  if (pool === undefined || replica === undefined || replica.incarnation !== incarnation) return null;
  if (!servingStates.has(replica.life.state)) return null;
  const { verdict, listener, tookMs } = result;
  const passed = verdict === 'ok' && listener !== 'foreign';
  return {
    whose: { pool_id, replica_id, engine: pool.spec.engine },
    result: passed ? 'ok' : verdict === 'unknown' ? 'unknown' : 'failed',
    tookMs,
  };
}
