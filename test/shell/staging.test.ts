/** Where a model is: in whose cache, or fetched once for all who want it, whole, and the very one. */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import type { Obstacle } from '../../src/core/facts.js';
import type { PoolSpec, Result } from '../../src/core/model.js';
import type { Staging } from '../../src/core/progress.js';
import { adapters } from '../../src/engines/index.js';
import { findProgram } from '../../src/host/programs.js';
import { type Digests, makeDigests } from '../../src/shell/digests.js';
import { lockFile } from '../../src/shell/flock.js';
import { patient, type Watch } from '../../src/shell/shared-work.js';
import { type ModelPlace, makeStager, type StageWish } from '../../src/shell/staging.js';
import { scratchDir } from '../host/scratch.js';
import { FileServer, type Served } from '../rig/file-server.js';
import { tinyModel } from '../rig/gguf.js';
import { poolSpec } from '../rig/specs.js';

const flock = await findProgram('flock', process.env.PATH, '/');
const model = tinyModel();
const digest = `sha256:${createHash('sha256').update(model).digest('hex')}`;
const wrong = `sha256:${'0'.repeat(64)}`;

type Place = Result<ModelPlace | null, Obstacle>;
type Stage = {
  readonly home: string;
  readonly server: FileServer;
  readonly told: Staging[];
  stage(reference: string, more?: Partial<StageWish> & { readonly spec?: Partial<PoolSpec> }): Promise<Place>;
  watch(signal?: AbortSignal): Watch;
  readonly digests: Digests;
};

async function rig(env: Readonly<Record<string, string>> = {}): Promise<Stage> {
  const home = await scratchDir();
  const server = await new FileServer().start();
  onTestFinished(() => server.end());
  const told: Staging[] = [];
  const stager = makeStager({
    ...{ env: { HF_ENDPOINT: server.url, ...env }, home, uid: process.getuid?.() ?? 0, flock, adapters },
    patience: { waitsMs: [1, 1], silenceMs: 5_000, tellEveryMs: 0 },
  });
  const digests = makeDigests(null);
  const watch = (signal = new AbortController().signal): Watch => ({ signal, tell: (staging) => void told.push(staging) });
  return {
    ...{ home, server, told, watch, digests },
    stage: (reference, { spec = {}, ...more } = {}) =>
      stager(poolSpec('chat', 1, { engine: 'llamacpp', model: reference, ...spec }), {
        ...{ allowDownloads: true, touching: true, digests, watch: watch() },
        ...more,
      }),
  };
}

async function put(path: string, content: Buffer = model): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

const obstacle = (place: Place): Obstacle => {
  if (place.ok) throw new Error(`there is one at ${place.value?.path}`);
  return place.error;
};
const at = (place: Place): readonly [string | null, string] | null => {
  if (!place.ok) throw new Error(place.error.text);
  return place.value === null ? null : [place.value.path, place.value.from];
};
const hf = 'hf:org/repo/q4/m.gguf';

describe('is looked for, before anything is fetched', () => {
  test.each<[string, string, string, Readonly<Record<string, string>>]>([
    ['Hugging Face', '.cache/huggingface/hub', 'models--org--repo/snapshots/abc/q4/m.gguf', {}],
    ['Hugging Face', 'elsewhere/hub', 'models--org--repo/snapshots/abc/q4/m.gguf', { HF_HOME: '{home}/elsewhere' }],
    ['Hugging Face', 'hubs', 'models--org--repo/snapshots/abc/q4/m.gguf', { HF_HUB_CACHE: '{home}/hubs' }],
    ['llama.cpp', '.cache/llama.cpp', 'org_repo_q4_m.gguf', {}],
    ['llama.cpp', 'llama', 'org_repo_q4_m.gguf', { LLAMA_CACHE: '{home}/llama' }],
    ['llama.cpp', 'xdg/llama.cpp', 'org_repo_q4_m.gguf', { XDG_CACHE_HOME: '{home}/xdg' }],
    ['poolctl', '.cache/poolctl/models', 'hf/org/repo/q4/m.gguf', {}],
  ])('in the cache of %s: %s/%s', async (cache, dir, name, variables) => {
    const env: Record<string, string> = {};
    const { home, stage, server } = await rig(env);
    for (const [key, value] of Object.entries(variables)) env[key] = value.replace('{home}', home);
    const again = makeStager({ env, home, uid: 0, flock, adapters });
    const path = await put(join(home, dir, name));
    const wish = { allowDownloads: false, touching: true, digests: makeDigests(null), watch: patient };
    const found = await again(poolSpec('chat', 1, { engine: 'llamacpp', model: hf }), wish);
    expect(at(found)).toEqual([path, cache]);
    if (Object.keys(variables).length === 0) expect(at(await stage(hf))).toEqual([path, cache]);
    expect(server.asked).toEqual([]);
  });

  it('in the snapshot that main stands for, else in the newest; a link that leads nowhere is no file', async () => {
    const { home, stage } = await rig();
    const repo = join(home, '.cache/huggingface/hub/models--org--repo');
    const old = await put(join(repo, 'snapshots/old/q4/m.gguf'));
    await mkdir(join(repo, 'snapshots/main/q4'), { recursive: true });
    await put(join(repo, 'refs/main'), Buffer.from('main\n'));
    await symlink('../../../blobs/none', join(repo, 'snapshots/main/q4/m.gguf'));
    expect(at(await stage(hf))).toEqual([old, 'Hugging Face']);
    await put(join(repo, 'blobs/none'));
    expect(at(await stage(hf))).toEqual([join(repo, 'snapshots/main/q4/m.gguf'), 'Hugging Face']);
  });

  it('by its address, also where that is one of the hub; not where another of its name lies', async () => {
    const { home, stage } = await rig();
    const path = await put(join(home, '.cache/llama.cpp/m.gguf'));
    const wish = { allowDownloads: false };
    expect(at(await stage('https://example.org/a/m.gguf', wish))).toEqual([path, 'llama.cpp']);
    await writeFile(`${path}.json`, JSON.stringify({ url: 'https://example.org/b/m.gguf', etag: 'x' }));
    expect(obstacle(await stage('https://example.org/a/m.gguf', wish)).what).toBe('model');
    const hub = await put(join(home, '.cache/llama.cpp/org_repo_q4_m.gguf'));
    expect(at(await stage('https://huggingface.co/org/repo/resolve/main/q4/m.gguf?download=true', wish))).toEqual([
      hub,
      'llama.cpp',
    ]);
  });

  it('with all of its parts', async () => {
    const { home, stage } = await rig();
    const part = (n: number): string => join(home, `.cache/llama.cpp/org_repo_m-0000${n}-of-00002.gguf`);
    await put(part(1));
    const reference = 'hf:org/repo/m-00001-of-00002.gguf';
    expect(obstacle(await stage(reference, { allowDownloads: false })).hint).toBe(
      'hf download org/repo m-00001-of-00002.gguf m-00002-of-00002.gguf, or set supervisor.allow_downloads: true',
    );
    await put(part(2));
    expect(at(await stage(reference, { allowDownloads: false }))).toEqual([part(1), 'llama.cpp']);
  });
});

it('is the matter of engines that take references, and of whoever names a path', async () => {
  const { stage } = await rig();
  expect(at(await stage('hf:org/repo', { spec: { engine: 'vllm' } }))).toEqual([null, 'engine']);
  expect(at(await stage(hf, { spec: { engine: 'command' } }))).toEqual([null, 'engine']);
  expect(at(await stage('/models/m.gguf'))).toEqual(['/models/m.gguf', 'path']);
});

it('is refused where it is not here and may not be fetched, with the command that would; secrets are covered', async () => {
  const { home, stage, server } = await rig();
  expect(obstacle(await stage(hf, { allowDownloads: false }))).toEqual({
    what: 'model',
    text: `cannot use the model "${hf}": it is in no cache of this machine, and downloads are not allowed`,
    hint: 'hf download org/repo q4/m.gguf, or set supervisor.allow_downloads: true',
  });
  const { text, hint } = obstacle(await stage('https://me:s3cret@example.org/m.gguf?token=t0ken', { allowDownloads: false }));
  expect(`${text} ${hint}`).not.toMatch(/s3cret|t0ken/);
  const path = /curl -L --create-dirs -o (\S+) '?https:\/\/\*\*\*@example\.org/.exec(hint ?? '')?.[1] ?? '';
  await put(path);
  expect(path.startsWith(join(home, '.cache/poolctl/models/url/example.org/'))).toBe(true);
  // Who fetches it does not matter.
  expect(at(await stage('https://you@example.org/m.gguf?token=t0ken', { allowDownloads: false }))).toEqual([path, 'poolctl']);
  expect(server.asked).toEqual([]);
});

describe('fetched', () => {
  const served = (more: Partial<Served> = {}): Served => ({ body: model, ...more });
  const file = '/org/repo/resolve/main/q4/m.gguf';

  it('it lies in our own cache from then on, for engines of others too, and nothing else is left', async () => {
    const { home, server, stage, told } = await rig();
    server.serve(file, served());
    const path = join(home, '.cache/poolctl/models/hf/org/repo/q4/m.gguf');
    expect(at(await stage(hf))).toEqual([path, 'poolctl']);
    expect(model.equals(await readFile(path))).toBe(true);
    expect((await stat(path)).mode & 0o777).toBe(0o644);
    expect([existsSync(`${path}.part`), existsSync(`${path}.part.json`)]).toEqual([false, false]);
    expect(told[0]).toMatchObject({ file: 'm.gguf', doing: 'fetch', totalBytes: model.length, shared: false });
    expect(at(await stage(hf))).toEqual([path, 'poolctl']);
    expect(server.asked).toHaveLength(1);
  });

  it('it is fetched once for all who wait, and of them one tells', async () => {
    const { server, stage } = await rig();
    server.serve(file, served({ cuts: [100, 200] }));
    const shared: boolean[][] = [[], [], []];
    const watches = shared.map(
      (heard): Watch => ({ signal: patient.signal, tell: (staging) => void heard.push(staging.shared) }),
    );
    const places = await Promise.all(watches.map((watch) => stage(hf, { watch })));
    expect(new Set(places.map((place) => at(place)?.[0])).size).toBe(1);
    expect(server.asked).toHaveLength(3);
    const kinds = shared.map((heard) => [...new Set(heard)].join());
    expect(kinds.toSorted()).toEqual(['false', 'true', 'true']);
  });

  it('goes on while anybody waits, ends with the last, and is gone on with later', async () => {
    const { home, server, stage } = await rig();
    const until = new Promise<void>(() => undefined);
    server.serve(file, served({ stall: { after: 1_000, until } }));
    const [first, second] = [new AbortController(), new AbortController()];
    let came = (): void => undefined;
    const begun = new Promise<void>((resolve) => {
      came = resolve;
    });
    const one = stage(hf, { watch: { signal: first.signal, tell: () => came() } });
    const two = stage(hf, { watch: { signal: second.signal, tell: () => undefined } });
    await begun;
    first.abort();
    expect(obstacle(await one).what).toBe('download');
    expect(server.asked).toHaveLength(1);
    second.abort();
    expect(obstacle(await two).what).toBe('download');
    server.serve(file, served());
    expect(at(await stage(hf))).toEqual([join(home, '.cache/poolctl/models/hf/org/repo/q4/m.gguf'), 'poolctl']);
    expect(server.asked.map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=1000-']);
  });

  it('its digest is checked before it has its name, and is known from then on', async () => {
    const { server, stage, digests } = await rig();
    server.serve(file, served());
    const bad = obstacle(await stage(hf, { spec: { modelDigest: wrong } }));
    expect(bad).toMatchObject({
      what: 'digest',
      text: expect.stringContaining(`its digest is ${digest}, and model_digest says ${wrong}`),
    });
    // What was wrong is not kept, and not gone on with.
    expect(await stage(hf, { spec: { modelDigest: digest } })).toMatchObject({ ok: true });
    const [path] = at(await stage(hf)) ?? [];
    const of = {
      path: '/nowhere',
      name: 'm',
      identity: (await import('../../src/host/model-files.js')).identityOf(await stat(path ?? '')),
    };
    expect(await digests.of(of, patient)).toEqual({ ok: true, value: digest });
  });

  it("and the hub's own digest, where it tells one", async () => {
    const { server, stage } = await rig();
    const redirect = server.serve('/cdn', served());
    const linked = (hex: string): Served => served({ redirect, headers: { 'x-linked-etag': `"${hex}"` } });
    server.serve(file, linked('1'.repeat(64)));
    expect(obstacle(await stage(hf))).toMatchObject({ what: 'download', text: expect.stringContaining('the server had said') });
    server.serve(file, linked(digest.slice('sha256:'.length)));
    expect(await stage(hf)).toMatchObject({ ok: true });
  });

  it('a page that a server gives instead is not taken for a model', async () => {
    const { home, server, stage } = await rig();
    server.serve(file, { body: Buffer.from('<html>please log in</html>') });
    expect(obstacle(await stage(hf))).toMatchObject({ what: 'model', text: expect.stringContaining('it is no GGUF file') });
    expect(existsSync(join(home, '.cache/poolctl/models/hf/org/repo/q4/m.gguf'))).toBe(false);
  });

  it('in parts, all of them come', async () => {
    const { server, stage } = await rig();
    for (const n of [1, 2]) server.serve(`/org/repo/resolve/main/m-0000${n}-of-00002.gguf`, served());
    const [path] = at(await stage('hf:org/repo/m-00001-of-00002.gguf')) ?? [];
    expect(existsSync(path?.replace('00001-of', '00002-of') ?? '')).toBe(true);
    server.serve('/org/repo/resolve/main/n-00001-of-00002.gguf', served());
    expect(obstacle(await stage('hf:org/repo/n-00001-of-00002.gguf')).text).toContain('"n-00002-of-00002.gguf"');
  });

  test.each<[number, Obstacle['what'], string | undefined]>([
    [
      401,
      'model',
      "export HF_TOKEN=… where the supervisor runs, and accept the model's terms at https://huggingface.co/org/repo",
    ],
    [404, 'model', 'correct "model"'],
    [500, 'download', undefined],
  ])('not, when the server says %i: for good, or for now', async (status, what, hint) => {
    const { server, stage } = await rig();
    server.serve(file, served({ statuses: Array(9).fill(status) }));
    const found = obstacle(await stage(hf));
    expect([found.what, found.hint]).toEqual([what, hint]);
    expect(found.text).toMatch(new RegExp(`^cannot fetch "m.gguf" from 127\\.0\\.0\\.1:\\d+: .*HTTP ${status}`));
  });

  it('not while another supervisor fetches it: that one is waited for', async () => {
    const { home, server, stage, told } = await rig();
    const path = join(home, '.cache/poolctl/models/hf/org/repo/q4/m.gguf');
    await mkdir(dirname(path), { recursive: true });
    const theirs = await lockFile(`${path}.part`, flock, process.getuid?.() ?? 0);
    const place = stage(hf);
    await expect.poll(() => told[0]).toMatchObject({ doing: 'wait', note: 'another poolctl fetches it' });
    await put(path);
    await theirs?.release();
    expect(at(await place)).toEqual([path, 'poolctl']);
    expect(server.asked).toEqual([]);
  });

  it('not in a rehearsal: it only says where it would be', async () => {
    const { home, stage, server } = await rig();
    expect(await stage(hf, { touching: false })).toEqual({
      ok: true,
      value: { path: join(home, '.cache/poolctl/models/hf/org/repo/q4/m.gguf'), from: 'download', url: `${server.url}${file}` },
    });
    expect([server.asked, existsSync(join(home, '.cache'))]).toEqual([[], false]);
  });
});
