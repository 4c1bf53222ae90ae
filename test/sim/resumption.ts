/** What a new supervisor may know and owes, by what the last one had written down: the ledger goes on from there. */

import type { Inventory, ReplicaKey } from '../../src/core/model.js';
import { fresh } from './account.js';
import { keysOf, poolOf } from './keys.js';
import { Ledger } from './ledger.js';
import { longer, onReward } from './policy.js';
import type { Process } from './processes.js';
import { entryOf, type Supervisor } from './supervisor.js';

const onOrder: ReadonlySet<string> = new Set(['asked', 'drained', 'replaced']);

/** `last`: as it stands, launches among it: those are facts of the world, whoever wrote them down. */
export function resumed(
  last: Ledger,
  { beginning, state }: Supervisor,
  /** The file, with the models that stand above it. */
  inventory: Inventory,
  clock: { now: number; wallMs: number; bootId: string },
  isAlive: (key: ReplicaKey) => boolean,
): Ledger {
  const { named, written } = beginning;
  const next = new Ledger(inventory);
  for (const [key, account] of next.accounts) if (named.length > 0) account.goal = named.includes(poolOf(key)) ? 'up' : 'down';
  for (const [poolId, waits] of last.longest) next.longest.set(poolId, longer(next.longest.get(poolId), waits));
  if (written === null) return next;
  const { replicas } = written.record();
  const before = written.ledger.copy();
  inherit(next, before, last);
  before.storms.take(last.storms);
  if (written.bootId !== clock.bootId)
    before.shift(clock.now - written.at.at - Math.max(0, clock.wallMs - written.at.wallMs), written.at.at);
  else
    for (const [key, account] of before.accounts) {
      // Who died meanwhile has earned nothing since.
      if (isAlive(key)) continue;
      onReward(account, before.specOf(key), written.at.at);
      account.readySince = null;
    }
  const afresh = written.bootId !== clock.bootId || written.shuttingDown || named.length > 0 || !inventory.supervisor.adopt;
  for (const spec of inventory.pools) {
    for (const key of keysOf(spec)) {
      const [kept, account] = [replicas[key], before.accounts.get(key)];
      if (kept === undefined || account === undefined) continue;
      const same = kept.entry === entryOf(spec);
      const lifetime = { crashes: account.crashes, restarts: Math.max(account.restarts, last.accounts.get(key)?.restarts ?? 0) };
      if (written.ended === 'clean') {
        Object.assign(next.of(key), lifetime, { proven: same && account.proven });
        continue;
      }
      const cut = [...before.restarting.values()].some((keys) => keys.includes(key));
      // A shutdown cancels a restart: those that it had not come to are wanted as they were.
      const asIs = state.pools.get(spec.poolId)?.replicas.find((replica) => replica.key === key)?.goal ?? 'down';
      const goal = named.length > 0 ? next.of(key).goal : cut && written.shuttingDown ? asIs : account.goal;
      // Of a launch that nobody saw come to a process nobody can say whether it was one; what it was for stays.
      const unseen = kept.life.state === 'preparing' && kept.life.cause !== 'crash' && kept.life.cause !== 'health';
      // Who was being ended on somebody's order is launched again on that.
      const ordered = kept.life.state === 'ending' && onOrder.has(kept.life.intent.kind);
      const excused = account.excused || unseen || ordered || cut || afresh || !same || spec.isolate.dieWithSupervisor;
      const failed = same && !(named.length > 0) ? account.permanent : null;
      const kin = same ? account : { ...fresh(true), failedIncarnation: account.failedIncarnation };
      next.accounts.set(key, { ...kin, ...lifetime, goal, excused, permanent: goal === 'up' ? failed : null, pending: null });
    }
  }
  // A pool that comes back is a new one; of a device nothing is forgotten.
  const gone = new Set(
    [...before.accounts.keys()].map(poolOf).filter((id) => !inventory.pools.some(({ poolId }) => poolId === id)),
  );
  if (written.ended === 'clean') return next;
  next.storms.take(before.storms, gone);
  // A restart that was ordered when the last one died may have been the one that trips, and nobody was told.
  for (const { poolId } of inventory.pools) next.storms.tripped(poolId, clock.now);
  return next;
}

/** Lifetime counts that the new supervisor has lost; null: none. */
export function lost(ledger: Ledger, { state }: Supervisor): string | null {
  for (const { replicas } of state.pools.values()) {
    for (const { key, crashesTotal, restartsTotal } of replicas) {
      const { crashes, restarts } = ledger.of(key);
      if (crashesTotal < crashes) return `${key} has forgotten crashes: ${crashesTotal} of ${crashes}`;
      if (restartsTotal < restarts) return `${key} has forgotten restarts: ${restartsTotal} of ${restarts}`;
    }
  }
  return null;
}

/** Why this engine may be ended by the new supervisor; null: it is to be taken over. */
export function endable(process: Process, ledger: Ledger, { beginning: { written } }: Supervisor): string | null {
  const { inventory } = ledger;
  const { key, instance, launch } = process;
  const entry = entryOf(written?.goings.get(instance) ?? launch.spec);
  const spec = inventory.pools.find(({ poolId }) => poolId === poolOf(key));
  if (written === null) return 'nobody wrote it down';
  if (!inventory.supervisor.adopt) return 'nothing is adopted';
  if (spec === undefined) return 'its pool is gone';
  if (entryOf(spec) !== entry) return 'its entry has changed';
  return ledger.of(key).goal === 'down' ? 'it is not wanted' : null;
}

/** Lifetimes of places that the file has not, or has again. */
function inherit(next: Ledger, before: Ledger, last: Ledger): void {
  const lifetimes = new Map(
    [...before.retired, ...before.accounts].map(([key, { crashes, restarts }]) => [key, { crashes, restarts }]),
  );
  for (const [key, { crashes, restarts }] of lifetimes) {
    const known = last.accounts.get(key) ?? last.retired.get(key);
    const lifetime = { crashes, restarts: Math.max(restarts, known?.restarts ?? 0) };
    const account = next.accounts.get(key);
    if (account === undefined) next.retired.set(key, lifetime);
    else Object.assign(account, lifetime);
  }
}
