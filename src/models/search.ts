/** Model files that lie about on the machine. What cannot be entered is passed over, and a slow disk ends the search and not the patience. */

import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { partNames } from './parts.js';

export type ModelFile = {
  /** As it was found: below its root, links not followed. Of a model in parts the first. */
  readonly path: string;
  /** Of all its parts that are there. */
  readonly bytes: number;
  readonly parts: readonly string[];
  /** Names of parts that are not there. */
  readonly missing: readonly string[];
};

export type Search = {
  /** Absolute; those that are not there count for nothing. */
  readonly roots: readonly string[];
  /** So many directories below a root are entered, one in the other. */
  readonly depth: number;
  /** Ends the search: what was found until then is the answer. */
  readonly late: AbortSignal;
};

/** Models in the GGUF format, each once whatever its names, sorted by path; `whole` is false where the search was ended. Never rejects. */
export async function findGguf({
  roots,
  depth,
  late,
}: Search): Promise<{ readonly files: readonly ModelFile[]; readonly whole: boolean }> {
  const seen = new Set<string>();
  const files: ModelFile[] = [];
  let level = roots.map((path) => ({ path, left: depth }));
  while (level.length > 0 && !late.aborted) {
    const next: typeof level = [];
    for (const { path, left } of level) {
      const entries = await inTime(list(path, seen), late);
      for (const entry of entries ?? []) {
        if (late.aborted) break;
        const below = join(path, entry.name);
        if (entry.isDirectory() || (entry.isSymbolicLink() && !isGguf(entry.name))) {
          if (left > 0 && !entry.name.startsWith('.')) next.push({ path: below, left: left - 1 });
        } else if (isGguf(entry.name) && !isPassedOver(entry.name)) {
          const file = await inTime(look(below, seen), late);
          if (file !== null) files.push(file);
        }
      }
    }
    level = next;
  }
  return { files: files.sort((a, b) => (a.path < b.path ? -1 : 1)), whole: !late.aborted };
}

/**
 * Repositories of the hub that its cache has whole enough for an engine of its own format (vLLM, SGLang): `org/repo` with a config.json and weights as
 * safetensors. Sorted. Never rejects.
 */
export async function findHubRepos(hub: string): Promise<readonly string[]> {
  const names = await readdir(hub).catch(() => []);
  const found = await Promise.all(
    names.map(async (name) => {
      const [, owner, repo] = /^models--([\w.-]+?)--([\w.-]+)$/.exec(name) ?? [];
      const snapshots = join(hub, name, 'snapshots');
      const commits = owner === undefined ? [] : await readdir(snapshots).catch(() => []);
      const files = await Promise.all(commits.map((commit) => readdir(join(snapshots, commit)).catch((): string[] => [])));
      const isModel = files.some((all) => all.includes('config.json') && all.some((file) => file.endsWith('.safetensors')));
      return isModel ? [`${owner}/${repo}`] : [];
    }),
  );
  return found.flat().sort();
}

const isGguf = (name: string): boolean => /\.gguf$/i.test(name);

/** What belongs to another file: the parts after the first, and what a model sees with. */
function isPassedOver(name: string): boolean {
  return /mmproj/i.test(name) || /-(?!00001-of-)\d{5}-of-\d{5}\.gguf$/i.test(name);
}

/** None for what is no directory, or was listed by another name. */
async function list(path: string, seen: Set<string>): Promise<readonly Dirent[]> {
  try {
    if (!isNew(await realpath(path), seen)) return [];
    return (await readdir(path, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}

/** Null for what is no file, and for one that was found by another name. */
async function look(path: string, seen: Set<string>): Promise<ModelFile | null> {
  const parts = partNames(path);
  const stats = await Promise.all(parts.map((part) => stat(part).catch(() => null)));
  const [first] = stats;
  if (first?.isFile() !== true || !isNew(`${first.dev}:${first.ino}`, seen)) return null;
  return {
    path,
    bytes: stats.reduce((sum, each) => sum + (each?.size ?? 0), 0),
    parts,
    missing: parts.filter((_, at) => stats[at]?.isFile() !== true).map((part) => basename(part)),
  };
}

function isNew(name: string, seen: Set<string>): boolean {
  if (seen.has(name)) return false;
  seen.add(name);
  return true;
}

/** Null when the time is up first. */
function inTime<T>(work: Promise<T>, late: AbortSignal): Promise<T | null> {
  if (late.aborted) return Promise.resolve(null);
  return new Promise((resolve, reject) => {
    const end = (): void => resolve(null);
    late.addEventListener('abort', end, { once: true });
    work.then(resolve, reject).finally(() => late.removeEventListener('abort', end));
  });
}
