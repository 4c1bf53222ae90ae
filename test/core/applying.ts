/** Inventories that are applied, for the bench. */

import type { PoolSpec, SupervisorSpec } from '../../src/core/model.js';
import { viewOperation } from '../../src/core/operation-view.js';
import { viewPools } from '../../src/core/snapshot.js';
import { inventoryOf, poolSpec, supervisorSpec } from '../rig/specs.js';
import { Bench, type BenchOptions } from './bench.js';
import { type Manners, play } from './moves.js';

export const well: Manners = () => 'well';
export const chat = poolSpec('chat', 2, { model: '/models/a.gguf', modelId: 'a' });
export const code = poolSpec('code', 1, { model: '/models/c.gguf', modelId: 'c' });

const supervisor: SupervisorSpec = { ...supervisorSpec, loads: { perDevice: 9, total: 9 } };

/** All of them ready. */
export const up = (pools: readonly PoolSpec[] = [chat, code], options: BenchOptions = {}): Bench =>
  allReady(new Bench(pools, { ...options, supervisor: { ...supervisor, ...options.supervisor } }));
export const allReady = (bench: Bench): Bench =>
  play(bench, well, 20_000, (now) => poolsOf(now).every(({ replicas }) => replicas.every(({ ready }) => ready)));
export const apply = (bench: Bench, pools: readonly PoolSpec[], more: Partial<SupervisorSpec> = {}): Bench =>
  bench.give({
    type: 'apply-requested',
    inventory: { ...inventoryOf(...pools), supervisor: { ...supervisor, ...more } },
    correlationId: null,
  });
/** Models of all pools are there, and sound. */
export const verified = (bench: Bench): Bench => {
  const fine = { obstacles: [], name: null, about: null, modelBytes: null, hostTotalBytes: null };
  for (const effect of bench.effects) if (effect.type === 'verify') bench.give({ ...effect, type: 'verified', ...fine });
  return bench;
};
export const carryOut = (bench: Bench, manners: Manners = well, ms = 900_000): Bench =>
  play(verified(bench), manners, ms, (now) => operationOf(now).state !== 'running');
export const operationOf = (bench: Bench) => {
  const operation = [...bench.state.operations.values()].findLast(({ kind }) => kind === 'apply');
  if (operation === undefined) throw new Error('no apply');
  return viewOperation(operation, bench.state, String);
};
export const poolsOf = (bench: Bench) => viewPools(bench.state, { now: bench.now, time: String });
export const engines = (bench: Bench) =>
  poolsOf(bench).flatMap(({ pool_id, replicas }) =>
    replicas.map(({ replica_id, state, incarnation }) => `${pool_id}/${replica_id} ${state} ${incarnation}`),
  );
