/** Whether every process belongs to somebody, and every replica is what it says. */

import { isLive, type Life } from '../../src/core/life.js';
import type { ReplicaKey } from '../../src/core/model.js';
import type { Replica } from '../../src/core/replica.js';
import { poolOf } from './keys.js';
import type { Ledger } from './ledger.js';
import type { Machine } from './machine.js';
import type { Process } from './processes.js';
import type { Supervisor } from './supervisor.js';

export type Standing = {
  readonly machine: Machine;
  readonly supervisor: Supervisor;
  readonly ledger: Ledger;
  /** Instances that were told to be stuck, and are left alone. */
  readonly given: ReadonlySet<string>;
};

/** Whoever is left behind beside a successor is found and killed within this. */
const strayMs = 20_000;

/** What is wrong; null: nothing. */
export function untracked(standing: Standing): string | null {
  const { machine, supervisor, given } = standing;
  const { state } = supervisor;
  const lives = new Map<ReplicaKey, Life>();
  for (const { replicas } of state.pools.values()) {
    for (const replica of replicas) {
      lives.set(replica.key, replica.life);
      const found = unlike(replica, standing);
      if (found !== null) return found;
    }
  }
  for (const process of machine.processes.living.values()) {
    if (given.has(process.instance) || state.leftovers.some(({ instance }) => instance === process.instance)) continue;
    const found = lost(process, lives.get(process.key) ?? null, standing);
    if (found !== null) return found;
  }
  return null;
}

/** Ready and its handoff file, failed and its reason, and what is wanted of it. */
function unlike({ key, life, goal }: Replica, { machine, supervisor, ledger }: Standing): string | null {
  const isThere = machine.handoffs.has(key);
  if ((life.state === 'ready') !== isThere)
    return `${key} is ${life.state}, and its handoff file is ${isThere ? '' : 'not '}there`;
  if (life.state === 'failed' && life.why === '') return `${key} failed, and says nothing`;
  const wanted = ledger.of(key).goal;
  const moves = ledger.isRestarting(key) || ledger.reloading.has(poolOf(key));
  if (supervisor.state.shutdown !== null || moves || goal === wanted) return null;
  return `${key} is wanted ${wanted}, and goes for ${goal}`;
}

function lost(process: Process, life: Life | null, { machine, supervisor }: Standing): string | null {
  const { key, incarnation, instance, pid } = process;
  if (life !== null && instanceOf(life) === instance) return null;
  const endedAt = machine.processes.leaderEndedAt(instance);
  if (endedAt === null)
    return `nobody tracks pid ${pid} of ${key} #${incarnation}: ${key} is ${life?.state ?? 'not in the inventory'}`;
  if (process.killed) return null;
  if (life?.state === 'stopped' && life.why === null) return `${key} is stopped, and pid ${pid} of it lives on`;
  const aloneMs = machine.now - Math.max(supervisor.quietSince, endedAt);
  return aloneMs > strayMs ? `nobody deals with pid ${pid}, which ${key} #${incarnation} left behind` : null;
}

/** Of the engine that this replica has, or is being given. */
function instanceOf(life: Life): string | null {
  if (isLive(life)) return life.engine.launch.instance;
  return life.state === 'preparing' && life.phase === 'spawning' ? life.launch.instance : null;
}
