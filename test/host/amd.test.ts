import { describe, expect, it } from 'vitest';
import { createGpuReader, type GpuReader } from '../../src/host/gpus.js';
import { type AmdPlan, type FakeAmdSmi, fakeAmdSmi } from '../rig/fake-amd-smi.js';
import { fakeNvidiaSmi } from '../rig/fake-nvidia-smi.js';
import { scratchDir, until } from './scratch.js';

const MiB = 1024 * 1024;
const first = 'GPU-0000a1b2c3d4e5f6';
const second = 'GPU-1111a1b2c3d4e5f6';

describe('a machine with GPUs of AMD', () => {
  it('is read by amd-smi, names and numbers once, the rest at every look', async () => {
    const { reader, amd, asked } = await machine({ gpus: [{ hip_id: 1, ecc: 2 }, { hip_id: 0 }], processes: [] });
    const reading = await reader.read();
    expect(reading).toMatchObject({
      tool: 'working',
      note: null,
      dataAt: 1000,
      devices: [
        { index: '0', uuid: second, vendor: 'amd', name: 'AMD Radeon RX 7900 XTX', vramFreeBytes: 24500 * MiB, powerWatts: 90 },
        { index: '1', uuid: first, pciAddress: '0000:03:00', eccErrors: 2, temperatureCelsius: 41 },
      ],
    });
    expect(await asked()).toEqual(['amd-smi metric', 'amd-smi list', 'amd-smi static', 'amd-smi process']);
    await amd.say({ gpus: [{ hip_id: 1, used_vram: 20_000 }, { hip_id: 0 }], processes: [] });
    expect(await reader.read()).toMatchObject({ devices: [{}, { uuid: first, vramFreeBytes: 4560 * MiB }] });
    expect((await asked()).slice(4)).toEqual(['amd-smi metric', 'amd-smi process']);
    await amd.say({ gpus: [{}] });
    expect(await reader.read()).toMatchObject({ devices: [{ index: '0', uuid: first }] });
    expect((await asked()).slice(6)).toEqual(['amd-smi metric', 'amd-smi list', 'amd-smi static', 'amd-smi process']);
  });

  it('is asked an old release in the words that it knows, and in no others again', async () => {
    const { reader, asked } = await machine({ gpus: [{ node_id: 7 }, { node_id: 3 }], unknownArguments: ['-e', '--power'] });
    expect(await reader.read()).toMatchObject({
      tool: 'working',
      devices: [
        { index: '0', uuid: 'GPU-pci-0000-04-00-0', powerWatts: null, vramFreeBytes: 24500 * MiB },
        { index: '1', uuid: 'GPU-pci-0000-03-00-0' },
      ],
    });
    expect(await asked()).toHaveLength(6);
    await reader.read();
    expect((await asked()).slice(6)).toEqual(['amd-smi metric', 'amd-smi process']);
  });

  it('a failure is no reason to ask in other words', async () => {
    const { reader, amd, asked } = await machine({ fail: { code: 1, text: 'AMDSMI_STATUS_RETRY' } });
    expect(await reader.read()).toMatchObject({
      tool: 'failing',
      devices: [],
      note: 'amd-smi failed with exit status 1: AMDSMI_STATUS_RETRY',
      dataAt: null,
    });
    await amd.say({ gpus: [{ hip_id: 3 }] });
    expect(await reader.read()).toMatchObject({ tool: 'working', devices: [{ index: '3' }] });
    expect((await asked())[1]).toBe('amd-smi metric');
  });

  it('tells who uses them', async () => {
    const { reader } = await machine({ gpus: [{}, {}], processes: [{ gpu: 1, pid: process.pid, used_bytes: 7 * MiB }] });
    expect(await reader.read()).toMatchObject({
      processes: [{ uuid: second, pid: process.pid, usedBytes: 7 * MiB, instance: null }],
    });
  });

  it('is read by rocm-smi where only that is there; of one card it tells who uses it', async () => {
    const processes = [{ gpu: 0, pid: 4_000_000, name: 'python3', used_bytes: 7 * MiB }];
    const { reader, amd, asked } = await machine({ gpus: [{}], processes }, { tools: ['rocm-smi'] });
    expect(await reader.read()).toMatchObject({
      tool: 'working',
      devices: [{ index: '0', uuid: first, vramFreeBytes: 24500 * MiB, pciAddress: '0000:03:00' }],
      processes: [{ uuid: first, pid: 4_000_000, program: 'python3', usedBytes: 7 * MiB }],
    });
    expect(await asked()).toEqual(['rocm-smi --showid']);
    await amd.say({ gpus: [{}, {}], processes });
    expect(await reader.read()).toMatchObject({ devices: [{ uuid: first }, { uuid: second }], processes: null });
  });

  it('is asked of amd-smi where both tools are there', async () => {
    const { reader, asked } = await machine({ gpus: [{}] }, { tools: ['rocm-smi', 'amd-smi'] });
    await reader.read();
    expect((await asked()).every((call) => call.startsWith('amd-smi'))).toBe(true);
  });

  it.each([['amd-smi'], ['rocm-smi']] as const)('%s that finds none works', async (tool) => {
    const { reader } = await machine({ gpus: [] }, { tools: [tool] });
    expect(await reader.read()).toMatchObject({ tool: 'working', devices: [], note: null });
  });

  it('says that it is not told which GPUs these are', async () => {
    const { reader } = await machine({ gpus: [{ bdf: 'N/A', hip_uuid: 'N/A' }] });
    expect(await reader.read()).toMatchObject({
      tool: 'working',
      devices: [],
      note: 'amd-smi does not tell the UUIDs of 1 GPU; is this user in the groups render and video?',
    });
  });

  it('keeps the last good devices when the tool has gone', async () => {
    const { reader, amd } = await machine({ gpus: [{}] });
    await reader.read();
    await amd.vanish();
    expect(await reader.read()).toMatchObject({
      tool: 'failing',
      devices: [{}],
      note: 'amd-smi or rocm-smi is no longer on PATH',
    });
  });
});

describe('a machine with GPUs of both', () => {
  const nvidia = { gpus: [{}] };

  it('has the devices of both, NVIDIA first, and who uses any of them', async () => {
    const { reader } = await machine(
      { gpus: [{}], processes: [{ gpu: 0, pid: 7 }] },
      { nvidia: { ...nvidia, processes: [{ gpu: 0, pid: 8 }] } },
    );
    expect(await reader.read()).toMatchObject({
      tool: 'working',
      devices: [
        { index: '0', vendor: 'nvidia' },
        { index: '0', vendor: 'amd' },
      ],
      processes: [{ pid: 8 }, { uuid: first, pid: 7 }],
    });
  });

  it('cannot tell who uses them where one tool cannot', async () => {
    const { reader } = await machine({ gpus: [{}] }, { nvidia: { ...nvidia, processes: [{ gpu: 0, pid: 8 }] } });
    expect(await reader.read()).toMatchObject({ tool: 'working', processes: null });
  });

  it('a tool that finds no GPU of its own takes nothing away', async () => {
    const { reader } = await machine({ gpus: [] }, { nvidia: { ...nvidia, processes: [{ gpu: 0, pid: 8 }] } });
    expect(await reader.read()).toMatchObject({
      tool: 'working',
      note: null,
      devices: [{ vendor: 'nvidia' }],
      processes: [{ pid: 8 }],
    });
  });

  it('one that hangs leaves the other its devices; its own are as they were, and out of sight after a minute', async () => {
    const { reader, amd, clock } = await machine({ gpus: [{}] }, { nvidia, timeoutMs: 3000 });
    await reader.read();
    await amd.say({ gpus: [{}], hang: true });
    clock.now += 30_000;
    const reading = await reader.read();
    expect(reading).toMatchObject({ tool: 'working', dataAt: clock.now, note: 'amd-smi timed out after 3s', processes: null });
    expect(reading.devices).toMatchObject([
      { vendor: 'nvidia', ailment: null },
      { vendor: 'amd', ailment: null, powerWatts: 90 },
    ]);
    clock.now += 31_000;
    const later = await reader.read();
    expect(later.tool).toBe('working');
    expect(later.devices).toMatchObject([
      { vendor: 'nvidia', ailment: null, vramFreeBytes: 24100 * MiB },
      {
        vendor: 'amd',
        ailment: { text: expect.stringMatching(/^is out of sight: amd-smi /), cure: null },
        vramTotalBytes: 24560 * MiB,
        vramFreeBytes: null,
        powerWatts: null,
      },
    ]);
    await amd.say({ gpus: [{}] });
    await until(async () => (await reader.read()).devices[1]?.ailment === null);
  });

  it('a tool of AMD that has never answered takes nothing from NVIDIA', async () => {
    const { reader } = await machine({ fail: { code: 1, text: 'ModuleNotFoundError: amdsmi' } }, { nvidia });
    expect(await reader.read()).toMatchObject({
      tool: 'working',
      devices: [{ vendor: 'nvidia' }],
      note: expect.stringContaining('ModuleNotFoundError'),
    });
  });

  it('an nvidia-smi that has never answered fails for both, since devices are called by its numbers', async () => {
    const failing = { gpus: [{}], fail: { code: 255, text: 'no' } };
    const { reader } = await machine({ gpus: [{}] }, { nvidia: failing });
    expect(await reader.read()).toMatchObject({
      tool: 'failing',
      devices: [{ vendor: 'amd' }],
      dataAt: null,
      note: expect.stringMatching(/^nvidia-smi failed/),
    });
  });

  it('a tool that works and has no device does not speak for the one that fails', async () => {
    const { reader } = await machine({ fail: { code: 1, text: 'no' } }, { nvidia: { gpus: [] } });
    expect(await reader.read()).toMatchObject({ tool: 'failing', devices: [] });
  });
});

type Around = {
  readonly tools?: readonly ('amd-smi' | 'rocm-smi')[];
  readonly nvidia?: Parameters<typeof fakeNvidiaSmi>[1];
  readonly timeoutMs?: number;
};

async function machine(
  plan: AmdPlan,
  { tools, nvidia, timeoutMs = 10_000 }: Around = {},
): Promise<{ reader: GpuReader; amd: FakeAmdSmi; clock: { now: number }; asked: () => Promise<readonly string[]> }> {
  const amd = await fakeAmdSmi(await scratchDir(), plan, tools === undefined ? {} : { tools });
  const smi = nvidia === undefined ? null : await fakeNvidiaSmi(await scratchDir(), nvidia, amd.env.PATH);
  const clock = { now: 1000 };
  return {
    reader: createGpuReader({ env: { ...amd.env, ...smi?.env }, now: () => clock.now, timeoutMs }),
    amd,
    clock,
    /** The tool and its first argument, call by call. */
    asked: async () => (await amd.calls()).map((call) => call.split(' ').slice(1, 3).join(' ')),
  };
}
