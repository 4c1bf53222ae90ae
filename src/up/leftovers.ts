/** Engines of an earlier supervisor that have no place in this inventory, or in its registry: stopped in order, and told of where they would not die. */

import { isLive, type Life } from '../core/life.js';
import type { Replica } from '../core/replica.js';
import type { RecordedEngine, State } from '../core/state.js';
import { type Paths, partsOf, replicaPaths } from '../host/paths.js';
import type { Clock } from '../shell/clock.js';
import type { Containment } from '../shell/containment.js';
import { stopLeftovers } from '../shell/leftovers.js';
import type { Processes } from '../shell/processes.js';
import type { Runtime } from '../shell/runtime.js';
import type { News } from './news.js';

export type Ground = {
  readonly paths: Paths;
  readonly processes: Pick<Processes, 'survivors'>;
  readonly containment: Pick<Containment, 'drop'>;
  readonly clock: Clock;
  readonly runtime: Runtime;
  readonly news: News;
};

export async function clearLeftovers(
  leftovers: readonly RecordedEngine[],
  { paths, processes, containment, clock, runtime, news }: Ground,
): Promise<void> {
  if (leftovers.length === 0) return;
  // A replica may have another engine, which is met at the same time.
  const serving = replicas(runtime.state()).flatMap(({ key, life }) => (isLive(life) || isSought(life) ? [key] : []));
  const logged = leftovers.map((each) => ({
    ...each,
    logPath: serving.includes(each.key) ? null : replicaPaths(paths, each.key).log,
  }));
  const { stuck } = await stopLeftovers(logged, { processes, now: () => clock.now() });
  for (const { instance } of leftovers) containment.drop(instance);
  for (const { key, pids } of stuck) {
    const { poolId } = partsOf(key);
    const reason = `pid ${pids.join(', ')} of an earlier supervisor would not die, and is left alone`;
    news.publish({ event: 'replica.stuck', level: 'error', pool_id: poolId, reason, detail: key });
  }
  runtime.give({ type: 'leftovers-gone' });
}

const replicas = ({ pools }: State): readonly Replica[] => [...pools.values()].flatMap((pool) => pool.replicas);

/** A launch of which nobody knows yet whether it came to a process. */
const isSought = (life: Life): boolean => life.state === 'preparing' && life.phase === 'spawning' && life.sought !== null;
