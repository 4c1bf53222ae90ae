/** What an earlier supervisor left: its registry back into state, or, where that cannot be read, its engines by the logs that they write. */

import { basename } from 'node:path';
import type { Inventory, ReplicaKey } from '../core/model.js';
import { type Restored, restore } from '../core/restore.js';
import type { Restoring } from '../core/resume.js';
import type { RecordedEngine } from '../core/state.js';
import { type Paths, partsOf, replicaPaths } from '../host/paths.js';
import { environValue, type ProcessStat } from '../host/proc.js';
import { writersUnder } from '../host/tree.js';
import { leaderOf } from '../shell/adoption.js';
import type { Processes } from '../shell/processes.js';
import { readRegistry } from '../shell/registry.js';
import { parseRecord, type Record } from './record.js';

export type Beginnings = Omit<Restoring, 'record' | 'clean' | 'sameBoot'> & {
  readonly paths: Paths;
  readonly bootId: string;
  readonly processes: Pick<Processes, 'sweep'>;
};

export type Begun = {
  readonly restored: Restored;
  /** Why the registry could not be used, and where it is now; null where it could, or there was none. */
  readonly setAside: string | null;
};

export async function begin(beginnings: Beginnings): Promise<Begun> {
  const { paths, inventory } = beginnings;
  const { content: record, setAside } = await readRegistry(paths.registry, (content) => {
    const record = parseRecord(content);
    // One that was changed by hand may be whole JSON and still make no state: then this throws.
    if (record.ok) restoreFrom(record.value, beginnings);
    return record;
  });
  const unknown = record === null ? await unrecorded(beginnings) : [];
  const restored = restoreFrom(record, beginnings);
  const leftovers = [...restored.state.leftovers, ...unknown];
  return {
    restored: { ...restored, state: { ...restored.state, leftovers: leftovers.map((each) => stoppedAs(each, inventory)) } },
    setAside:
      setAside === null
        ? null
        : `${setAside.why}; ${setAside.to === null ? 'it is written over' : `it lies in ${basename(setAside.to)}`}`,
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

/** Engines that nobody wrote down, or whose registry is lost: whoever has one of our logs open as its output. */
async function unrecorded({ paths, processes }: Beginnings): Promise<readonly RecordedEngine[]> {
  const writers = await writersUnder(paths.logsDir, await processes.sweep());
  const found = await Promise.all([...writers].map(([log, tree]) => unrecordedEngine(log, tree, paths)));
  return found.filter((engine) => engine !== null);
}

async function unrecordedEngine(log: string, tree: readonly ProcessStat[], paths: Paths): Promise<RecordedEngine | null> {
  const [rid, poolId] = log.split('/').reverse();
  const key = `${poolId}/${rid?.replace(/\.log$/, '')}` as ReplicaKey;
  const leader = leaderOf(tree) ?? tree[0];
  if (leader === undefined || replicaPaths(paths, key).log !== log || partsOf(key).poolId === '') return null;
  const instance = (await environValue(leader.pid, 'POOLCTL_INSTANCE')) ?? '';
  return {
    key,
    incarnation: 0,
    instance,
    identity: { pid: leader.pid, startTicks: leader.startTicks, instance, logOffset: 0 },
    startedAt: { at: 0, wallMs: 0 },
    devices: [],
    port: 0,
    stop: { signal: 'SIGTERM', graceMs: 5_000 },
    entry: '',
  };
}

/** As the inventory says now, where it still has the pool. */
function stoppedAs(engine: RecordedEngine, { pools }: Inventory): RecordedEngine {
  const spec = pools.find(({ poolId }) => poolId === partsOf(engine.key).poolId);
  return engine.entry !== '' || spec === undefined ? engine : { ...engine, stop: spec.stop };
}
