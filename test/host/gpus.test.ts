import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createGpuReader, type GpuReader } from '../../src/host/gpus.js';
import { type FakeNvidiaSmi, fakeNvidiaSmi } from '../rig/fake-nvidia-smi.js';
import { scratchDir } from './scratch.js';

const MiB = 1024 * 1024;

describe('reading GPUs', () => {
  let directory: string;
  let smi: FakeNvidiaSmi;
  let clock: number;
  let reader: GpuReader;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gpus-'));
    smi = await fakeNvidiaSmi(directory, { gpus: [{}, { 'memory.free': 1000 }] });
    clock = 1000;
    reader = createGpuReader({ env: smi.env, now: () => clock });
  });
  afterEach(() => rm(directory, { recursive: true }));

  /** What was asked, call by call. */
  const questions = async (): Promise<readonly (string | undefined)[]> =>
    (await smi.calls()).map((call) => call.split(' ')[1]?.split('=')[0]);

  it('gives every device with the time of the data', async () => {
    const reading = await reader.read();
    expect(reading).toMatchObject({ tool: 'working', note: null, dataAt: 1000 });
    expect(reading.devices.map(({ index, vramFreeBytes }) => [index, vramFreeBytes])).toEqual([
      ['0', 24100 * MiB],
      ['1', 1000 * MiB],
    ]);
  });

  it('has one answer for calls that overlap', async () => {
    const [one, other] = await Promise.all([reader.read(), reader.read()]);
    expect(one).toBe(other);
    expect(await questions()).toEqual(['--query-gpu', '--query-compute-apps']);
  });

  it('asks an old driver once for what it knows, however much it lacks, and then never again for the rest', async () => {
    const unknownFields = ['compute_cap', 'mig.mode.current', 'ecc.errors.uncorrected.volatile.total', 'gpu_recovery_action'];
    await smi.say({ gpus: [{}], unknownFields });
    expect(await reader.read()).toMatchObject({
      tool: 'working',
      devices: [{ index: '0', computeCapability: null, pciAddress: '0000:00:00', powerWatts: 28.55 }],
    });
    expect(await questions()).toEqual(['--query-gpu', '--help-query-gpu', '--query-gpu', '--query-compute-apps']);
    await reader.read();
    expect(await questions()).toHaveLength(6);
  });

  it('asks field by field where the driver has no such list', async () => {
    await smi.say({ gpus: [{}], unknownFields: ['compute_cap', 'gpu_recovery_action', 'index'] });
    // Without an index nothing is a device; what matters is that the list without one was not believed.
    expect(await reader.read()).toMatchObject({ tool: 'failing' });
    expect(await questions()).toEqual(['--query-gpu', '--help-query-gpu', '--query-gpu', '--query-gpu', '--query-gpu']);
  });

  it('lists MIG slices in the place of their GPU', async () => {
    const mig = [
      { profile: '1g.10gb', uuid: 'MIG-aaaaaaaa-1111-2222-3333-444444444444' },
      { profile: '2g.20gb', uuid: 'MIG-bbbbbbbb-1111-2222-3333-444444444444' },
    ];
    await smi.say({ gpus: [{}, { mig }] });
    const { devices } = await reader.read();
    expect(devices.map(({ index, uuid, mig: isSlice }) => [index, uuid, isSlice])).toEqual([
      ['0', 'GPU-00000000-1111-2222-3333-444444444444', false],
      ['1:0', mig[0]?.uuid, true],
      ['1:1', mig[1]?.uuid, true],
    ]);
  });

  it('says that a GPU in MIG mode has nothing to run on', async () => {
    await smi.say({ gpus: [{ mig: [] }] });
    expect(await reader.read()).toMatchObject({
      tool: 'working',
      devices: [],
      note: 'GPU 0 is in MIG mode and has no MIG device',
    });
  });

  it('takes a machine without a card for what it is', async () => {
    await smi.say({ gpus: [] });
    expect(await reader.read()).toMatchObject({ tool: 'working', devices: [], note: null });
  });

  it('keeps the GPUs that are there when one has fallen off the bus', async () => {
    await smi.say({ gpus: [{}, { lost: '0000:0B:00.0' }] });
    expect(await reader.read()).toMatchObject({
      tool: 'working',
      devices: [{ index: '0' }],
      note: 'nvidia-smi cannot reach GPU 0000:0B:00.0: Unknown Error',
    });
  });

  it.each([
    { plan: { driverMismatch: true }, note: /Driver\/library version mismatch.*reboot/ },
    { plan: { fail: { code: 255, text: 'Unknown option' } }, note: /^nvidia-smi failed with exit status 255: Unknown option$/ },
    { plan: { fail: { code: 0, text: 'segfault at 0x0' } }, note: /no device that can be read: segfault at 0x0/ },
    { plan: { killedBy: 'SIGSEGV' }, note: /ended by SIGSEGV/ },
  ] as const)('keeps the last good devices, with their time, when the tool fails: $plan', async ({ plan, note }) => {
    const before = await reader.read();
    await smi.say(plan);
    clock = 9000;
    const after = await reader.read();
    expect(after).toMatchObject({ tool: 'failing', dataAt: 1000 });
    expect(after.devices).toEqual(before.devices);
    expect(after.note).toMatch(note);
    await smi.say({ gpus: [{}] });
    expect(await reader.read()).toMatchObject({ tool: 'working', dataAt: 9000, devices: [{ index: '0' }] });
  });

  it('ends a call that hangs, and asks again afterwards', async () => {
    reader = createGpuReader({ env: smi.env, now: () => clock, timeoutMs: 3000 });
    await reader.read();
    await smi.say({ hang: true });
    const impatient = createGpuReader({ env: smi.env, now: () => clock, timeoutMs: 200 });
    expect(await impatient.read()).toMatchObject({
      devices: [],
      tool: 'failing',
      note: 'nvidia-smi timed out after 0.2s',
      dataAt: null,
    });
    const pid = Number((await smi.calls()).at(-1)?.split(' ')[0]);
    await gone(pid);
    await smi.say({ gpus: [{}] });
    expect(await reader.read()).toMatchObject({ tool: 'working' });
  });

  it('waits for nobody once it is closed', async () => {
    const smi = await fakeNvidiaSmi(await scratchDir(), { hang: true });
    const reader = createGpuReader({ env: smi.env, now: () => 0, timeoutMs: 600_000 });
    const reading = reader.read();
    await expect.poll(() => smi.calls()).toHaveLength(1);
    reader.close();
    expect(await reading).toMatchObject({ tool: 'failing' });
  });

  it('starts no second call while one cannot be killed, and says since when it hangs', async () => {
    await smi.say({ hang: true });
    // The fake lives on after SIGTERM, as a process inside a hung driver lives on after SIGKILL.
    reader = createGpuReader({ env: smi.env, now: () => clock, timeoutMs: 1000, killSignal: 'SIGTERM' });
    expect(await reader.read()).toMatchObject({ tool: 'failing', note: 'nvidia-smi timed out after 1s' });
    const calls = await smi.calls();
    expect(calls).toHaveLength(1);
    // Not yet: it was killed only now.
    expect(await reader.read()).toMatchObject({ tool: 'failing', note: 'nvidia-smi timed out after 1s' });
    clock += 42_000;
    const pid = Number(calls[0]?.split(' ')[0]);
    expect(await reader.read()).toMatchObject({
      tool: 'failing',
      note: `nvidia-smi (pid ${pid}) has hung for 42s and does not die`,
    });
    expect(await smi.calls()).toHaveLength(1);
    process.kill(pid, 'SIGKILL');
    await gone(pid);
    await smi.say({ gpus: [{}] });
    await expect.poll(async () => (await reader.read()).tool).toBe('working');
  });

  it('tells a machine without the tool from one whose tool has gone', async () => {
    await reader.read();
    await smi.vanish();
    expect(await reader.read()).toMatchObject({ tool: 'failing', devices: [{}, {}], note: 'nvidia-smi is no longer on PATH' });
    const fresh = createGpuReader({ env: { PATH: join(directory, 'bin') }, now: () => clock });
    expect(await fresh.read()).toMatchObject({
      devices: [],
      tool: 'none',
      note: 'none of nvidia-smi, amd-smi and rocm-smi is on PATH',
      processes: null,
      dataAt: null,
    });
    const nowhere = createGpuReader({ env: {}, now: () => clock });
    expect(await nowhere.read()).toMatchObject({ tool: 'none' });
  });
});

/** Node reaps its own children; the pid is free as soon as the kernel no longer knows it. */
async function gone(pid: number): Promise<void> {
  await expect
    .poll(() => {
      try {
        process.kill(pid, 0);
        return true;
      } catch {
        return false;
      }
    })
    .toBe(false);
}
