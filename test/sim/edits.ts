/** What people write into the file: one change of one pool, or of the supervisor's own keys. What `check` would refuse is not written. */

import type { Inventory, MaskRef, PoolSpec } from '../../src/core/model.js';
import { drawPolicies } from './inventory.js';
import { modelKinds, modelOf } from './models.js';
import type { Random } from './random.js';

type Kind =
  | 'the model'
  | 'a bad model'
  | 'what its engine is given'
  | 'policies'
  | 'policies and its engine'
  | 'masks'
  | 'places'
  | 'share'
  | 'taken out'
  | 'brought back'
  | 'as it was'
  | 'adopt'
  | 'polls'
  | 'loads';

/** `all`: the pools as they were at first, which can be brought back. `gpus`: how many there are. `careful`: no model that is bad. */
export function edit(file: Inventory, all: Inventory, gpus: number, random: Random, careful = false): Inventory {
  const kind = random.weighted<Kind>([
    [3, 'the model'],
    [careful ? 0 : 2, 'a bad model'],
    [3, 'what its engine is given'],
    [4, 'policies'],
    [1, 'policies and its engine'],
    [3, 'masks'],
    [2, 'places'],
    [1, 'share'],
    [2, 'taken out'],
    [3, 'brought back'],
    [2, 'as it was'],
    [1, 'adopt'],
    [1, 'polls'],
    [1, 'loads'],
  ]);
  const { supervisor } = file;
  const slow = supervisor.devicePollMs >= 60_000 || all.supervisor.devicePollMs >= 60_000;
  switch (kind) {
    case 'adopt':
      return { ...file, supervisor: { ...supervisor, adopt: !supervisor.adopt } };
    case 'loads':
      return { ...file, supervisor: { ...supervisor, loads: { perDevice: 1 + random.below(2), total: 2 + random.below(4) } } };
    case 'polls':
      return {
        ...file,
        supervisor: {
          ...supervisor,
          enginePollMs: random.pick([null, slow ? 300_000 : 30_000]),
          devicePollMs: slow ? random.pick([30_000, 60_000]) : random.pick([5_000, 10_000]),
        },
      };
    case 'places':
      return exchanged(file, random);
    default:
      return ofPool(kind, file, all, gpus, random);
  }
}

function ofPool(kind: Kind, file: Inventory, all: Inventory, gpus: number, random: Random): Inventory {
  const { poolId } = random.pick(all.pools);
  const pool = file.pools.find((each) => each.poolId === poolId);
  const first = all.pools.find((each) => each.poolId === poolId);
  const intervalMs = first?.health.intervalMs ?? 60_000;
  if (pool === undefined) return kind === 'taken out' || first === undefined ? file : checked(file, put(file, first), gpus);
  switch (kind) {
    case 'the model':
      return pool.model === null ? file : put(file, { ...pool, ...modelOf(poolId, 'fine', random.below(3)) });
    case 'a bad model':
      return pool.model === null ? file : put(file, { ...pool, ...modelOf(poolId, random.pick(modelKinds), random.below(3)) });
    case 'what its engine is given':
      return put(file, given(pool, random));
    case 'policies':
      return put(file, drawPolicies(pool, random, intervalMs));
    case 'policies and its engine':
      return put(file, given(drawPolicies(pool, random, intervalMs), random));
    case 'masks':
      return checked(file, put(file, { ...pool, masks: drawMasks(pool, gpus, random) }), gpus);
    case 'share':
      return checked(file, put(file, { ...pool, share: !pool.share }), gpus);
    case 'taken out':
      return { ...file, pools: file.pools.filter((each) => each.poolId !== poolId) };
    default:
      return first === undefined ? file : checked(file, put(file, first), gpus);
  }
}

/** Other policies for one of its pools. */
export function withPolicies(file: Inventory, poolId: string, all: Inventory, random: Random): Inventory {
  const pool = file.pools.find((each) => each.poolId === poolId);
  const intervalMs = all.pools.find((each) => each.poolId === poolId)?.health.intervalMs ?? 60_000;
  return pool === undefined ? file : put(file, drawPolicies(pool, random, intervalMs));
}

/** Two pools with as many devices change places, or one of them within its own. */
function exchanged(file: Inventory, random: Random): Inventory {
  const onDevices = file.pools.filter(({ masks }) => masks[0]?.kind === 'list');
  const [one, other] = onDevices;
  if (one === undefined) return file;
  if (other === undefined || one.share !== other.share || random.chance(0.3))
    return put(file, { ...one, masks: one.masks.toReversed() });
  return put(put(file, { ...one, masks: other.masks }), { ...other, masks: one.masks });
}

function given(pool: PoolSpec, random: Random): PoolSpec {
  const edition = String(random.below(1_000_000));
  return random.chance(0.5) ? { ...pool, env: { EDITION: { value: edition } } } : { ...pool, args: ['--edition', edition] };
}

/** More or fewer, elsewhere, or in another order. */
function drawMasks({ masks }: PoolSpec, gpus: number, random: Random): readonly MaskRef[] {
  const count = 1 + random.below(4);
  if (masks[0]?.kind === 'cpu') return Array.from({ length: count }, () => ({ kind: 'cpu', written: 'cpu' }));
  const ids = Array.from({ length: gpus }, (_, index) => String(index));
  const some = Array.from({ length: count }, () => ids.splice(random.below(ids.length), 1)[0] ?? '0');
  return some.map((written) => ({ kind: 'list', written, ids: [written] }));
}

function put(file: Inventory, pool: PoolSpec): Inventory {
  const known = file.pools.some(({ poolId }) => poolId === pool.poolId);
  return {
    ...file,
    pools: known ? file.pools.map((each) => (each.poolId === pool.poolId ? pool : each)) : [...file.pools, pool],
  };
}

/** Two on one device have to share it, both. */
function checked(before: Inventory, after: Inventory, gpus: number): Inventory {
  for (let index = 0; index < gpus; index += 1) {
    const users = after.pools.flatMap(({ masks, share }) =>
      masks.flatMap((mask) => (mask.kind === 'list' && mask.ids.includes(String(index)) ? [share] : [])),
    );
    if (users.length > 1 && users.includes(false)) return before;
  }
  return after;
}
