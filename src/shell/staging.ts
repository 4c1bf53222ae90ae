/** Where a pool's model is on this machine: at its path, in a cache, or in ours once it is fetched. */

import { constants } from 'node:fs';
import { access, chmod, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Obstacle } from '../core/facts.js';
import type { PoolSpec, Result } from '../core/model.js';
import type { Staging } from '../core/progress.js';
import { shownReference } from '../core/reference.js';
import type { EngineAdapter } from '../engines/adapter.js';
import { ggufFlaw, identityOf, isGgufName } from '../host/model-files.js';
import type { FetchError } from '../models/answer.js';
import { type CacheName, cachesOf, fetchCommand, findModel, ownPath } from '../models/caches.js';
import { download, type Patience, removeNote } from '../models/download.js';
import { hubEndpoint, type Remote, type RemoteFile, remoteOf, shownUrl } from '../models/remote.js';
import type { Digests } from './digests.js';
import { type FileLock, lockFile } from './flock.js';
import { makeSharedWork, type Watch } from './shared-work.js';

export type StagerWorld = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly uid: number;
  /** The program's path; null where there is none. */
  readonly flock: string | null;
  readonly adapters: Readonly<Record<PoolSpec['engine'], Pick<EngineAdapter, 'takesFile'>>>;
  readonly patience?: Partial<Patience>;
};

/** `path` is null where the engine is given the reference; `url` is where it is, or would be, fetched from, as it may be shown. */
export type ModelPlace = {
  readonly path: string | null;
  readonly from: 'path' | CacheName | 'download' | 'engine';
  readonly url: string | null;
};

export type StageWish = {
  readonly allowDownloads: boolean;
  readonly touching: boolean;
  readonly digests: Digests;
  readonly watch: Watch;
};

export type Stager = (spec: PoolSpec, wish: StageWish) => Promise<Result<ModelPlace | null, Obstacle>>;

/** Another supervisor of this user may be at it. */
const lockEveryMs = 1_000;

export function makeStager({ env, home, uid, flock, adapters, patience }: StagerWorld): Stager {
  const caches = cachesOf(env, home);
  const endpoint = hubEndpoint(env);
  const share = makeSharedWork<Obstacle | 'there'>();

  return async ({ model, engine, modelDigest }, { allowDownloads, touching, digests, watch }) => {
    if (model === null) return { ok: true, value: null };
    if (isAbsolute(model)) return { ok: true, value: { path: model, from: 'path', url: null } };
    const remote = adapters[engine].takesFile(model) ? remoteOf(model, endpoint) : null;
    if (remote === null) return { ok: true, value: { path: null, from: 'engine', url: null } };
    const url = shownUrl(remote);
    const found = await findModel(remote, caches);
    if (found !== null) return { ok: true, value: { path: found.path, from: found.cache, url } };
    const path = ownPath(remote, caches);
    if (!allowDownloads) return { ok: false, error: notHere(model, remote, path) };
    if (touching) {
      for (const [index, file] of remote.files.entries()) {
        const to = join(dirname(path), file.name);
        const sha256 = index === 0 && modelDigest !== null ? modelDigest.slice('sha256:'.length).toLowerCase() : null;
        const end = await share(to, watch, (signal, tell) => bring(file, { to, sha256, digests, signal, tell, remote }));
        if (end !== 'there') return { ok: false, error: end ?? abandoned(file) };
      }
    }
    return { ok: true, value: { path, from: touching ? 'poolctl' : 'download', url } };
  };

  async function bring(file: RemoteFile, order: Order): Promise<Obstacle | 'there'> {
    const cannot = `cannot fetch "${file.name}" from ${new URL(file.url).host}`;
    const failed = (what: Obstacle['what'], why: string, hint?: string): Obstacle => ({
      ...{ what, text: `${cannot}: ${why}` },
      ...(hint === undefined ? {} : { hint }),
    });
    const { to, sha256, digests, signal, tell } = order;
    const part = `${to}.part`;
    let lock: FileLock | null = null;
    try {
      await mkdir(dirname(to), { recursive: true, mode: 0o755 });
      lock = await locked(part, file.name, order);
      if (lock === null) return abandoned(file);
      if (await isThere(to)) {
        await rm(part, { force: true });
        return 'there';
      }
      const end = await download({
        ...{ url: file.url, part: { file: lock.file, path: part }, token: env.HF_TOKEN, sha256, signal },
        tell: (progress) => tell({ file: file.name, doing: 'fetch', ...progress }),
        ...(patience === undefined ? {} : { patience }),
      });
      if (!end.ok) return failed(...obstacleOf(end.error, order.remote));
      const flaw = isGgufName(file.name) ? await ggufFlaw(part) : null;
      const wanted = sha256 ?? end.sha256;
      const identity = identityOf(await stat(part));
      const watch: Watch = { signal, tell: ({ shared: _, ...staging }) => tell(staging) };
      const digest = flaw !== null || wanted === null ? null : await digests.of({ path: part, name: file.name, identity }, watch);
      if (signal.aborted) return abandoned(file);
      if (digest?.ok === false) return failed('download', `its digest cannot be worked out: ${digest.error}`);
      if (flaw !== null || (digest !== null && digest.value !== `sha256:${wanted}`)) {
        await rm(part, { force: true });
        await removeNote(part);
        if (flaw !== null) return failed('model', `${flaw}, as the server gives it`, 'look at that address, or correct "model"');
        return sha256 === null
          ? failed('download', `what came has the digest ${digest?.value}, and the server had said sha256:${wanted}`)
          : failed(
              'digest',
              `its digest is ${digest?.value}, and model_digest says sha256:${sha256}`,
              'correct model_digest, or "model"',
            );
      }
      await settle(lock, part, to);
      if (digest !== null) digests.remember(identityOf(await stat(to)), digest.value);
      return 'there';
    } catch (error) {
      return failed('model', (error as Error).message);
    } finally {
      await lock?.release().catch(() => undefined);
    }
  }

  /** The part is the lock: who holds it writes it. Null: nobody waits for it any more. */
  async function locked(part: string, name: string, { signal, tell }: Order): Promise<FileLock | null> {
    for (let before = -1; ; ) {
      const lock = await lockFile(part, flock, uid);
      if (lock !== null) return lock;
      const doneBytes = (await stat(part).catch(() => null))?.size ?? 0;
      if (doneBytes !== before)
        tell({ file: name, doing: 'wait', doneBytes, totalBytes: null, leftMs: null, note: 'another poolctl fetches it' });
      before = doneBytes;
      await sleep(lockEveryMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return null;
    }
  }
}

type Order = {
  readonly to: string;
  readonly sha256: string | null;
  readonly digests: Digests;
  readonly signal: AbortSignal;
  readonly tell: (staging: Omit<Staging, 'shared'>) => void;
  readonly remote: Remote;
};

/** Whole on the disk before it has its name; readable for engines of other users, where they may come so far. */
async function settle({ file }: FileLock, part: string, to: string): Promise<void> {
  await file.sync();
  await chmod(part, 0o644);
  await rename(part, to);
  await removeNote(part);
  const dir = await open(dirname(to), constants.O_RDONLY);
  await dir.sync().catch(() => undefined);
  await dir.close();
}

function obstacleOf(
  error: FetchError | { readonly kind: 'digest'; readonly text: string },
  { hub }: Remote,
): [Obstacle['what'], string, string?] {
  switch (error.kind) {
    case 'digest':
      return ['digest', error.text, 'correct model_digest, or "model"'];
    case 'refused': {
      if (!/HTTP 40[13]/.test(error.text)) return ['model', error.text, 'correct "model"'];
      const terms = hub === null ? '' : `, and accept the model's terms at https://huggingface.co/${hub.repo}`;
      return ['model', error.text, hub === null ? 'correct "model"' : `export HF_TOKEN=… where the supervisor runs${terms}`];
    }
    case 'disk':
      return ['model', error.text];
    case 'space':
      return ['download', error.text, 'make room there'];
    case 'broken':
    case 'left':
      return ['download', error.text];
  }
}

function notHere(model: string, remote: Remote, path: string): Obstacle {
  const text = `cannot use the model "${shownReference(model)}": it is in no cache of this machine, and downloads are not allowed`;
  return { what: 'model', text, hint: `${fetchCommand(remote, path)}, or set supervisor.allow_downloads: true` };
}

const abandoned = ({ name }: RemoteFile): Obstacle => ({ what: 'download', text: `"${basename(name)}" was not waited for` });

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
