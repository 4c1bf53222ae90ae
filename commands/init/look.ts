/** The machine as `init` finds it. Nothing here rejects for what the machine is like: what cannot be told is null, or a reason. */

import { join, resolve } from 'node:path';
import { adapters } from '../../src/engines/index.js';
import { createGpuReader } from '../../src/host/gpus.js';
import { bindError } from '../../src/host/net.js';
import { memoryAvailableBytes } from '../../src/host/proc.js';
import { findProgram } from '../../src/host/programs.js';
import { runProgram } from '../../src/host/run.js';
import { type Caches, cachesOf } from '../../src/models/caches.js';
import { readGgufParts } from '../../src/models/gguf.js';
import { findGguf, findHubRepos, type ModelFile } from '../../src/models/search.js';
import type { Found, FoundEngine, FoundModel, FoundPorts } from '../../src/proposal/found.js';
import { tilde } from '../../src/text/tilde.js';
import type { Cli } from '../cli.js';

type World = Pick<Cli, 'env' | 'cwd' | 'home'>;

export type Looking = {
  /** Directories to look for models in, before all others. */
  readonly models: readonly string[];
  /** Ends the search for models. @default after 3 s */
  readonly late?: AbortSignal;
};

export async function lookAround(world: World, { models, late = AbortSignal.timeout(3_000) }: Looking): Promise<Found> {
  const reader = createGpuReader({ env: world.env, now: () => performance.now() });
  const [seen, engines, found, memoryBytes] = await Promise.all([
    reader.read(),
    Promise.all(programs.map((program) => lookForEngine(program, world))),
    lookForModels(world, models, late),
    memoryAvailableBytes(),
  ]);
  const { devices, processes, note } = seen;
  const ports = await lookForPorts(Math.max(2, devices.length));
  return { devices, processes, note, engines, ...found, memoryBytes, ports };
}

const programs = [
  { kind: 'llamacpp', name: 'llama-server' },
  { kind: 'vllm', name: 'vllm' },
  { kind: 'sglang', name: 'sglang' },
] as const;

/** A cold driver, and a Python that imports half of PyTorch to tell its version, need seconds. */
const toolPatienceMs = 10_000;

async function lookForEngine({ kind, name }: (typeof programs)[number], { env, cwd }: World): Promise<FoundEngine> {
  const nothing = { kind, name, path: null, version: null, flaw: null, sees: null };
  const path = await findProgram(name, env.PATH, cwd);
  if (path === null) return nothing;
  const options = { timeoutMs: toolPatienceMs, env: defined(env) };
  const { versionCommand, listDevices } = adapters[kind];
  const told = await runProgram(path, versionCommand?.args ?? ['--version'], options);
  if (!told.ok) {
    // One that takes its time may well run.
    const slow = /gave no answer/.test(told.error);
    return { ...nothing, path, flaw: slow ? null : told.error };
  }
  const { code, stdout, stderr } = told.value;
  const text = `${stdout}\n${stderr}`;
  if (code !== 0) return { ...nothing, path, flaw: `it ends with status ${code}: ${lastLine(text)}` };
  const version = versionCommand === null ? (/\d+\.\d+[\w.+-]*/.exec(stdout)?.[0] ?? null) : versionCommand.read(text);
  const list = listDevices === null ? null : await runProgram(path, listDevices.args, options);
  const sees = list?.ok === true ? (listDevices?.read(`${list.value.stdout}\n${list.value.stderr}`) ?? null) : null;
  return { ...nothing, path, version, sees };
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) || 'and says nothing';
}

function defined(env: World['env']): Record<string, string> {
  return Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

const searchDepth = 4;

async function lookForModels(
  { env, cwd, home }: World,
  named: readonly string[],
  late: AbortSignal,
): Promise<Pick<Found, 'models' | 'hubRepos' | 'places' | 'whole'>> {
  const caches = cachesOf(env, home);
  const roots = [
    ...named.map((dir) => resolve(cwd, dir)),
    join(home, 'models'),
    caches.llama,
    caches.hub,
    caches.own,
    join(home, '.lmstudio', 'models'),
    join(home, '.cache', 'lm-studio', 'models'),
  ];
  const [{ files, whole }, hubRepos] = await Promise.all([
    findGguf({ roots, depth: searchDepth, late }),
    findHubRepos(caches.hub),
  ]);
  const models = await Promise.all(files.map((file) => asModel(file, caches, home, late)));
  return { models, hubRepos, places: roots.map((root) => tilde(root, home)), whole };
}

async function asModel(file: ModelFile, caches: Caches, home: string, late: AbortSignal): Promise<FoundModel> {
  const { path, parts, bytes, missing } = file;
  const there = missing.length === 0 ? parts : [path];
  const header = late.aborted ? ({ ok: false, error: 'there was no time to read it' } as const) : await readGgufParts(there);
  return { ref: hubRef(path, caches) ?? tilde(path, home), bytes, missing, header };
}

/** In the cache of the hub a file is called by where it comes from: its path changes with each version of its repository. */
function hubRef(path: string, { hub }: Caches): string | null {
  if (!path.startsWith(`${hub}/`)) return null;
  const [, owner, name, file] = /^models--([\w.-]+?)--([\w.-]+)\/snapshots\/[^/]+\/(\S+)$/.exec(path.slice(hub.length + 1)) ?? [];
  return owner === undefined ? null : `hf:${owner}/${name}/${file}`;
}

const builtIn = 18_100;
const elsewhere = [28_100, 38_100, 48_100];
const rangeLength = 900;

/** Looks for as many free ports as there may be replicas, from the first of the range on. */
async function lookForPorts(needed: number): Promise<FoundPorts> {
  const free = await freePorts(builtIn, needed);
  if (free.length >= needed) return { range: null, first: free[0] ?? null };
  for (const from of elsewhere) {
    const [first, ...others] = await freePorts(from, needed);
    if (first !== undefined && others.length + 1 >= needed) return { range: `${from}-${from + rangeLength - 1}`, first };
  }
  return { range: null, first: free[0] ?? null };
}

async function freePorts(from: number, needed: number): Promise<readonly number[]> {
  const free: number[] = [];
  for (let port = from; port < from + rangeLength && free.length < needed; port += 1)
    if ((await bindError('127.0.0.1', port)) === null) free.push(port);
  return free;
}
