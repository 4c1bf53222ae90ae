/** What an earlier supervisor left: its registry back into state, and the engines that are not in it. */

import type { Inventory } from '../core/model.js';
import { type Restored, restore } from '../core/restore.js';
import type { Restoring } from '../core/resume.js';
import type { RecordedEngine } from '../core/state.js';
import { type Paths, partsOf } from '../host/paths.js';
import type { Processes } from '../shell/processes.js';
import { readRegistry } from '../shell/registry.js';
import { parseRecord, type Record } from './record.js';
import { unrecorded } from './unrecorded.js';

export type Beginnings = Omit<Restoring, 'record' | 'clean' | 'sameBoot'> & {
  readonly paths: Paths;
  readonly bootId: string;
  readonly processes: Pick<Processes, 'sweep'>;
};

export type Begun = {
  readonly restored: Restored;
  /** Why the registry could not be used; null where it could, or there was none. */
  readonly setAside: string | null;
};

export async function begin(beginnings: Beginnings): Promise<Begun> {
  const { paths, inventory } = beginnings;
  const { content: record, setAside } = await readRegistry(paths.registry, (content) => usable(parseRecord(content), beginnings));
  const unknown = await unrecorded(record?.state ?? null, beginnings);
  const restored = restoreFrom(record, beginnings);
  const leftovers = [...restored.state.leftovers, ...unknown];
  return {
    restored: { ...restored, state: { ...restored.state, leftovers: leftovers.map((each) => stoppedAs(each, inventory)) } },
    setAside: setAside?.why ?? null,
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
