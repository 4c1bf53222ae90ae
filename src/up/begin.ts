/** What an earlier supervisor left: its registry back into state, and the engines that are not in it. */

import type { Inventory } from '../core/model.js';
import { type Restored, restore } from '../core/restore.js';
import type { Restoring } from '../core/resume.js';
import type { RecordedEngine } from '../core/state.js';
import { type Paths, partsOf } from '../host/paths.js';
import type { Owner } from '../shell/leaves.js';
import type { Processes } from '../shell/processes.js';
import { readRegistry } from '../shell/registry.js';
import { parseRecord, type Record, recordedEngines } from './record.js';
import { unidentified, unrecorded } from './unrecorded.js';

export type Beginnings = Omit<Restoring, 'record' | 'clean' | 'sameBoot'> & {
  readonly paths: Paths;
  readonly bootId: string;
  readonly processes: Pick<Processes, 'sweep'>;
  /** Who lives in a cgroup of an earlier supervisor of this state directory. */
  readonly contained: readonly Owner[];
};

export type Begun = {
  readonly restored: Restored;
  /** Why the registry could not be used; null where it could, or there was none. */
  readonly setAside: string | null;
  /** Whether engines of an earlier supervisor may be there. */
  readonly unclean: boolean;
};

export async function begin(beginnings: Beginnings): Promise<Begun> {
  const { paths, inventory } = beginnings;
  const { content: record, setAside } = await readRegistry(paths.registry, (content) => usable(parseRecord(content), beginnings));
  const known = record === null ? null : recordedEngines(record);
  const unknown = await unrecorded(known, beginnings);
  const restored = restoreFrom(record, beginnings);
  const named = new Set([...(known ?? []), ...unknown].map(({ instance }) => instance));
  const lost = beginnings.contained.filter(({ instance }) => !named.has(instance)).map(unidentified);
  const leftovers = [...restored.state.leftovers, ...unknown, ...lost];
  return {
    restored: { ...restored, state: { ...restored.state, leftovers: leftovers.map((each) => stoppedAs(each, inventory)) } },
    setAside: setAside?.why ?? null,
    unclean: leftovers.length > 0 || (record === null ? setAside !== null : record.ended !== 'clean'),
  };
}

function restoreFrom(record: Record | null, { bootId, ...rest }: Beginnings): Restored {
  return restore({
    ...rest,
    record: record?.state ?? null,
    clean: record?.ended === 'clean',
    sameBoot: record?.boot_id === bootId,
  });
}

/** A registry that was changed by hand may be whole JSON and still make no state. */
function usable(record: Record | null, beginnings: Beginnings): Record | null {
  if (record !== null) restoreFrom(record, beginnings);
  return record;
}

/** As the inventory says now, where it still has the pool. */
function stoppedAs(engine: RecordedEngine, { pools }: Inventory): RecordedEngine {
  const spec = pools.find(({ poolId }) => poolId === partsOf(engine.key).poolId);
  return engine.entry !== '' || spec === undefined ? engine : { ...engine, stop: spec.stop };
}
