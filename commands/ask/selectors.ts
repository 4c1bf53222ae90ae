/** `POOL`, `POOL/rN`, `all`: from what was typed to what is meant. */

import type { PoolView, ReplicaView, StatusView } from '../../src/api/wire.js';
import { PoolctlError } from '../../src/errors.js';
import { suggest } from '../../src/text/suggest.js';

/** A pool as a whole, or one replica of it. */
export type Target = { readonly poolId: string; readonly replicaId: string | null };

/** What a resolution needs to know of the pools. */
export type Known = readonly { readonly pool_id: string; readonly replicas: readonly { readonly replica_id: string }[] }[];

export const targetName = ({ poolId, replicaId }: Target): string => (replicaId === null ? poolId : `${poolId}/${replicaId}`);

/**
 * What the selectors mean, in their order and each once; a replica that its pool covers is left out. Throws POOL_NOT_FOUND or
 * REPLICA_NOT_FOUND with what was probably meant. `verb` is what was typed before the selector.
 */
export function resolveTargets(selectors: readonly string[], pools: Known, verb: string): readonly Target[] {
  const targets = selectors.flatMap((selector) =>
    selector === 'all' ? pools.map(({ pool_id }) => whole(pool_id)) : [resolve(selector, pools, verb)],
  );
  const wholes = new Set(targets.filter(({ replicaId }) => replicaId === null).map(({ poolId }) => poolId));
  const needed = targets.filter(({ poolId, replicaId }) => replicaId === null || !wholes.has(poolId));
  return needed.filter((target, i) => needed.findIndex((other) => targetName(other) === targetName(target)) === i);
}

/** The view with nothing but what was selected for `status`; all of it where nothing was. Throws as `resolveTargets` does. */
export function chosen(view: StatusView, selectors: readonly string[]): StatusView {
  return selectors.length === 0 ? view : narrow(view, resolveTargets(selectors, view.pools, 'status'));
}

/** The view with nothing but what the targets name. */
export function narrow(view: StatusView, targets: readonly Target[]): StatusView {
  const pools = view.pools.flatMap((pool) => {
    const replicas = pool.replicas.filter((replica) => isTargeted(pool, replica, targets));
    return replicas.length > 0 || targets.some(({ poolId }) => poolId === pool.pool_id) ? [{ ...pool, replicas }] : [];
  });
  return { ...view, pools };
}

/** Every replica that the targets name, with its pool. */
export function replicasOf(
  view: StatusView,
  targets: readonly Target[],
): readonly { readonly pool: PoolView; readonly replica: ReplicaView }[] {
  return view.pools.flatMap((pool) =>
    pool.replicas.filter((replica) => isTargeted(pool, replica, targets)).map((replica) => ({ pool, replica })),
  );
}

function isTargeted({ pool_id }: PoolView, { replica_id }: ReplicaView, targets: readonly Target[]): boolean {
  return targets.some(({ poolId, replicaId }) => poolId === pool_id && (replicaId === null || replicaId === replica_id));
}

const whole = (poolId: string): Target => ({ poolId, replicaId: null });

function resolve(selector: string, pools: Known, verb: string): Target {
  const slash = selector.indexOf('/');
  const poolId = slash === -1 ? selector : selector.slice(0, slash);
  const pool = pools.find(({ pool_id }) => pool_id === poolId);
  if (pool === undefined) throw noSuchPool(selector, pools, verb);
  if (slash === -1) return whole(poolId);
  const replicaId = selector.slice(slash + 1);
  if (pool.replicas.some(({ replica_id }) => replica_id === replicaId)) return { poolId, replicaId };
  const known = pool.replicas.map(({ replica_id }) => `${poolId}/${replica_id}`);
  throw new PoolctlError('REPLICA_NOT_FOUND', `cannot ${deeds[verb] ?? verb} "${selector}": there is no such replica`, {
    hint: tryInstead(verb, suggest(selector, known) ?? known[0], 'replicas', known),
    extra: { pool_id: poolId },
  });
}

/** What the verbs that are none do to what they name. */
const deeds: Readonly<Record<string, string>> = {
  status: 'show',
  logs: 'show the log of',
  wait: 'wait for',
  'lease acquire': 'lease',
  'lease run': 'lease',
  'lease list': 'list the leases of',
};

function noSuchPool(selector: string, pools: Known, verb: string): PoolctlError {
  const known = pools.map(({ pool_id }) => pool_id);
  const slash = selector.indexOf('/');
  const meant = suggest(slash === -1 ? selector : selector.slice(0, slash), known);
  return new PoolctlError('POOL_NOT_FOUND', `cannot ${deeds[verb] ?? verb} "${selector}": there is no such pool`, {
    hint: known.length === 0 ? 'there are no pools; add one to pools.yaml' : tryInstead(verb, meant, 'pools', known),
  });
}

function tryInstead(verb: string, meant: string | null | undefined, what: string, known: readonly string[]): string {
  const list = `(${what}: ${known.join(', ')})`;
  return meant === null || meant === undefined ? `poolctl status        ${list}` : `poolctl ${verb} ${meant}        ${list}`;
}
