/** Where the models of an inventory are that are named by where they come from. Nothing is fetched, and no server asked. */

import { adapters } from '../../src/engines/index.js';
import type { Examination } from '../../src/inventory/report.js';
import { type CacheName, cachesOf, fetchCommand, findModel, ownPath } from '../../src/models/caches.js';
import { hubEndpoint, remoteOf, shownUrl } from '../../src/models/remote.js';
import type { Cli } from '../cli.js';

export type WhereModel = {
  readonly pool_id: string;
  readonly path: string | null;
  /** Null where it is nowhere, and is not to be fetched either. */
  readonly from: CacheName | 'download' | null;
  readonly url: string;
  readonly hint: string | null;
};

export async function whereModels(
  inventory: NonNullable<Examination['inventory']>,
  { env, home }: Pick<Cli, 'env' | 'home'>,
): Promise<readonly WhereModel[]> {
  const caches = cachesOf(env, home);
  const places = inventory.pools.map(async ({ poolId, engine, model }): Promise<WhereModel | null> => {
    const remote = model === null || !adapters[engine].takesFile(model) ? null : remoteOf(model, hubEndpoint(env));
    if (remote === null) return null;
    const of = { pool_id: poolId, url: shownUrl(remote) };
    const found = await findModel(remote, caches);
    if (found !== null) return { ...of, path: found.path, from: found.cache, hint: null };
    const path = ownPath(remote, caches);
    if (inventory.supervisor.allowDownloads) return { ...of, path, from: 'download', hint: null };
    return { ...of, path: null, from: null, hint: `${fetchCommand(remote, path)}, or set supervisor.allow_downloads: true` };
  });
  return (await Promise.all(places)).filter((place) => place !== null);
}

export function whereText({ pool_id, path, from, url, hint }: WhereModel): string {
  if (from === null) return `${pool_id}: its model is in no cache of this machine, and downloads are not allowed; ${hint}`;
  return from === 'download'
    ? `${pool_id}: its model is to be fetched from ${url} to ${path}`
    : `${pool_id}: its model is ${path}, in the cache of ${from}`;
}
