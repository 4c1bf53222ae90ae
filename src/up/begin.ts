/** What an earlier supervisor left: its registry back into state, or, where that cannot be read, its engines by the logs that they write. */

import type { Inventory, ReplicaKey } from '../core/model.js';
import { type Restored, restore } from '../core/restore.js';
import type { Restoring } from '../core/resume.js';
import type { RecordedEngine } from '../core/state.js';
import { type Paths, partsOf, replicaPaths } from '../host/paths.js';
import { environValue, type ProcessStat } from '../host/proc.js';
import { writersUnder } from '../host/tree.js';
import { leaderOf } from '../shell/adoption.js';
import type { Owner } from '../shell/leaves.js';
import type { Processes } from '../shell/processes.js';
import { readRegistry } from '../shell/registry.js';
import { parseRecord, type Record, recordedEngines } from './record.js';

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
  const unknown = record === null ? await unrecorded(beginnings) : [];
  const restored = restoreFrom(record, beginnings);
  const named = new Set([...(record === null ? [] : recordedEngines(record)), ...unknown].map(({ instance }) => instance));
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
  const identity = { pid: leader.pid, startTicks: leader.startTicks, instance, logOffset: 0 };
  return { ...unidentified({ key, instance }), identity };
}

function unidentified({ key, instance }: Owner): RecordedEngine {
  return {
    key,
    incarnation: 0,
    instance,
    identity: null,
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
