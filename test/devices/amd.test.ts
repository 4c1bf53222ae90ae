import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type AmdCard, devicesOfCards, explainAmdFailure, refuses, saysNoCards } from '../../src/devices/amd.js';
import { type AmdRows, amdCards, parseAmdProcesses, parseAmdSmi } from '../../src/devices/amd-smi.js';
import { parseRocmSmi, rocmUsers } from '../../src/devices/rocm-smi.js';
import fc from '../rig/chance.js';

const MiB = 1024 * 1024;
const fixture = (name: string): string => readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8');
const rows = (name: string): AmdRows => parseAmdSmi(fixture(name)) ?? new Map();
const devices = (cards: readonly AmdCard[]) => devicesOfCards(cards).map(({ device }) => device);

describe('amd-smi', () => {
  it('tells everything of two GPUs, by the numbers that HIP gives them', () => {
    const cards = amdCards(rows('amd-smi-list-e.json'), rows('amd-smi-metric-7.json'), rows('amd-smi-static.json'));
    expect(devices(cards)).toEqual([
      {
        index: '0',
        uuid: 'GPU-de8287300da37c72',
        name: 'AMD GPU',
        vendor: 'amd',
        vramTotalBytes: 196592 * MiB,
        vramFreeBytes: (196592 - 284) * MiB,
        computeCapability: null,
        utilizationPercent: null,
        temperatureCelsius: 38,
        powerWatts: null,
        mig: false,
        pciAddress: '0000:83:00',
        eccErrors: null,
        ailment: null,
        tellsRecovery: false,
      },
      {
        index: '1',
        uuid: 'GPU-c2171ff77417f1d6',
        name: 'AMD Instinct MI300X',
        vendor: 'amd',
        vramTotalBytes: 196592 * MiB,
        vramFreeBytes: 179439 * MiB,
        computeCapability: null,
        utilizationPercent: 94,
        temperatureCelsius: 71,
        powerWatts: 612,
        mig: false,
        pciAddress: '0000:03:00',
        eccErrors: 2,
        ailment: null,
        tellsRecovery: false,
      },
    ]);
  });

  it("counts by the kernel's nodes where the release does not tell HIP's numbers, and has its own UUIDs", () => {
    const cards = amdCards(rows('amd-smi-list.json'), rows('amd-smi-metric-6.json'), new Map());
    expect(devices(cards)).toMatchObject([
      { index: '0', uuid: 'GPU-deff740f-0000-1000-8082-87300da37c72', vramTotalBytes: null, vramFreeBytes: null },
      { index: '1', uuid: 'GPU-c2ff744c-0000-1000-8017-1ff77417f1d6', vramFreeBytes: 24534 * MiB, powerWatts: null },
    ]);
  });

  it.each([
    { told: [{ hip_id: 0 }, { hip_id: 'N/A' }], indexes: ['0', '1'] },
    { told: [{ hip_id: 1 }, { hip_id: 'N/A' }], indexes: ['0', '1'] },
    { told: [{ hip_id: 0 }, { hip_id: 0 }], indexes: ['0', '1'] },
    { told: [{ hip_id: 1 }, { hip_id: 0 }], indexes: ['1', '0'] },
    { told: [{ node_id: 7 }, { node_id: 3 }], indexes: ['1', '0'] },
    { told: [{ node_id: 7 }, { node_id: 'N/A' }], indexes: ['0', '1'] },
  ])('a numbering of all or none: $told', ({ told, indexes }) => {
    const list = new Map(told.map((row, id) => [id, { gpu: id, bdf: `0000:0${id}:00.0`, ...row }]));
    const found = devicesOfCards(amdCards(list, new Map(), new Map()));
    expect(told.map((_, id) => found.find((each) => each.id === id)?.device.index)).toEqual(indexes);
  });

  it.each([
    { why: 'a card without one', uuids: [['N/A', 'N/A']], told: ['GPU-pci-0000-00-00-0'] },
    { why: "ROCr's word for none", uuids: [['GPU-XX', 'N/A']], told: ['GPU-pci-0000-00-00-0'] },
    { why: 'nothing but zeros', uuids: [['GPU-0000000000000000', 'N/A']], told: ['GPU-pci-0000-00-00-0'] },
    {
      why: 'two with the same',
      uuids: [
        ['GPU-1234567890abcdef', 'N/A'],
        ['GPU-1234567890abcdef', 'N/A'],
      ],
      told: ['GPU-pci-0000-00-00-0', 'GPU-pci-0000-01-00-0'],
    },
  ])('a UUID that is none: $why', ({ uuids, told }) => {
    const list = new Map(
      uuids.map(([hip_uuid, uuid], id) => [id, { gpu: id, bdf: `0000:0${id}:00.0`, hip_uuid, uuid, hip_id: id }]),
    );
    expect(devices(amdCards(list, new Map(), new Map())).map(({ uuid }) => uuid)).toEqual(told);
  });

  it('a GPU of which nothing is told but that it is there is no device', () => {
    const list = new Map([[0, { gpu: 0, bdf: 'N/A', uuid: 'N/A' }]]);
    expect(devices(amdCards(list, new Map(), new Map()))).toEqual([]);
  });

  it.each([
    [{ value: 2, unit: 'GB' }, 2 * 1024 * MiB],
    [{ value: 2, unit: 'GiB' }, 2 * 1024 * MiB],
    [{ value: 2048, unit: 'KB' }, 2 * MiB],
    [{ value: 7, unit: 'B' }, 7],
    [{ value: 7, unit: 'furlongs' }, null],
    [{ value: -7, unit: 'MB' }, null],
    [{ value: 'N/A', unit: 'MB' }, null],
    [7, null],
  ])('a size of %j is %j bytes', (total_vram, size) => {
    const list = new Map([[0, { gpu: 0, bdf: '0000:03:00.0' }]]);
    const metric = new Map([[0, { gpu: 0, mem_usage: { total_vram } }]]);
    expect(devices(amdCards(list, metric, new Map()))).toMatchObject([{ vramTotalBytes: size, vramFreeBytes: null }]);
  });

  const uuidOf = (id: number): string => `GPU-000${id}`;

  it('tells who uses which GPU', () => {
    expect(parseAmdProcesses(fixture('amd-smi-process.json'), uuidOf)).toEqual({
      users: [
        { uuid: 'GPU-0000', pid: 4242, name: 'python3', usedBytes: 17179869184 },
        { uuid: 'GPU-0000', pid: 4243, name: null, usedBytes: 512 * MiB },
      ],
      complete: true,
    });
  });

  it('lists a process on GPUs of which it uses nothing, and that is no use', () => {
    expect(parseAmdProcesses(fixture('amd-smi-process-6.json'), uuidOf)).toEqual({
      users: [{ uuid: 'GPU-0000', pid: 4242, name: 'python3', usedBytes: 17179869184 }],
      complete: false,
    });
  });

  it.each([
    ['[{"gpu": 0, "process_list": [{"process_info": "No running processes detected"}]}]', true],
    ['[{"gpu": 0, "process_list": []}]', true],
    ['[{"gpu": 0, "process_list": "N/A"}]', false],
    ['[{"gpu": 0, "process_list": [{"process_info": "N/A"}]}]', false],
    // A random output found it: not a number, and not to be made into text either.
    ['[{"gpu": 0, "process_list": [{"process_info": {"pid": {"toString": 0}}}]}]', false],
    ['ERROR: Command requires elevation', false],
  ])('nobody in %s: complete is %j', (output, complete) => {
    expect(parseAmdProcesses(output, uuidOf)).toEqual({ users: [], complete });
  });
});

describe('a document among warnings', () => {
  it.each(['[WARN] groups\n[{"gpu": 0}]', 'a\n{"gpu_data": [{"gpu": 0}]}\nand so on\n', '[\n  {\n"gpu": 0}]'])('%j', (output) => {
    expect([...(parseAmdSmi(output)?.keys() ?? [])]).toEqual([0]);
  });

  it.each(['', '[', '[WARN]', '{"gpu_data": 1}', 'null', '[1]', '[{"gpu": "x"}]'])('%j has none', (output) => {
    expect(parseAmdSmi(output)).toBeNull();
  });
});

describe('rocm-smi', () => {
  it('of ROCm 5 tells of a card and its only users', () => {
    const told = parseRocmSmi(fixture('rocm-smi-5.json'));
    expect(devices(told?.cards ?? [])).toMatchObject([
      {
        index: '0',
        uuid: 'GPU-de8287300da37c72',
        name: 'AMD INSTINCT MI250',
        vramTotalBytes: 68702699520,
        vramFreeBytes: 68702699520 - 27481079808,
        utilizationPercent: 10,
        temperatureCelsius: 32,
        powerWatts: 89,
        pciAddress: '0000:83:00',
        eccErrors: null,
      },
    ]);
    expect(rocmUsers('GPU-x', told?.processes ?? {})).toEqual([
      { uuid: 'GPU-x', pid: 812, name: 'python3', usedBytes: 25769803776 },
      { uuid: 'GPU-x', pid: 813, name: 'a, b', usedBytes: null },
    ]);
  });

  it("of ROCm 6 tells of cards without UUIDs in another order than the kernel's", () => {
    expect(devices(parseRocmSmi(fixture('rocm-smi-6.txt'))?.cards ?? [])).toMatchObject([
      { index: '0', uuid: 'GPU-pci-0000-83-00-0', vramTotalBytes: 25753026560, vramFreeBytes: null, utilizationPercent: null },
      {
        index: '1',
        uuid: 'GPU-pci-0000-03-00-0',
        name: 'AMD Radeon RX 7900 XTX',
        vramFreeBytes: 25753026560 - 482263040,
        temperatureCelsius: 47,
        powerWatts: 9.215,
      },
    ]);
  });
});

it('whatever is printed, nothing is thrown, no value is none, and no two devices are one', () => {
  const word = fc.oneof(
    fc.constantFrom<unknown>('N/A', 0, 7, -1, 'GPU-1234567890abcdef', '0000:03:00.0', '0x12', '7', 1e300, 'python3', '12 MB'),
    fc.jsonValue(),
  );
  const size = fc.record({ value: word, unit: fc.constantFrom<unknown>('MB', 'B', 7, 'N/A') });
  const row = fc.record(
    {
      gpu: fc.oneof(fc.nat({ max: 3 }), word),
      bdf: word,
      uuid: word,
      hip_uuid: word,
      hip_id: word,
      node_id: word,
      mem_usage: fc.oneof(fc.record({ total_vram: size, used_vram: size, free_vram: size }, { requiredKeys: [] }), word),
      usage: fc.oneof(fc.record({ gfx_activity: size }), word),
      ecc: fc.oneof(fc.record({ total_uncorrectable_count: word }), word),
      process_list: fc.oneof(
        fc.array(fc.record({ process_info: fc.oneof(fc.record({ pid: word, mem_usage: size }), word) })),
        word,
      ),
      'Unique ID': word,
      'PCI Bus': word,
      'VRAM Total Memory (B)': word,
      'GPU use (%)': word,
    },
    { requiredKeys: [] },
  );
  const document = fc.oneof(
    fc.array(row),
    fc.record({ gpu_data: fc.array(row) }),
    fc.record({ card0: row, card1: row, system: fc.record({ PID7: word }) }),
    fc.jsonValue(),
  );
  const output = fc.oneof(
    fc.string(),
    document.map((each) => `a warning\n${JSON.stringify(each)}\n`),
  );
  fc.assert(
    fc.property(output, output, (one, other) => {
      const list = parseAmdSmi(one) ?? new Map();
      const cards = [amdCards(list, parseAmdSmi(other) ?? new Map(), list), parseRocmSmi(one)?.cards ?? []];
      for (const found of cards.map(devices)) {
        expect(new Set(found.map(({ uuid }) => uuid)).size).toBe(found.length);
        expect(new Set(found.map(({ index }) => index)).size).toBe(found.length);
        for (const device of found) {
          expect(device.uuid).toMatch(/^GPU-/);
          expect(device.index).toMatch(/^\d+$/);
          for (const value of Object.values(device)) {
            expect(value).not.toBe('');
            if (typeof value === 'number') expect(Number.isFinite(value)).toBe(true);
          }
          expect(Math.min(device.vramTotalBytes ?? 0, device.vramFreeBytes ?? 0, device.eccErrors ?? 0)).toBe(0);
        }
      }
      const users = [...parseAmdProcesses(one, String).users, ...rocmUsers('GPU-x', parseRocmSmi(one)?.processes ?? {})];
      for (const { pid, usedBytes } of users) {
        expect(Number.isSafeInteger(pid) && pid > 0).toBe(true);
        expect(usedBytes === null || (Number.isFinite(usedBytes) && usedBytes > 0)).toBe(true);
      }
      saysNoCards(one);
      refuses(one);
      expect(explainAmdFailure('amd-smi', one, 1)).toMatch(/^amd-smi failed with exit status 1/);
    }),
  );
});

it.each([
  ['ERROR:root:Unable to detect any GPU devices, check amdgpu version and module status (sudo modprobe amdgpu)', true],
  ['ERROR:root:Driver not initialized (amdgpu not found in modules)', true],
  ['WARNING: No JSON data to report', true],
  ['Traceback (most recent call last):', false],
])('%s: there is no card: %j', (output, none) => {
  expect(saysNoCards(output)).toBe(none);
});

it.each([
  ['usage: amd-smi list [-h]\namd-smi: error: unrecognized arguments: -e', true],
  ["Parameter '--power' is invalid. Run '--help' for more info. Error code: -6", true],
  ['AMDSMI_STATUS_RETRY', false],
])('%s: it does not know an argument: %j', (output, refused) => {
  expect(refuses(output)).toBe(refused);
});

it('says in one line why a tool failed', () => {
  const output = '\nusage: amd-smi [-h]\namd-smi: error: no such thing.\nmore\n';
  expect(explainAmdFailure('amd-smi', output, 2)).toBe('amd-smi failed with exit status 2: amd-smi: error: no such thing');
  expect(explainAmdFailure('rocm-smi', '', 0)).toBe('rocm-smi failed');
});
