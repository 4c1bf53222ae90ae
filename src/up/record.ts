/** What the registry holds: enough to know every engine again, the numbers that outlive a supervisor, and the last known state for clients. */

import type { StatusView } from '../api/wire.js';
import type { Remembered } from '../core/initial.js';
import type { Launch } from '../core/messages.js';
import type { ReplicaKey } from '../core/model.js';
import { isLive, type Replica, type State } from '../core/state.js';
import { type Paths, replicaPaths } from '../host/paths.js';
import type { RecordedEngine } from '../shell/leftovers.js';

const format = 1;

export type Record = {
  readonly format: typeof format;
  readonly boot_id: string;
  readonly replicas: Readonly<{ [key: string]: RecordedReplica }>;
  readonly status: StatusView;
};

type RecordedReplica = Remembered & { readonly engine: RecordedEngine | null };

export function recordOf(state: State, bootId: string, paths: Paths, status: StatusView): Record {
  const replicas = [...state.pools.values()].flatMap((pool) =>
    pool.replicas.map((replica): [ReplicaKey, RecordedReplica] => [
      replica.key,
      {
        incarnation: intentOf(replica)?.incarnation ?? replica.incarnation,
        port: replica.portProven ? replica.port : null,
        restartsTotal: replica.restartsTotal,
        crashesTotal: replica.crashesTotal,
        engine: engineOf(replica, bootId, replicaPaths(paths, replica.key).log),
      },
    ]),
  );
  return { format, boot_id: bootId, replicas: Object.fromEntries(replicas), status };
}

/** Null for what is no record of a version that is known here. */
export function parseRecord(content: unknown): Record | null {
  if (typeof content !== 'object' || content === null) return null;
  const record = content as Partial<Record>;
  return record.format === format && typeof record.replicas === 'object' && record.replicas !== null ? (record as Record) : null;
}

export function rememberedOf(record: Record | null): ReadonlyMap<string, Remembered> {
  return new Map(Object.entries(record?.replicas ?? {}));
}

export function enginesOf(record: Record | null): readonly RecordedEngine[] {
  return Object.values(record?.replicas ?? {}).flatMap(({ engine }) => (engine === null ? [] : [engine]));
}

/** A launch whose process is not known yet is an intent: the next supervisor looks for it by instance and log. */
function engineOf(replica: Replica, bootId: string, logPath: string): RecordedEngine | null {
  const { key, life } = replica;
  const launch = isLive(life) ? life.engine.launch : intentOf(replica);
  if (launch === null) return null;
  const { signal, graceMs } = launch.spec.stop;
  const identity = isLive(life) ? { pid: life.engine.identity.pid, startTicks: life.engine.identity.startTicks } : null;
  return { key, instance: launch.instance, identity, bootId, logPath, stop: { signal: signal as NodeJS.Signals, graceMs } };
}

/** A launch that is being checked may be a process before this is written again. */
function intentOf({ life }: Replica): Launch | null {
  return life.state === 'preparing' && life.phase !== 'queued' ? life.launch : null;
}
