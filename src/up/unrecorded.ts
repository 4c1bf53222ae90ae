/**
 * Engines of this state directory that its registry does not know: it is lost, or they were launched while the disk was full. Found by the log
 * that they write, or, where they had to go without one, by the directory that they work in.
 */

import { relative } from 'node:path';
import type { ReplicaKey } from '../core/model.js';
import type { RecordedEngine } from '../core/state.js';
import { type Paths, partsOf, replicaPaths } from '../host/paths.js';
import { environValue, type ProcessStat } from '../host/proc.js';
import { workersUnder, writersUnder } from '../host/tree.js';
import { leaderOf } from '../shell/adoption.js';
import type { Owner } from '../shell/leaves.js';
import type { Processes } from '../shell/processes.js';

export type Grounds = { readonly paths: Paths; readonly processes: Pick<Processes, 'sweep'> };

/**
 * `known`: the instances that the registry has; null: there is no registry. Beside one only those count that carry an instance, and one that it does
 * not have: whoever has none may belong to an engine that it knows.
 */
export async function unrecorded(
  known: ReadonlySet<string> | null,
  { paths, processes }: Grounds,
): Promise<readonly RecordedEngine[]> {
  const sweep = await processes.sweep();
  const found = new Map<string, { readonly key: ReplicaKey; readonly instance: string; readonly tree: ProcessStat[] }>();
  const meet = async (key: ReplicaKey, process: ProcessStat, nameless: boolean): Promise<void> => {
    const instance = await environValue(process.pid, 'POOLCTL_INSTANCE');
    if (instance === null ? !nameless : known?.has(instance)) return;
    const id = `${key} ${instance}`;
    const engine = found.get(id) ?? { key, instance: instance ?? '', tree: [] };
    if (!engine.tree.includes(process)) engine.tree.push(process);
    found.set(id, engine);
  };
  for (const [log, writers] of await writersUnder(paths.logsDir, sweep)) {
    const key = keyOf(paths.logsDir, log.replace(/\.log$/, ''));
    if (replicaPaths(paths, key).log === log) for (const each of writers) await meet(key, each, known === null);
  }
  for (const [directory, workers] of await workersUnder(paths.workDir, sweep)) {
    for (const each of workers) await meet(keyOf(paths.workDir, directory), each, false);
  }
  return [...found.values()].flatMap(engineOf);
}

/** Both are kept by pool and replica. */
function keyOf(dir: string, path: string): ReplicaKey {
  return relative(dir, path).split('/').slice(0, 2).join('/') as ReplicaKey;
}

function engineOf({
  key,
  instance,
  tree,
}: {
  readonly key: ReplicaKey;
  readonly instance: string;
  readonly tree: readonly ProcessStat[];
}): readonly RecordedEngine[] {
  const leader = leaderOf(tree) ?? tree[0];
  if (leader === undefined || partsOf(key).poolId === '') return [];
  const identity = { pid: leader.pid, startTicks: leader.startTicks, instance, logOffset: 0 };
  return [{ ...unidentified({ key, instance }), identity }];
}

/** Nobody wrote down how it was launched. */
export function unidentified({ key, instance }: Owner): RecordedEngine {
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
