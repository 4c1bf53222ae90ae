import { describe, expect, it } from 'vitest';
import {
  devicesOf,
  explainFailure,
  fieldsOf,
  type GpuField,
  gpuFields,
  listArgs,
  parseGpus,
  parseMigSlices,
  queryArgs,
  saysNoDevices,
  unknownField,
  unreachableGpus,
} from '../../src/devices/nvidia.js';
import fc from '../rig/chance.js';

const uuid = 'GPU-8932f937-d72c-4106-c12f-20bd9faed9f6';
const MiB = 1024 * 1024;
const good = `0, ${uuid}, NVIDIA GeForce RTX 3090, 24576, 24101, 8.6, 3, 41, 28.55, [N/A], 00000000:65:00.0, 0, None`;
/** What follows the cells of a healthy GPU without MIG, PCI address and ECC. */
const rest = '[N/A], [N/A], [N/A], None';

describe('the question', () => {
  it('asks for CSV without headers and units, in the order of the fields', () => {
    expect(queryArgs(['index', 'uuid'])).toEqual(['--query-gpu=index,uuid', '--format=csv,noheader,nounits']);
    expect(listArgs).toEqual(['-L']);
  });
});

describe('rows', () => {
  it('reads everything of a healthy device', () => {
    expect(parseGpus(`${good}\n`, gpuFields)).toEqual([
      {
        device: {
          index: '0',
          uuid,
          name: 'NVIDIA GeForce RTX 3090',
          vendor: 'nvidia',
          vramTotalBytes: 24576 * MiB,
          vramFreeBytes: 24101 * MiB,
          computeCapability: '8.6',
          utilizationPercent: 3,
          temperatureCelsius: 41,
          powerWatts: 28.55,
          mig: false,
          pciAddress: '0000:65:00',
          eccErrors: 0,
          ailment: null,
          tellsRecovery: true,
        },
        migEnabled: false,
      },
    ]);
  });

  it.each([
    ['[N/A]'],
    ['N/A'],
    ['[Not Supported]'],
    ['[Insufficient Permissions]'],
    ['[Unknown Error]'],
    ['ERR!'],
    [''],
    ['lots'],
  ])('%s is null, never 0', (cell) => {
    const [row] = parseGpus(
      `0, ${uuid}, Tesla, ${cell}, ${cell}, [N/A], ${cell}, ${cell}, ${cell}, ${cell}, ${cell}, ${cell}, None`,
      gpuFields,
    );
    expect(row?.device).toMatchObject({
      vramTotalBytes: null,
      vramFreeBytes: null,
      computeCapability: null,
      utilizationPercent: null,
      temperatureCelsius: null,
      powerWatts: null,
      pciAddress: null,
      eccErrors: null,
    });
  });

  it.each([
    { cells: '24576, 24101, 8.6, 3, 41, [N/A]' },
    { cells: '24576, 24101, 8.6, [Not Supported], [N/A], [Not Supported]' },
    { cells: '24576, 24101, 8.6, 3, 41, ERR!' },
    { cells: '24576, 24101, 8.6, 3, 41, [Unknown Error]' },
  ])('health from $cells: no ailment', ({ cells }) => {
    expect(parseGpus(`0, ${uuid}, RTX, ${cells}, ${rest}`, gpuFields)[0]?.device.ailment).toBeNull();
  });

  const erring = { text: 'answers nvidia-smi with errors', cure: null };
  const lost = { text: 'is lost, as nvidia-smi says', cure: 'reboot' };
  const needsReset = { text: 'needs a reset, as nvidia-smi says', cure: 'reset' };
  it.each([
    { cells: '24576, 24101, 8.6, 3, ERR!, 28', ailment: erring },
    { cells: '24576, 24101, 8.6, [Unknown Error], 41, 28', ailment: erring },
    { cells: '[GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost]', ailment: lost },
    { cells: '24576, 24101, 8.6, [GPU requires reset], 41, 28', ailment: needsReset },
  ])('health from $cells: $ailment.text', ({ cells, ailment }) => {
    expect(parseGpus(`0, ${uuid}, RTX, ${cells}, ${rest}`, gpuFields)[0]?.device.ailment).toEqual(ailment);
  });

  it.each([
    ['None', null],
    ['none', null],
    ['[N/A]', null],
    ['[Unknown Error]', null],
    ['Reset', needsReset],
    ['GPU_RESET', needsReset],
    ['Bus Reset', needsReset],
    ['Reboot', { text: 'needs a reboot of the machine, as nvidia-smi says', cure: 'reboot' }],
    ['Node Reboot Required', { text: 'needs a reboot of the machine, as nvidia-smi says', cure: 'reboot' }],
    ['Drain and Reset', { text: 'runs at reduced capacity and needs a reset, as nvidia-smi says', cure: 'reset' }],
    ['Drain P2P', { text: expect.stringMatching(/work that it shares with other GPUs/), cure: null }],
    ['Recover IMEX Domain', { text: 'needs "Recover IMEX Domain", as nvidia-smi says', cure: null }],
  ])('the recovery action %s', (action, ailment) => {
    const cells = '24576, 24101, 8.6, 3, 41, 28, [N/A], 00000000:65:00.0, [N/A]';
    expect(parseGpus(`0, ${uuid}, RTX, ${cells}, ${action}`, gpuFields)[0]?.device.ailment).toEqual(ailment);
  });

  it('a GPU that is lost is that before anything else', () => {
    const cells = '24576, 24101, 8.6, [GPU is lost], 41, 28, [N/A], [N/A], [N/A], Reset';
    expect(parseGpus(`0, ${uuid}, RTX, ${cells}`, gpuFields)[0]?.device.ailment).toEqual(lost);
  });

  it('tolerates a header, units and warnings between the rows', () => {
    const output = [
      'index, uuid, name, memory.total [MiB], memory.free [MiB], compute_cap, utilization.gpu [%], temperature.gpu, power.draw [W], mig.mode.current, pci.bus_id, ecc, gpu_recovery_action',
      'WARNING: infoROM is corrupted at gpu 0000:02:00.0',
      `0, ${uuid}, RTX, 24576 MiB, 24101 MiB, 8.6, 3 %, 41, 28.55 W, Disabled, 00000000:65:00.0, 0, None`,
      '',
    ].join('\r\n');
    expect(parseGpus(output, gpuFields).map(({ device }) => device)).toMatchObject([
      { vramTotalBytes: 24576 * MiB, vramFreeBytes: 24101 * MiB, utilizationPercent: 3, powerWatts: 28.55 },
    ]);
  });

  it('reads by the fields that were asked for', () => {
    const fields: readonly GpuField[] = ['index', 'uuid', 'memory.free'];
    expect(parseGpus(`7, ${uuid}, 12`, fields)[0]?.device).toMatchObject({
      index: '7',
      name: 'NVIDIA GPU',
      vramFreeBytes: 12 * MiB,
      vramTotalBytes: null,
    });
  });

  it('takes a row without a UUID or an index for no device', () => {
    expect(parseGpus(good.replace(uuid, '[N/A]'), gpuFields)).toEqual([]);
    expect(parseGpus(good.replace(/^0/, '[N/A]'), gpuFields)).toEqual([]);
    expect(parseGpus(good.slice(0, 40), gpuFields)).toEqual([]);
  });

  it('never throws, whatever is printed, and never gives a number that is none', () => {
    const cell = fc.oneof(
      fc.string(),
      fc.constantFrom(uuid, '0', '[N/A]', 'ERR!', '1e999', '-3', 'Enabled', '00000000:65:00.0', 'Drain P2P'),
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(fc.array(cell).map((cells) => cells.join(', '))).map((lines) => lines.join('\n')),
    );
    fc.assert(
      fc.property(text, (output) => {
        for (const { device } of parseGpus(output, gpuFields)) {
          expect(device.uuid).toMatch(/^GPU-/);
          expect(device.index).toMatch(/^\d+$/);
          expect(device.pciAddress ?? '0000:65:00').toMatch(/^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}$/);
          for (const value of Object.values(device)) if (typeof value === 'number') expect(Number.isFinite(value)).toBe(true);
        }
        parseMigSlices(output);
        unreachableGpus(output);
        expect(explainFailure(output, 1)).toMatch(/^nvidia-smi failed/);
      }),
    );
  });
});

describe('MIG', () => {
  const list = [
    'GPU 0: NVIDIA GeForce RTX 3090 (UUID: GPU-11111111-d72c-4106-c12f-20bd9faed9f6)',
    `GPU 1: NVIDIA A100-SXM4-80GB (UUID: ${uuid})`,
    '  MIG 3g.40gb     Device  0: (UUID: MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f)',
    '  MIG 1g.10gb+me  Device  1: (UUID: MIG-GPU-8932f937-d72c-4106-c12f-20bd9faed9f6/9/0)',
    'GPU 2: NVIDIA A100-SXM4-80GB (UUID: GPU-22222222-d72c-4106-c12f-20bd9faed9f6)',
    '',
  ].join('\n');

  it('knows the slices of each GPU, by both kinds of UUIDs', () => {
    expect(parseMigSlices(list)).toEqual([
      { parentIndex: '1', position: '0', profile: '3g.40gb', uuid: 'MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f' },
      { parentIndex: '1', position: '1', profile: '1g.10gb+me', uuid: 'MIG-GPU-8932f937-d72c-4106-c12f-20bd9faed9f6/9/0' },
    ]);
  });

  it('puts them in the place of the GPU, with what is known of a slice', () => {
    const rows = parseGpus(
      [
        `0, GPU-11111111-d72c, RTX, 24576, 24101, 8.6, 3, 41, 28.55, ${rest}`,
        `1, ${uuid}, NVIDIA A100, 81920, 81000, 8.0, [N/A], 30, 60.1, Enabled, 00000000:B1:00.0, 2, Reset`,
      ].join('\n'),
      gpuFields,
    );
    expect(devicesOf(rows, parseMigSlices(list))).toMatchObject([
      { index: '0', mig: false, vramTotalBytes: 24576 * MiB },
      {
        index: '1:0',
        uuid: 'MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f',
        name: 'NVIDIA A100 MIG 3g.40gb',
        mig: true,
        vramTotalBytes: null,
        vramFreeBytes: null,
        computeCapability: '8.0',
        temperatureCelsius: 30,
        pciAddress: '0000:b1:00',
        ailment: { cure: 'reset' },
      },
      { index: '1:1', mig: true },
    ]);
  });
});

describe('what went wrong', () => {
  it('finds the field that an old driver does not know', () => {
    expect(unknownField('Field "compute_cap" is not a valid field to query.\n')).toBe('compute_cap');
    expect(unknownField('Field "no.such" is not a valid field to query.')).toBeNull();
    expect(unknownField(good)).toBeNull();
  });

  it("knows our fields from the tool's own list, by any of their names", () => {
    const help = [
      'List of valid properties to query for the switch "--query-gpu":',
      '',
      '"timestamp"',
      'The timestamp of when the query was made, in "memory.free" or so.',
      '',
      '"index"',
      'Zero based index of the GPU.',
      '',
      '"uuid" or "gpu_uuid"',
      'This value is the globally unique identifier.',
      '',
      '"gpu_bus_id" or "pci.bus_id"',
      'PCI bus id.',
    ].join('\n');
    expect(fieldsOf(help)).toEqual(['index', 'uuid', 'pci.bus_id']);
    expect(fieldsOf('Invalid option')).toEqual([]);
  });

  it('tells a machine without a card from a failure', () => {
    expect(saysNoDevices('No devices were found\n')).toBe(true);
    expect(saysNoDevices(good)).toBe(false);
  });

  it('names the GPUs that cannot be opened', () => {
    expect(
      unreachableGpus(
        `Unable to determine the device handle for GPU0000:02:00.0: GPU is lost.  Reboot the system to recover this GPU\n${good}`,
      ),
    ).toEqual(['0000:02:00.0: GPU is lost.  Reboot the system to recover this GPU']);
  });

  it.each([
    [
      'Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 570.86',
      18,
      'nvidia-smi failed: Failed to initialize NVML: Driver/library version mismatch; the driver was updated while the old one is loaded: reboot, or reload the nvidia kernel modules',
    ],
    [
      "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.",
      9,
      'nvidia-smi failed: the NVIDIA driver is not loaded; install it for the running kernel, or reboot',
    ],
    ['\nInsufficient permissions.\n', 4, 'nvidia-smi failed with exit status 4: Insufficient permissions'],
    ['', 12, 'nvidia-smi failed with exit status 12'],
    ['', null, 'nvidia-smi failed'],
  ])('%j, %j', (output, code, text) => {
    expect(explainFailure(output, code)).toBe(text);
  });
});
