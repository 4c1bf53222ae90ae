/** Where models lie that somebody has fetched: the Hugging Face cache, llama.cpp's, and our own. */

import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { shownReference } from '../core/reference.js';
import { partNames } from './parts.js';
import type { Remote } from './remote.js';

export type CacheName = 'Hugging Face' | 'llama.cpp' | 'poolctl';

export type Caches = {
  readonly hub: string;
  readonly llama: string;
  /** Ours: what we fetch goes there. */
  readonly own: string;
};

export type Found = {
  readonly path: string;
  readonly cache: CacheName;
};

/** By the rules of their owners. */
export function cachesOf(env: Readonly<Record<string, string | undefined>>, home: string): Caches {
  const xdg = absolute(env.XDG_CACHE_HOME) ?? join(home, '.cache');
  const ofHub = filled(env.HF_HOME) ?? join(xdg, 'huggingface');
  return {
    hub: untilded(filled(env.HF_HUB_CACHE) ?? filled(env.HUGGINGFACE_HUB_CACHE) ?? join(ofHub, 'hub'), home),
    llama: filled(env.LLAMA_CACHE) ?? join(xdg, 'llama.cpp'),
    own: join(xdg, 'poolctl', 'models'),
  };
}

/** The first file of the model, where all of its files lie together; null where they lie nowhere. Touches nothing. */
export async function findModel(remote: Remote, caches: Caches): Promise<Found | null> {
  for (const [cache, look] of [
    ['Hugging Face', inHub],
    ['llama.cpp', inLlama],
    ['poolctl', async () => [ownPath(remote, caches)]],
  ] as const) {
    for (const path of await look(remote, caches)) if (await isWhole(path)) return { path, cache };
  }
  return null;
}

/** Where it is put when it is fetched; its other parts beside it. */
export function ownPath({ hub, files: [first] }: Remote, { own }: Caches): string {
  if (hub !== null) return join(own, 'hf', hub.repo, hub.path);
  const url = new URL(first.url);
  const host = url.host.replace(/[^\w.-]/g, '_');
  // Two files of one name are told apart by where they come from; who fetches them does not matter.
  url.username = '';
  url.password = '';
  const mark = createHash('sha256').update(url.href).digest('hex').slice(0, 12);
  return join(own, 'url', host, mark, first.name);
}

/** What fetches it to where it will be found. */
export function fetchCommand({ hub, files }: Remote, path: string): string {
  if (hub !== null) {
    const dir = hub.path.slice(0, hub.path.lastIndexOf('/') + 1);
    return `hf download ${hub.repo} ${files.map(({ name }) => quoted(`${dir}${name}`)).join(' ')}`;
  }
  return files
    .map(({ name, url }) => `curl -L --create-dirs -o ${quoted(join(dirname(path), name))} ${quoted(shownReference(url))}`)
    .join(' && ');
}

const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** That which `main` stands for first, then the others, the newest first. */
async function inHub({ hub }: Remote, caches: Caches): Promise<readonly string[]> {
  if (hub === null) return [];
  const repo = join(caches.hub, `models--${hub.repo.replace('/', '--')}`);
  const main = (await readFile(join(repo, 'refs', 'main'), 'utf8').catch(() => '')).trim();
  const commits: readonly string[] = await readdir(join(repo, 'snapshots')).catch(() => []);
  const others = await Promise.all(
    commits
      .filter((commit) => commit !== main)
      .map(async (commit) => ({ commit, at: await changedAt(join(repo, 'snapshots', commit)) })),
  );
  const order = [...(commits.includes(main) ? [main] : []), ...others.sort((a, b) => b.at - a.at).map(({ commit }) => commit)];
  return order.map((commit) => join(repo, 'snapshots', commit, hub.path));
}

/** Files of the hub have their repository in their names. Others have only their own, and what lies beside them may say that they are another's. */
async function inLlama({ hub, files: [first] }: Remote, { llama }: Caches): Promise<readonly string[]> {
  if (hub !== null) return [join(llama, `${hub.repo}/${hub.path}`.replaceAll('/', '_'))];
  const path = join(llama, first.name);
  const source = await readFile(`${path}.json`, 'utf8').then(urlIn, () => null);
  return source === null || source === first.url ? [path] : [];
}

function urlIn(text: string): string | null {
  try {
    const { url } = JSON.parse(text) as { readonly url?: unknown };
    return typeof url === 'string' ? url : null;
  } catch {
    return null;
  }
}

async function isWhole(path: string): Promise<boolean> {
  const there = await Promise.all(
    partNames(path).map((part) =>
      stat(part).then(
        (found) => found.isFile(),
        () => false,
      ),
    ),
  );
  return there.every(Boolean);
}

async function changedAt(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}

const filled = (value: string | undefined): string | undefined => (value === '' ? undefined : value);
const absolute = (path: string | undefined): string | undefined => (path !== undefined && isAbsolute(path) ? path : undefined);
const untilded = (path: string, home: string): string => (path.startsWith('~/') ? join(home, path.slice(2)) : path);
