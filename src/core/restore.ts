/**
 * The registry back into state. After an unclean end every replica goes on where it was: its engine is found again and adopted where its entry
 * of the inventory is unchanged, and ended in order otherwise; waits, breakers and storms hold. After a clean end all begin afresh, with their
 * ports and lifetime counts.
 */

import type { Event } from './events.js';
import { freshReplica, initialState } from './initial.js';
import type { Engine } from './life.js';
import type { Effect } from './messages.js';
import { type PoolSpec, replicaId, replicaKey } from './model.js';
import { standing, withModel } from './model-choice.js';
import { moved } from './moved.js';
import { interrupted, told } from './operation.js';
import type { RecordedReplica } from './record.js';
import { dated, deviceRestartsOf, leftoversOf, lostLeases, retiredOf } from './remains.js';
import type { Replica } from './replica.js';
import { alone, ended, launchAgain, type Restoring, type Resumption, resume, withoutStrays } from './resume.js';
import type { State } from './state.js';

export type Restored = { readonly state: State; readonly effects: readonly Effect[]; readonly events: readonly Event[] };

export function restore(restoring: Restoring): Restored {
  const { record, clean, sameBoot, now, wallMs } = restoring;
  if (record === null) return { state: initialState(restoring), effects: [], events: [] };
  const at = { at: now, wallMs };
  const before = sameBoot ? record : moved(record, now - record.at.at - Math.max(0, wallMs - record.at.wallMs));
  const effects: Effect[] = [];
  const events: Event[] = [];
  const known = new Set<string>();
  const fresh = initialState(restoring);
  const pools = [...fresh.pools.values()].map(({ spec: file }) => {
    const override = clean ? null : standing(file, before.overrides?.[file.poolId]);
    const spec = override === null ? file : withModel(file, override.chosen);
    const replicas = spec.masks.map((_, index) => {
      const key = replicaKey(spec.poolId, replicaId(index));
      known.add(key);
      const replica = { ...freshReplica(spec, index, restoring), ...before.retired[key] };
      const kept = before.replicas[key];
      if (kept === undefined) return replica;
      const numbered = withNumbers(replica, kept, spec, restoring);
      const { died } = numbered;
      if (died !== null) effects.push({ type: 'sweep', launch: died.launch, identity: died.identity, mode: 'strays' });
      const resumed = withoutStrays(
        clean ? outlasting(numbered, kept, spec, restoring) : resume(numbered, kept, spec, restoring),
        now,
      );
      effects.push(...resumed.effects);
      events.push(...resumed.events);
      return resumed.replica;
    });
    return {
      spec,
      override,
      reload: null,
      retiring: false,
      replicas,
      restarts: clean ? [] : dated(before.restarts[spec.poolId] ?? [], at),
    };
  });
  const cut = clean ? [] : before.operations.map((operation) => interrupted(operation, at));
  return {
    state: {
      ...fresh,
      pools: new Map(pools.map((pool) => [pool.spec.poolId, pool])),
      deviceRestarts: new Map(clean ? [] : deviceRestartsOf(before, at)),
      operations: new Map(cut.map((operation) => [operation.id, operation])),
      leftovers: sameBoot ? leftoversOf(before, known) : [],
      retired: retiredOf(before, known),
    },
    effects,
    events: [...events, ...lostLeases(before), ...cut.flatMap((operation) => told(operation, 'finished'))],
  };
}

/** A clean end leaves nobody but who would not die even so: that one is ended first, before anything is launched. */
function outlasting(replica: Replica, { life }: RecordedReplica, spec: PoolSpec, { sameBoot, now }: Restoring): Resumption {
  if (!sameBoot || life.state !== 'ending' || life.engine.identity === null) return alone(replica);
  const { engine: kept, exit } = life;
  const launch = launchAgain(kept, replica, spec);
  const engine: Engine = { launch, identity: life.engine.identity, startedAt: kept.startedAt, version: null, adopted: true };
  return ended(replica, engine, { kind: 'replaced', why: 'would not die then' }, exit, now);
}

/** Its engine died, and the last supervisor may have died before it had looked for those who had left that engine's group. */
function strayed(replica: Replica, { died, life }: RecordedReplica, spec: PoolSpec, { sameBoot }: Restoring): Engine | null {
  const succeeded = 'engine' in life || ('intent' in life && life.intent !== null);
  if (!sameBoot || succeeded || died?.identity == null) return null;
  return {
    launch: launchAgain(died, replica, spec),
    identity: died.identity,
    startedAt: died.startedAt,
    version: null,
    adopted: true,
  };
}

/** What holds after a clean end as well. */
function withNumbers(replica: Replica, kept: RecordedReplica, spec: PoolSpec, restoring: Restoring): Replica {
  const { entryOf } = restoring;
  // One that was found by its launch alone has proved its port, although no record said so before.
  const served = 'engine' in kept.life ? kept.life.engine.port : null;
  return {
    ...replica,
    incarnation: kept.incarnation,
    port: spec.port === 'auto' ? (kept.port ?? served) : replica.port,
    portProven: kept.port !== null || served !== null,
    restartsTotal: kept.restartsTotal,
    crashesTotal: kept.crashesTotal,
    ...(kept.entry === entryOf(spec) ? { provenAt: kept.provenAt, vram: { ...replica.vram, ...kept.vram, before: null } } : {}),
    died: strayed(replica, kept, spec, restoring),
  };
}
