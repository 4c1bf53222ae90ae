/** Somebody who looks at `status` and at the handoff files all the time, and holds both against /proc. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReplicaView, StatusView } from '../../src/api/wire.js';
import { seconds } from './goals.js';
import { pause, type Run } from './run-state.js';
import { type Engine, named } from './witness.js';

/** So long may pass between an engine's end and the moment that it is called ready no more: one of an earlier supervisor is looked at. */
const noticedMs = 2_000;

/** So long after its begin a supervisor has found whom the last one left, and ended whom it will not adopt. */
const foundMs = 15_000;

export async function readStatus(run: Run, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(300, signal);
    const at = performance.now();
    const steadyMs = run.supervisor.steadyMs();
    const { generation } = run.supervisor;
    const status = await statusOf(run);
    if (status === null || generation !== run.supervisor.generation) continue;
    await run.witness.look();
    const handoffs = readHandoffs(run.place.state);
    if (steadyMs < noticedMs || run.supervisor.steadyMs() < steadyMs) continue;
    for (const [key, replica] of replicasOf(status)) judgeReady(run, key, replica, at);
    for (const [key, pid] of handoffs) judgeHandoff(run, key, pid, at);
    if (steadyMs > foundMs) judgeOwners(run, replicasOf(status), at);
  }
}

export async function statusOf({ supervisor }: Run): Promise<StatusView | null> {
  const answer = await supervisor.ask('GET', '/v2/pools');
  return answer?.status === 200 ? (answer.body as StatusView) : null;
}

export const replicasOf = ({ pools }: StatusView): ReadonlyMap<string, ReplicaView> =>
  new Map(pools.flatMap(({ pool_id, replicas }) => replicas.map((each) => [`${pool_id}/${each.replica_id}`, each] as const)));

/** The pid in each handoff file, by replica. */
export function readHandoffs(state: string): ReadonlyMap<string, number> {
  try {
    const dir = join(state, 'handoff');
    const files = readdirSync(dir).filter((name) => name.endsWith('.json'));
    return new Map(files.flatMap((name) => handoffOf(join(dir, name))));
  } catch {
    return new Map();
  }
}

/** None: it has gone meanwhile. */
function handoffOf(path: string): readonly (readonly [string, number])[] {
  try {
    const { pool_id, replica_id, pid } = JSON.parse(readFileSync(path, 'utf8'));
    return [[`${pool_id}/${replica_id}`, pid]];
  } catch {
    return [];
  }
}

function judgeReady({ witness, taken, chronicle }: Run, key: string, { ready, pid, state }: ReplicaView, at: number): void {
  if (!ready) return;
  const engine = [...witness.engines.values()].findLast((each) => each.key === key && each.pid === pid);
  if (engine === undefined)
    return void chronicle.violate(`status calls ${key} ${state} with pid ${pid}, which is none of its engines`);
  const sinceMs = deadFor(engine, at);
  if (sinceMs > noticedMs) chronicle.violate(`status calls ${named(engine)} ready, ${seconds(sinceMs)} after its death`);
  const takenAt = taken.get(key);
  if (takenAt !== undefined && at - takenAt > noticedMs)
    chronicle.violate(`status calls ${key} ready, and somebody else has had its port for ${seconds(at - takenAt)}`);
}

function judgeHandoff({ witness, chronicle }: Run, key: string, pid: number, at: number): void {
  const engine = [...witness.engines.values()].findLast((each) => each.key === key && each.pid === pid);
  const sinceMs = engine === undefined ? 0 : deadFor(engine, at);
  if (sinceMs > noticedMs) chronicle.violate(`the handoff file of ${key} names pid ${pid} ${seconds(sinceMs)} after its death`);
}

/** Every engine is somebody's. */
function judgeOwners({ witness, chronicle }: Run, replicas: ReadonlyMap<string, ReplicaView>, at: number): void {
  for (const engine of witness.alive) {
    const owner = replicas.get(engine.key);
    if (at - engine.bornAt > foundMs && owner?.pid !== engine.pid)
      chronicle.violate(
        `${named(engine)} lives, and status names pid ${owner?.pid ?? 'none'} for ${engine.key} (${owner?.state})`,
      );
  }
}

const deadFor = ({ goneAt }: Engine, at: number): number => (goneAt === null ? 0 : at - goneAt);
