/** What an earlier supervisor left: its registry back into state, and the engines that are not in it. */

import { basename } from 'node:path';
import { nextAt } from '../core/due.js';
import type { Inventory } from '../core/model.js';
import { recorded } from '../core/record.js';
import { type Restored, restore } from '../core/restore.js';
import type { Restoring } from '../core/resume.js';
import { viewPools } from '../core/snapshot.js';
import type { RecordedEngine, State } from '../core/state.js';
import { step } from '../core/step.js';
import { type Paths, partsOf } from '../host/paths.js';
import type { Owner } from '../shell/leaves.js';
import type { Processes } from '../shell/processes.js';
import { readRegistry } from '../shell/registry.js';
import { rfc3339 } from '../text/time.js';
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
  /** Why the registry could not be used, and where it is now; null where it could, or there was none. */
  readonly setAside: string | null;
  /** Whether engines of an earlier supervisor may be there. */
  readonly unclean: boolean;
};

export async function begin(beginnings: Beginnings): Promise<Begun> {
  const { content: record, setAside } = await readRegistry(beginnings.paths.registry, (content) => {
    const record = parseRecord(content);
    if (record.ok) {
      rehearse(restoreFrom(record.value, beginnings).state, beginnings);
      instancesIn(record.value);
    }
    return record;
  });
  const known = record === null ? null : instancesIn(record);
  const found = await unrecorded(known, beginnings);
  const named = new Set([...(known ?? []), ...found.map(({ instance }) => instance)]);
  const lost = beginnings.contained.filter(({ instance }) => !named.has(instance)).map(unidentified);
  const restored = restoreFrom(record, beginnings, [...found, ...lost]);
  return {
    restored,
    setAside:
      setAside === null
        ? null
        : `${setAside.why}; ${setAside.to === null ? 'it is written over' : `it lies in ${basename(setAside.to)}`}`,
    unclean: restored.state.leftovers.length > 0 || (record === null ? setAside !== null : record.ended !== 'clean'),
  };
}

/**
 * A registry that was changed by hand, or lacks what it should have, may be whole JSON and still make a state over which the core stumbles. That is found out
 * now, and not when there is no way back: what is due next is played, and shown, and nothing is done. @throws whatever goes wrong
 */
function rehearse(restored: State, { now: begun, wallMs }: Beginnings): void {
  let [state, now] = [restored, begun];
  for (let steps = 0; steps < rehearsedSteps; steps += 1) {
    viewPools(state, { now, time: rfc3339 });
    recorded(state, () => '', { at: now, wallMs });
    state = step(state, { type: 'woke' }, { now, wallMs, rand: () => 0.5, id: () => `rehearsal ${steps}` }).state;
    now = Math.max(now, nextAt(state) ?? now);
  }
}

const rehearsedSteps = 5;

function restoreFrom(record: Record | null, { bootId, ...rest }: Beginnings, unknown: readonly RecordedEngine[] = []): Restored {
  const restored = restore({
    ...rest,
    record: record?.state ?? null,
    clean: record?.ended === 'clean',
    sameBoot: record?.boot_id === bootId,
  });
  const leftovers = [...restored.state.leftovers, ...unknown].map((each) => stoppedAs(each, rest.inventory));
  return { ...restored, state: { ...restored.state, leftovers } };
}

function instancesIn(record: Record): ReadonlySet<string> {
  return new Set(recordedEngines(record).map(({ instance }) => instance));
}

/** As the inventory says now, where it still has the pool. */
function stoppedAs(engine: RecordedEngine, { pools }: Inventory): RecordedEngine {
  const spec = pools.find(({ poolId }) => poolId === partsOf(engine.key).poolId);
  return engine.entry !== '' || spec === undefined ? engine : { ...engine, stop: spec.stop };
}
