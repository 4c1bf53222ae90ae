import { execFileSync } from 'node:child_process';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createDeviceUsers } from '../../src/host/device-users.js';
import { createGpuReader, type GpuReader } from '../../src/host/gpus.js';
import { readStat } from '../../src/host/proc.js';
import { type FakeNvidiaSmi, fakeNvidiaSmi } from '../rig/fake-nvidia-smi.js';
import { runScript, scratchDir, until } from './scratch.js';

const MiB = 1024 * 1024;
const uuid = 'GPU-00000000-1111-2222-3333-444444444444';
const firstNamespace = 'pid:[4026531836]';

describe('who uses the devices', () => {
  it('an engine by its environment, a stranger by its program', async () => {
    const engine = await runScript('echo ready; exec sleep 600', { env: { POOLCTL_INSTANCE: 'chat-1' } });
    const stranger = await runScript('echo ready; exec sleep 600');
    const { reader } = await machine({
      processes: [
        { gpu: 0, pid: engine.pid, name: '/usr/bin/sleep', used_memory: 6144 },
        { gpu: 1, pid: stranger.pid, used_memory: '[N/A]' },
      ],
    });
    expect(await reader.read()).toMatchObject({
      tool: 'working',
      processes: [
        { uuid, pid: engine.pid, program: 'sleep', usedBytes: 6144 * MiB, instance: 'chat-1' },
        { pid: stranger.pid, program: 'sleep', usedBytes: null, instance: null },
      ],
    });
  });

  it('a worker without an environment of its own by its group, and by who began it', async () => {
    // env -i: as after a worker that has written its title over its environment. setsid: a group of its own.
    const script = 'env -i sleep 600 & echo $!; setsid env -i sleep 600 & echo $!; echo ready; wait';
    const engine = await runScript(script, { env: { POOLCTL_INSTANCE: 'chat-1' } });
    const [ofGroup = 0, ofParent = 0] = engine.output().split('\n').map(Number);
    await until(() => [ofGroup, ofParent].every((pid) => readStat(pid)?.comm === 'sleep'));
    const { reader } = await machine({ processes: [ofGroup, ofParent].map((pid) => ({ gpu: 0, pid })) });
    expect(await reader.read()).toMatchObject({
      processes: [
        { pid: ofGroup, instance: 'chat-1' },
        { pid: ofParent, instance: 'chat-1' },
      ],
    });
    process.kill(ofParent, 'SIGKILL');
  });

  it('one that has died and is still listed is who it was; one that is listed no more is forgotten', async () => {
    const engine = await runScript('echo ready; exec sleep 600', { env: { POOLCTL_INSTANCE: 'chat-1' } });
    const processes = [{ gpu: 0, pid: engine.pid, name: '/opt/bin/server --port 1', used_memory: 100 }];
    const { reader, smi } = await machine({ processes });
    await reader.read();
    process.kill(engine.pid, 'SIGKILL');
    await until(() => readStat(engine.pid) === null);
    expect(await reader.read()).toMatchObject({ processes: [{ pid: engine.pid, program: 'sleep', instance: 'chat-1' }] });
    await smi.say({ gpus: [{}, {}], processes: [] });
    await reader.read();
    await smi.say({ gpus: [{}, {}], processes });
    expect(await reader.read()).toMatchObject({ processes: [{ pid: engine.pid, program: 'server', instance: null }] });
  });

  it('a number that has gone to another process is that process', async () => {
    const proc = await procOf({ namespace: firstNamespace });
    const users = createDeviceUsers(proc);
    const listed = [{ uuid, pid: 812, name: null, usedBytes: null }];
    await inProc(proc, 812, { comm: 'vllm', startTicks: 5, environ: 'A=1\0POOLCTL_INSTANCE=chat-1\0' });
    expect(await users.identify(listed)).toMatchObject([{ program: 'vllm', instance: 'chat-1' }]);
    // Its title is written over its environment: it is still the same.
    await inProc(proc, 812, { comm: 'vllm', startTicks: 5, environ: 'title' });
    expect(await users.identify(listed)).toMatchObject([{ program: 'vllm', instance: 'chat-1' }]);
    await inProc(proc, 812, { comm: 'blender', startTicks: 900, environ: 'A=1\0' });
    expect(await users.identify(listed)).toMatchObject([{ program: 'blender', instance: null }]);
  });

  it('parents that go round in a circle are no endless search', async () => {
    const proc = await procOf({ namespace: firstNamespace });
    await inProc(proc, 812, { comm: 'a', startTicks: 5, environ: '', ppid: 813 });
    await inProc(proc, 813, { comm: 'b', startTicks: 5, environ: '', ppid: 812 });
    const users = createDeviceUsers(proc);
    expect(await users.identify([{ uuid, pid: 812, name: null, usedBytes: null }])).toMatchObject([{ instance: null }]);
  });

  it('a process that lets nobody read its environment is not waited for, nor asked again while it does not', async () => {
    const proc = await procOf({ namespace: firstNamespace });
    await inProc(proc, 812, { comm: 'sick', startTicks: 5, environ: '' });
    const environ = join(proc, '812/environ');
    await rm(environ);
    // As a read of a process that hangs in its driver does, one of this waits: for somebody to write.
    execFileSync('mkfifo', [environ]);
    const users = createDeviceUsers(proc);
    const listed = [{ uuid, pid: 812, name: null, usedBytes: null }];
    for (let look = 0; look < 5; look += 1) {
      expect(await users.identify(listed)).toMatchObject([{ program: 'sick', instance: null }]);
    }
    // It comes out of it: who has read is told, and the next look reads anew.
    await writeFile(environ, 'late');
    await rm(environ);
    await writeFile(environ, 'POOLCTL_INSTANCE=chat-1\0');
    await until(async () => (await users.identify(listed))[0]?.instance === 'chat-1');
  });

  it.each([
    ['VLLM::EngineCore', 'VLLM::EngineCore'],
    ['/usr/bin/python3 serve.py --model a/b', 'python3'],
    ['...very/long/python3', 'python3'],
    ['/', null],
    [null, null],
  ])("of a process that cannot be seen the tool's word %j is told as %j", async (name, program) => {
    const users = createDeviceUsers(await procOf({ namespace: firstNamespace }));
    expect(await users.identify([{ uuid, pid: 812, name, usedBytes: null }])).toMatchObject([{ program, instance: null }]);
  });
});

describe('a list without anybody', () => {
  it.each([
    { where: 'on a machine', namespace: firstNamespace, processes: [] },
    { where: 'in a container', namespace: 'pid:[4026532198]', processes: null },
    {
      where: 'under WSL',
      namespace: firstNamespace,
      version: 'Linux version 5.15.90.1-microsoft-standard-WSL2',
      processes: null,
    },
    { where: 'where /proc does not say', processes: null },
  ])('$where is $processes', async ({ processes, ...about }) => {
    const { reader } = await machine({ processes: [] }, await procOf(about));
    expect(await reader.read()).toMatchObject({ tool: 'working', processes, devices: [{}, {}] });
  });

  it('is not believed where a row could not be read', async () => {
    const { reader } = await machine({ processes: [{ gpu: 0, pid: '[N/A]' }] }, await procOf({ namespace: firstNamespace }));
    expect(await reader.read()).toMatchObject({ tool: 'working', processes: null });
  });

  it('somebody in it is believed anywhere', async () => {
    const { reader } = await machine({ processes: [{ gpu: 0, pid: 812 }] }, await procOf({ namespace: 'pid:[7]' }));
    expect(await reader.read()).toMatchObject({ processes: [{ pid: 812 }] });
  });
});

describe('a tool that tells of devices and not of processes', () => {
  it('works, and cannot tell', async () => {
    const { reader, smi } = await machine({
      processesFail: { code: 2, text: 'Field "gpu_uuid" is not a valid field to query.' },
    });
    expect(await reader.read()).toMatchObject({ tool: 'working', devices: [{}, {}], note: null, processes: null });
    await smi.say({ gpus: [{}, {}], processes: [{ gpu: 0, pid: 812 }] });
    expect(await reader.read()).toMatchObject({ processes: [{ pid: 812 }] });
  });

  it('and hangs over that question, works for this look; the next waits for the one that hangs', async () => {
    const { reader, smi } = await machine({ processesHang: true }, undefined, 'SIGTERM');
    expect(await reader.read()).toMatchObject({ tool: 'working', devices: [{}, {}], processes: null });
    const calls = await smi.calls();
    const pid = Number(calls.at(-1)?.split(' ')[0]);
    expect(await reader.read()).toMatchObject({ tool: 'failing', note: expect.stringContaining('nvidia-smi timed out') });
    expect(await smi.calls()).toEqual(calls);
    process.kill(pid, 'SIGKILL');
    await smi.say({ gpus: [{}], processes: [{ gpu: 0, pid: 812 }] });
    await until(async () => (await reader.read()).tool === 'working');
  });

  it('is not asked for them where there is no device', async () => {
    const { reader, smi } = await machine({ gpus: [], processes: [] });
    expect(await reader.read()).toMatchObject({ tool: 'working', devices: [], processes: null });
    expect(await smi.calls()).toHaveLength(1);
  });
});

type Said = Parameters<FakeNvidiaSmi['say']>[0];

async function machine(
  plan: Said,
  procRoot?: string,
  killSignal: NodeJS.Signals = 'SIGKILL',
): Promise<{ reader: GpuReader; smi: FakeNvidiaSmi }> {
  const smi = await fakeNvidiaSmi(await scratchDir(), { gpus: [{}, {}], ...plan });
  const timeoutMs = plan.processesHang === true ? 4000 : 10_000;
  const reader = createGpuReader({
    env: smi.env,
    now: () => 1000,
    timeoutMs,
    killSignal,
    ...(procRoot === undefined ? {} : { procRoot }),
  });
  return { reader, smi };
}

/** A /proc that says where we are, and knows nobody. */
async function procOf({ namespace, version = 'Linux version 6.1' }: { namespace?: string; version?: string }): Promise<string> {
  const proc = await scratchDir();
  await mkdir(join(proc, 'self/ns'), { recursive: true });
  await writeFile(join(proc, 'version'), version);
  if (namespace !== undefined) await symlink(namespace, join(proc, 'self/ns/pid'));
  return proc;
}

async function inProc(
  proc: string,
  pid: number,
  { comm, startTicks, environ, ppid = 1 }: { comm: string; startTicks: number; environ: string; ppid?: number },
): Promise<void> {
  const zeros = '0 '.repeat(15);
  await mkdir(join(proc, String(pid)), { recursive: true });
  await writeFile(join(proc, String(pid), 'stat'), `${pid} (${comm}) S ${ppid} ${pid} ${pid} ${zeros}${startTicks} 0`);
  await writeFile(join(proc, String(pid), 'environ'), environ);
}
