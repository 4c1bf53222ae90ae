/** What is in the way of a launch, on real files, ports, programs and users: said in words, and never thrown. */

import { createHash } from 'node:crypto';
import { chmod, chown, mkdir, readFile, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import type { Obstacle } from '../../src/core/facts.js';
import type { Launch } from '../../src/core/messages.js';
import type { PoolSpec } from '../../src/core/model.js';
import { engineEnvironment } from '../../src/engines/environment.js';
import { adapters } from '../../src/engines/index.js';
import { describeProcess } from '../../src/host/proc.js';
import { findProgram } from '../../src/host/programs.js';
import { readOurselves } from '../../src/host/users.js';
import { makeListeners } from '../../src/shell/listener.js';
import { type Checked, makePreflight, type PreflightWorld } from '../../src/shell/preflight.js';
import { makeProcesses } from '../../src/shell/processes.js';
import { scratchDir } from '../host/scratch.js';
import { tinyModel, writeCorruptModel, writeTinyModel } from '../rig/gguf.js';
import { deviceOf } from '../rig/launch.js';
import { launchOf } from './launches.js';

const isRoot = process.getuid?.() === 0;
const us = await readOurselves();
const setpriv = await findProgram('setpriv', process.env.PATH, '/');

type Stage = {
  readonly dir: string;
  check(spec?: Partial<PoolSpec>, more?: Partial<Launch>): Promise<Checked>;
  readonly world: PreflightWorld;
};

async function stage(more: Partial<PreflightWorld> = {}): Promise<Stage> {
  const dir = await realpath(await scratchDir());
  await chmod(dir, 0o755);
  const world: PreflightWorld = {
    workDir: join(dir, 'state', 'work'),
    sharedDir: join(dir, 'shared'),
    uid: us.uid,
    adapters,
    environmentOf: engineEnvironment,
    supervisorEnv: { PATH: process.env.PATH, HF_TOKEN: 'x' },
    stateDir: join(dir, 'state'),
    inventoryDir: dir,
    demo: { program: process.execPath, script: join(dir, 'demo.js') },
    us,
    setpriv,
    flock: await findProgram('flock', process.env.PATH, '/'),
    home: join(dir, 'home'),
    listeners: makeListeners(makeProcesses(process.pid)),
    onStorage: () => {},
    ...more,
  };
  const preflight = makePreflight(world);
  return { dir, world, check: (spec = {}, launch = {}) => preflight.check(launchOf(spec, { port: 0, ...launch })) };
}

const said = ({ obstacles }: Checked): readonly string[] => obstacles.map(({ what, text }) => `${what}: ${text}`);

async function script(path: string, text: string, mode = 0o755): Promise<string> {
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, mode);
  return path;
}

it('finds nothing in the way where there is nothing, and says exactly what will be executed', async () => {
  const { check, dir } = await stage();
  const { obstacles, prepared, startupDeadlineMs, portKnownFree, slotsTotal } = await check(
    { command: ['sleep', '${PORT}'], args: ['600'] },
    { port: 0 },
  );
  expect(obstacles).toEqual([]);
  expect(prepared.argv).toEqual([await findProgram('sleep', process.env.PATH, '/'), '0', '600']);
  expect(prepared.cwd).toBe(join(dir, 'state', 'work', 'chat', 'r0'));
  expect((await stat(prepared.cwd)).mode & 0o777).toBe(0o700);
  expect(prepared.env).toMatchObject({
    POOLCTL_POOL_ID: 'chat',
    POOLCTL_REPLICA_ID: 'r0',
    POOLCTL_INSTANCE: 'i-1',
    CUDA_VISIBLE_DEVICES: '',
  });
  expect([startupDeadlineMs, portKnownFree, slotsTotal]).toEqual([120_000, true, 1]);
  expect((await check({ health: { ...launchOf().spec.health, startupDeadlineMs: 7 } })).startupDeadlineMs).toBe(7);
});

describe('the program', () => {
  it('must be there, be a file, and be executable', async () => {
    const { check, dir } = await stage();
    const closed = await script(join(dir, 'closed'), 'true', 0o644);
    const text = async (spec: Partial<PoolSpec>): Promise<readonly string[]> => said(await check(spec));
    expect(await text({ command: ['no-such-engine'] })).toEqual(['program: cannot run "no-such-engine": it is not on PATH']);
    expect(await text({ command: ['/no/such/engine'] })).toEqual([
      'program: cannot run "/no/such/engine": there is no such file',
    ]);
    expect(await text({ command: [`${closed}/below`] })).toEqual([
      `program: cannot run "${closed}/below": a part of the path is not a directory`,
    ]);
    expect(await text({ command: [dir] })).toEqual([`program: cannot run "${dir}": it is a directory`]);
    expect(await text({ command: [closed] })).toEqual([`program: cannot run "${closed}": no permission to run it`]);
    expect(await text({ command: [] })).toEqual(['program: cannot run the engine: no program is named']);
  });

  it('is looked for where the engine will look: its own PATH, and its own directory', async () => {
    const { check, dir } = await stage();
    await mkdir(join(dir, 'bin'));
    const serve = await script(join(dir, 'bin', 'serve'), 'true');
    expect((await check({ command: ['serve'], env: { PATH: { value: `/nowhere:${dir}/bin` } } })).prepared.argv).toEqual([serve]);
    expect((await check({ command: ['bin/serve'], workdir: dir })).prepared.argv).toEqual([serve]);
    expect((await check({ engine: 'demo', command: null })).prepared.argv.slice(0, 2)).toEqual([
      process.execPath,
      join(dir, 'demo.js'),
    ]);
  });

  it('needs setpriv where rights are to be taken away', async () => {
    const { check } = await stage({ setpriv: null });
    expect(said(await check())).toEqual([
      'program: cannot isolate chat: setpriv is not on PATH, and isolate.no_new_privs needs it',
    ]);
    expect(said(await check({ isolate: { noNewPrivs: false, dropCapabilities: false, dieWithSupervisor: false } }))).toEqual([]);
  });
});

describe('the directory', () => {
  it('that is named must be one, and open to the engine', async () => {
    const { check, dir } = await stage();
    const file = join(dir, 'file');
    await writeFile(file, '');
    expect(said(await check({ workdir: join(dir, 'none') }))).toEqual([
      `cwd: cannot start in "${dir}/none": there is no such directory`,
    ]);
    expect(said(await check({ workdir: file }))).toEqual([
      expect.stringMatching(/^cwd: cannot start in ".*\/file": (it is not a directory|no permission)/),
    ]);
    expect((await check({ workdir: dir })).prepared.cwd).toBe(dir);
  });

  it('of its own cannot be made where a file lies', async () => {
    const { check, world } = await stage();
    await mkdir(world.workDir, { recursive: true });
    await writeFile(join(world.workDir, 'chat'), '');
    expect(said(await check())).toEqual([expect.stringMatching(/^cwd: cannot make the work directory ".*chat\/r0": /)]);
  });

  it('of its own is another where the disk does not take it, and that is told until it does', async () => {
    const told: (readonly [string, string | null])[] = [];
    const { check, world, dir } = await stage({ onStorage: (...each) => told.push(each) });
    const own = join(world.workDir, 'chat', 'r0');
    await writeFile(join(dir, 'state'), 'a file where the state directory was');
    const without = await check();
    expect([said(without), without.prepared.cwd]).toEqual([[], '/']);
    await rm(join(dir, 'state'));
    expect((await check()).prepared.cwd).toBe(own);
    expect(told).toEqual([
      [own, expect.stringMatching(/^cannot make the work directory ".*chat\/r0": ENOTDIR.*; its engine works in "\/"$/)],
      [own, null],
    ]);
  });
});

describe('the model', () => {
  it('must be there, be what it should be, and be the very one', async () => {
    const { check, dir } = await stage();
    const model = join(dir, 'a.gguf');
    const text = Buffer.from('GGUF\u0003\0\0\0 and more');
    await writeFile(model, text);
    const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
    expect(said(await check({ model, modelDigest: digest }))).toEqual([]);
    expect(said(await check({ model, modelDigest: digest.toUpperCase().replace('SHA256', 'sha256') }))).toEqual([]);
    const wrong = `sha256:${'0'.repeat(64)}`;
    expect(said(await check({ model, modelDigest: wrong }))).toEqual([
      `digest: cannot use the model "${model}": its digest is ${digest}, and model_digest says ${wrong}`,
    ]);
    await writeFile(model, Buffer.from('GGUF\u0003\0\0\0 another'));
    expect(said(await check({ model, modelDigest: digest }))[0]).toMatch(/^digest: .*its digest is sha256:/);
    await rm(model);
    expect(said(await check({ model }))).toEqual([`model: cannot use the model "${model}": there is no such file`]);
    expect(said(await check({ model: 'hf:org/repo/a.gguf', modelDigest: digest }))).toEqual([
      'digest: cannot check the digest of "hf:org/repo/a.gguf": it is not a local file',
    ]);
    expect(said(await check({ engine: 'demo', model: 'hf:org/repo/a.gguf', modelDigest: digest }))).toEqual([
      'model: cannot use the model "hf:org/repo/a.gguf": it is in no cache of this machine, and downloads are not allowed',
    ]);
    expect(said(await check({ model: dir, modelDigest: digest }))).toEqual([
      `digest: cannot check the digest of "${dir}": it is a directory`,
    ]);
    expect(said(await check({ model: 'org/repo' }))).toEqual([]);
  });

  it('is given by its path on this machine, be it named by where it comes from', async () => {
    const { check, dir, world } = await stage();
    const path = join(dir, 'home', '.cache', 'llama.cpp', 'org_repo_a.gguf');
    await mkdir(join(path, '..'), { recursive: true });
    writeTinyModel(path);
    const spec = { engine: 'demo', model: 'hf:org/repo/a.gguf', args: ['--other', '${MODEL}'] } as const;
    const { obstacles, prepared, modelBytes, modelNews } = await check(spec);
    expect([obstacles, prepared.resolved.model]).toEqual([[], path]);
    expect(prepared.argv.join(' ')).toMatch(new RegExp(`--model ${path} .*--other ${path}$`));
    expect(modelBytes).toBeGreaterThan(0);
    expect(modelNews).toEqual({
      text: expect.stringMatching(/^org_repo_a\.gguf, .*, in the llama\.cpp cache, its digest is not checked/),
      verified: false,
    });
    // Told once.
    const preflight = makePreflight(world);
    const ask = async () => (await preflight.check(launchOf(spec, { port: 0 }))).modelNews;
    expect([(await preflight.rehearse(launchOf(spec, { port: 0 }))).modelNews, (await ask()) !== null, await ask()]).toEqual([
      null,
      true,
      null,
    ]);
    expect((await preflight.verify(launchOf(spec).spec, false)).obstacles).toEqual([]);
  });

  it('tells what its tensors take where it can, and is none the worse where it cannot', async () => {
    const { check, dir } = await stage();
    const bytesOf = async (spec: Partial<PoolSpec>) => {
      const { obstacles, modelBytes } = await check(spec);
      return { obstacles, modelBytes };
    };
    const model = writeTinyModel(join(dir, 'tiny.gguf'));
    const oneLayer = 2 * (374 * 64 * 2 + 4 * 64 * 64 + 3 * 64 * 128) + 4 * 3 * 64;
    expect(await bytesOf({ model })).toEqual({ obstacles: [], modelBytes: oneLayer });
    writeTinyModel(model, { layers: 2 });
    expect((await bytesOf({ model })).modelBytes).toBeGreaterThan(oneLayer);
    writeCorruptModel(join(dir, 'corrupt.gguf'));
    // The end of its weights is missing; its header is whole.
    expect(await bytesOf({ model: join(dir, 'corrupt.gguf') })).toEqual({ obstacles: [], modelBytes: oneLayer });
    await writeFile(join(dir, 'cut.gguf'), tinyModel().subarray(0, 1_000));
    expect(await bytesOf({ model: join(dir, 'cut.gguf') })).toEqual({ obstacles: [], modelBytes: null });
    await writeFile(join(dir, 'other.bin'), 'anything');
    for (const other of [null, 'org/repo', dir, join(dir, 'other.bin')])
      expect(await bytesOf({ model: other })).toEqual({ obstacles: [], modelBytes: null });
  });

  it('in parts takes what its parts take together', async () => {
    const { check, dir } = await stage();
    const part = (n: number): string => join(dir, `m-0000${n}-of-00002.gguf`);
    writeTinyModel(part(1));
    writeTinyModel(part(2), { layers: 3 });
    const [first, second, both] = [
      await check({ model: part(2) }),
      await check({ model: part(2) }),
      await check({ model: part(1) }),
    ];
    expect(second.modelBytes).toBe(first.modelBytes);
    expect(both.modelBytes).toBeGreaterThan(second.modelBytes ?? Number.POSITIVE_INFINITY);
  });
});

describe('what it needs', () => {
  it('as many devices as ratios, where the engine is told of them', async () => {
    const { check, dir } = await stage();
    const binary = await script(join(dir, 'engine'), 'echo Available devices:; echo "  CUDA0: RTX"');
    const split = { binary, engine: 'llamacpp', model: writeTinyModel(join(dir, 'm.gguf')), tensorSplit: [0.5, 0.5] } as const;
    const mask = { kind: 'all', written: 'all' } as const;
    const [first, second] = [deviceOf('0'), deviceOf('1')];
    expect(said(await check(split, { mask, devices: [first, second] }))).toEqual([]);
    expect(said(await check(split, { mask, devices: [first] }))).toEqual([
      'device: cannot split chat over all: ratios in tensor_split: 2, devices: 1',
    ]);
    expect(said(await check({ ...split, tensorSplit: null }, { mask, devices: [first] }))).toEqual([]);
    expect(said(await check({ tensorSplit: [0.5, 0.5] }, { mask, devices: [first] }))).toEqual([]);
  });

  it('variables, whose values are never told', async () => {
    const { check } = await stage();
    const found = await check({ env: { A: { fromEnv: 'HF_TOKEN' }, B: { fromEnv: 'NOT_SET' }, C: { value: 'x' } } });
    expect(found.obstacles).toEqual([
      {
        what: 'env',
        text: 'cannot set B: $NOT_SET is not set where the supervisor runs',
        hint: 'export NOT_SET=… and start poolctl again',
      },
    ]);
  });

  it('memory of the host, less what engines that load have claimed', async () => {
    const { check } = await stage();
    const gib = 2 ** 30;
    expect(said(await check({ hostMemoryBytes: 2 ** 50 }))).toEqual([
      expect.stringMatching(
        /^memory: cannot load chat: it needs 1048576\.0 GiB of memory, and \d+(\.\d)? [GM]iB are available; most is held by pid \d+ \(.+\) with [\d.]+ [GM]iB$/,
      ),
    ]);
    const claimed = await check({ hostMemoryBytes: gib / 1024 }, { hostClaimedBytes: 2 ** 50 });
    expect(said(claimed)).toEqual([expect.stringContaining('; engines that load take 1048576.0 GiB of them; ')]);
    expect(said(await check({ hostMemoryBytes: gib / 1024 }))).toEqual([]);
  });

  it('a port that nobody has, at a host that is ours', async () => {
    const { check } = await stage();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as { readonly port: number };
    const held = await check({}, { port });
    expect(said(held)).toEqual([`port: cannot listen on 127.0.0.1:${port}: the port is held by ${describeProcess(process.pid)}`]);
    expect(held.portKnownFree).toBe(false);
    expect(said(await check({ host: '192.0.2.1' }, { port }))).toEqual([
      `port: cannot listen on 192.0.2.1:${port}: the host is no address of this machine`,
    ]);
    expect(said(await check({ host: 'no-such-host.invalid' }, { port }))).toEqual([
      expect.stringMatching(/^port: cannot listen on no-such-host\.invalid:\d+: /),
    ]);
  });
});

describe('a program that is asked what it sees', () => {
  const on = { mask: { kind: 'list', written: '0', ids: ['0'] }, devices: [deviceOf('0')] } as const;
  const pool = {
    engine: 'llamacpp',
    command: null,
    isolate: { noNewPrivs: false, dropCapabilities: false, dieWithSupervisor: false },
  } as const;

  it('is refused as a build for the CPU where it sees nothing, and asked again; once it sees, it is believed', async () => {
    const { check, dir } = await stage();
    const calls = join(dir, 'calls');
    const binary = await script(
      join(dir, 'llama-server'),
      `echo "$CUDA_VISIBLE_DEVICES $*" >> ${calls}; echo 'Available devices:'; cat ${dir}/devices 2>/dev/null`,
    );
    const blind = await check({ ...pool, binary }, on);
    expect(said(blind)).toEqual([expect.stringMatching(/^cpu-build: cannot put chat on 0: the binary sees no GPU/)]);
    expect(await readCalls(calls)).toEqual(['0 --list-devices']);
    await writeFile(join(dir, 'devices'), '  CUDA0: NVIDIA\n');
    expect(said(await check({ ...pool, binary }, on))).toEqual([]);
    expect(said(await check({ ...pool, binary }, on))).toEqual([]);
    expect(await readCalls(calls)).toHaveLength(2);
  });

  it('is not asked while anything else is in the way, nor on mask cpu, and may be one that cannot tell', async () => {
    const { check, dir } = await stage();
    const calls = join(dir, 'calls');
    const binary = await script(join(dir, 'llama-server'), `echo x >> ${calls}; exit 1`);
    expect(said(await check({ ...pool, binary, model: '/none.gguf' }, on))).toHaveLength(1);
    expect(said(await check({ ...pool, binary }))).toEqual([]);
    await expect(readCalls(calls)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(said(await check({ ...pool, binary }, on))).toEqual([]);
  });
});

describe('another user', () => {
  test('is refused to whoever is not root, and where nobody knows it', async () => {
    const { check } = await stage({ us: { ...us, uid: 1234 } });
    expect(said(await check({ user: 'root' }))).toContain('user: cannot run as "root": only root can, and this is uid 1234');
    expect(said(await check({ user: 'no-such-user-here' }))).toContain(
      'user: cannot run as "no-such-user-here": this machine knows no such user',
    );
  });

  test('gets a directory of its own, where it can reach it, and is asked what it may do', async ({ skip }) => {
    if (!isRoot) skip('only root can become another user: run this test as root');
    const { check, dir, world } = await stage();
    const found = await check({ user: 'nobody' });
    expect(said(found)).toEqual([]);
    const { uid, mode } = await stat(found.prepared.cwd);
    expect(found.prepared.cwd.startsWith(world.sharedDir)).toBe(true);
    expect([uid, mode & 0o777]).toEqual([65_534, 0o700]);
    expect(said(await check({ user: 'nobody' }))).toEqual([]);
    const model = join(dir, 'secret.gguf');
    await writeFile(model, Buffer.from('GGUF\u0003\0\0\0'), { mode: 0o600 });
    expect(said(await check({ user: 'nobody', model }))).toEqual([
      `model: cannot use the model "${model}": no permission to read it`,
    ]);
    await chown(model, 65_534, 65_534);
    expect(said(await check({ user: 'nobody', model }))).toEqual([]);
    const closed = join(dir, 'closed');
    await mkdir(closed, { mode: 0o700 });
    expect(said(await check({ user: 'nobody', workdir: closed }))).toEqual([
      `cwd: cannot start in "${closed}": no permission to enter it`,
    ]);
    const serve = await script(join(closed, 'serve'), 'true');
    expect(said(await check({ user: 'nobody', command: [serve] }))).toEqual([
      `program: cannot run "${serve}": no permission to enter ${closed}`,
    ]);
  });

  test('does not get a directory that somebody else has prepared', async ({ skip }) => {
    if (!isRoot) skip('only root can become another user: run this test as root');
    for (const spoil of [
      async (shared: string) => {
        await mkdir(shared);
        await chown(shared, 65_534, 65_534);
      },
      async (shared: string) => {
        await mkdir(shared);
        await chmod(shared, 0o777);
      },
      async (shared: string) => {
        await mkdir(`${shared}-elsewhere`);
        await symlink(`${shared}-elsewhere`, shared);
      },
    ]) {
      const { check, world } = await stage();
      await spoil(world.sharedDir);
      expect(said(await check({ user: 'nobody' }))).toEqual([
        expect.stringMatching(/^cwd: cannot make the work directory ".*": ".*" is not ours alone$/),
      ]);
    }
  });
});

it('draws up a launch without touching anything', async () => {
  const { dir, world } = await stage();
  const { prepared, obstacles } = await makePreflight(world).rehearse(
    launchOf({ command: ['no-such-engine', '${MODEL_ID}'], modelId: 'm' }),
  );
  const { argv, cwd } = prepared;
  expect([argv, cwd]).toEqual([['no-such-engine', 'm'], join(dir, 'state', 'work', 'chat', 'r0')]);
  expect(obstacles.map(({ text }) => text)).toEqual(['cannot run "no-such-engine": it is not on PATH']);
  await expect(stat(cwd)).rejects.toMatchObject({ code: 'ENOENT' });
});

it('names everything that is in the way at once, in the order in which it is mended', async () => {
  const { check } = await stage();
  const { obstacles } = await check({
    command: ['no-such-engine'],
    workdir: '/no/such/dir',
    model: '/none.gguf',
    env: { A: { fromEnv: 'NOT_SET' } },
    hostMemoryBytes: 2 ** 50,
  });
  expect(obstacles.map(({ what }: Obstacle) => what)).toEqual(['program', 'cwd', 'model', 'env', 'memory']);
});

async function readCalls(path: string): Promise<readonly string[]> {
  return (await readFile(path, 'utf8')).trim().split('\n');
}
