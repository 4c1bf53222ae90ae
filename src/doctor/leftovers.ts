/** Engines that run without their supervisor: by what they carry and write, and by the last supervisor's registry. Nobody is touched. */

import { join } from 'node:path';
import type { Leftover } from '../checkup/supervision.js';
import type { ReplicaKey } from '../core/model.js';
import type { RecordedEngine } from '../core/state.js';
import { engineLog, lockFile, partsOf, registryFile } from '../host/paths.js';
import { bootId, descriptorTarget, environValue, isLiving, type ProcessStat } from '../host/proc.js';
import { readHolder } from '../shell/lock.js';
import type { Processes } from '../shell/processes.js';
import { readRecord, recordedEngines } from '../up/record.js';

/** `stateDir` is ours: its registry is read too. */
export async function findLeftovers(
  stateDir: string,
  processes: Pick<Processes, 'sweep' | 'survivors'>,
): Promise<readonly Leftover[]> {
  const byPlace = new Map<string, { readonly key: string | null; readonly dir: string; readonly pids: Set<number> }>();
  const add = (key: string | null, dir: string, pids: readonly number[]): void => {
    const place = byPlace.get(`${dir} ${key}`) ?? { key, dir, pids: new Set<number>() };
    for (const pid of pids) place.pids.add(pid);
    if (pids.length > 0) byPlace.set(`${dir} ${key}`, place);
  };
  for (const each of (await processes.sweep()).values()) {
    const home = isLiving(each) ? await homeOf(each) : null;
    if (home !== null) add(home.key, home.dir, [each.pid]);
  }
  const record = await readRecord(registryFile(stateDir));
  if (record !== null && record.boot_id === (await bootId())) {
    const found = await Promise.all(
      recordedEngines(record).map(async (engine) => ({ engine, tree: await processes.survivors(marksOf(engine, stateDir)) })),
    );
    for (const { engine, tree } of found)
      add(
        engine.key,
        stateDir,
        tree.map(({ pid }) => pid),
      );
  }
  const left: Leftover[] = [];
  for (const { key, dir, pids } of byPlace.values()) {
    if ((await readHolder(lockFile(dir))) !== null) continue;
    const kept = (dir === stateDir ? record : await readRecord(registryFile(dir)))?.ended === 'kept';
    left.push({ key, pids: [...pids].sort((a, b) => a - b), stateDir: dir, kept });
  }
  // Ours first: not all may be told.
  const rank = ({ key, stateDir: dir }: Leftover): string => `${dir === stateDir ? 0 : 1} ${dir} ${key ?? ''}`;
  return left.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

/** Of an engine, and of what it forked: where its log is, by which its state directory and its place are known. Null for others. */
async function homeOf({ pid, state }: ProcessStat): Promise<{ readonly key: string; readonly dir: string } | null> {
  // A process in state D is not asked for its environment: the read would hang with it.
  if (state === 'D' || (await environValue(pid, 'POOLCTL_INSTANCE')) === null) return null;
  for (const fd of [1, 2]) {
    const target = descriptorTarget(pid, fd)?.replace(/ \(deleted\)$/, '');
    const [, dir, poolId, replicaId] = /^(.*)\/logs\/([^/]+)\/(r\d+)\.log(?:\.\d+)?$/.exec(target ?? '') ?? [];
    if (dir !== undefined) return { dir, key: `${poolId}/${replicaId}` };
  }
  return null;
}

function marksOf({ key, identity, instance }: RecordedEngine, stateDir: string) {
  const { poolId, replicaId } = partsOf(key as ReplicaKey);
  return { leader: identity, watched: false, instance, logPath: engineLog(join(stateDir), poolId, replicaId) };
}
