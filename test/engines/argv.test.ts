import { describe, expect, it } from 'vitest';
import type { Launch } from '../../src/core/messages.js';
import type { PoolSpec } from '../../src/core/model.js';
import type { Resolved } from '../../src/engines/adapter.js';
import { adapters } from '../../src/engines/index.js';
import { deviceOf, launchOf, resolvedAs } from '../rig/launch.js';

type Given = { spec: Partial<PoolSpec>; devices?: string[]; launch?: Partial<Launch>; resolved?: Partial<Resolved> };

function argv({ spec, devices = [], launch = {}, resolved = {} }: Given): readonly string[] {
  const adapter = adapters[spec.engine ?? 'command'];
  return adapter.argv(
    launchOf(
      spec,
      devices.map((index) => deviceOf(index)),
      launch,
    ),
    resolvedAs(resolved),
  );
}

const where = ['--host', '127.0.0.1', '--port', '18100'];

describe('llamacpp', () => {
  const spec = { engine: 'llamacpp', modelId: 'qwen' } as const;
  const resolved = { program: '/bin/llama-server', model: '/m/qwen.gguf' };
  const head = ['/bin/llama-server', '--model', '/m/qwen.gguf', ...where];

  it.each<[string, Given, readonly string[]]>([
    ['cpu', { spec }, [...head, '--alias', 'qwen', '--metrics', '--offline', '--device', 'none']],
    ['a GPU', { spec, devices: ['1'] }, [...head, '--alias', 'qwen', '--metrics', '--offline', '--n-gpu-layers', '999']],
    [
      'layers by a variable, which a flag would overrule',
      { spec: { ...spec, env: { LLAMA_ARG_N_GPU_LAYERS: { value: '20' } } }, devices: ['1'] },
      [...head, '--alias', 'qwen', '--metrics', '--offline'],
    ],
    [
      'downloads allowed, slots and a split',
      { spec: { ...spec, slots: 8, tensorSplit: [0.75, 0.25] }, devices: ['0', '1'], launch: { allowDownloads: true } },
      [...head, '--alias', 'qwen', '--metrics', '--n-gpu-layers', '999', '--parallel', '8', '--tensor-split', '0.75,0.25'],
    ],
    [
      'args come last and untouched, placeholders filled in',
      { spec: { ...spec, args: ['-c', '4096', '--api-key', 'a b', '--slot-save-path', '${STATE_DIR}/$${x}'] } },
      [
        ...[...head, '--alias', 'qwen', '--metrics', '--offline', '--device', 'none'],
        ...['-c', '4096', '--api-key', 'a b', '--slot-save-path', '/state/${x}'],
      ],
    ],
    [
      'whatever args give is not given twice',
      {
        spec: {
          ...spec,
          slots: 8,
          tensorSplit: [0.5, 0.5],
          args: [
            '-m',
            'x',
            '--host=0.0.0.0',
            '--port',
            '1',
            '-a',
            'y',
            '--metrics',
            '--offline',
            '-ngl',
            '5',
            '-np',
            '2',
            '-ts',
            '3,1',
          ],
        },
        devices: ['0', '1'],
      },
      [
        '/bin/llama-server',
        ...[
          '-m',
          'x',
          '--host=0.0.0.0',
          '--port',
          '1',
          '-a',
          'y',
          '--metrics',
          '--offline',
          '-ngl',
          '5',
          '-np',
          '2',
          '-ts',
          '3,1',
        ],
      ],
    ],
    [
      'a device of its own choice on cpu',
      { spec: { ...spec, args: ['-dev', 'RPC0'] } },
      [...head, '--alias', 'qwen', '--metrics', '--offline', '-dev', 'RPC0'],
    ],
  ])('%s', (_, given, expected) => {
    expect(argv({ ...given, resolved })).toEqual(expected);
  });

  it.each([
    ['hf:org/repo/sub/file.gguf', ['--hf-repo', 'org/repo', '--hf-file', 'sub/file.gguf']],
    ['hf:org/repo', ['--hf-repo', 'org/repo']],
    ['https://example.org/m.gguf', ['--model-url', 'https://example.org/m.gguf']],
    ['/m/a.gguf', ['--model', '/m/a.gguf']],
  ])('model %s', (model, flags) => {
    expect(argv({ spec, resolved: { model } }).slice(1, 1 + flags.length)).toEqual(flags);
  });

  it('may load for two minutes, and a second longer for each 50 MB', () => {
    const { startupDeadlineMs } = adapters.llamacpp;
    expect([null, 0, 50_000_000, 9_000_000_001].map(startupDeadlineMs)).toEqual([120_000, 120_000, 121_000, 300_001]);
  });
});

describe('vllm', () => {
  const spec = { engine: 'vllm', modelId: 'qwen' } as const;
  it.each<[string, Given, readonly string[]]>([
    [
      'a repository',
      { spec, devices: ['0', '1'], resolved: { model: 'org/repo' } },
      ['/usr/bin/engine', 'serve', 'org/repo', ...where, '--served-model-name', 'qwen'],
    ],
    [
      'hf: is not part of its name, and args win',
      { spec: { ...spec, args: ['--served_model_name', 'x', '--max-num-seqs', '${SLOTS}'] }, resolved: { model: 'hf:org/repo' } },
      ['/usr/bin/engine', 'serve', 'org/repo', ...where, '--served_model_name', 'x', '--max-num-seqs', '32'],
    ],
  ])('%s', (_, given, expected) => {
    expect(argv(given)).toEqual(expected);
  });
});

describe('sglang', () => {
  const spec = { engine: 'sglang', modelId: 'qwen' } as const;
  it.each<[string, Given, readonly string[]]>([
    [
      'as a module, with metrics',
      { spec, resolved: { program: '/venv/bin/python3', model: '/m/qwen' } },
      [
        ...['/venv/bin/python3', '-m', 'sglang.launch_server', '--model-path', '/m/qwen'],
        ...[...where, '--served-model-name', 'qwen', '--enable-metrics'],
      ],
    ],
    [
      'args win',
      { spec: { ...spec, args: ['--enable-metrics', '--port', '9', '--tp', '2'] }, resolved: { model: '/m/qwen' } },
      [
        ...['/usr/bin/engine', '-m', 'sglang.launch_server', '--model-path', '/m/qwen', '--host', '127.0.0.1'],
        ...['--served-model-name', 'qwen', '--enable-metrics', '--port', '9', '--tp', '2'],
      ],
    ],
  ])('%s', (_, given, expected) => {
    expect(argv(given)).toEqual(expected);
  });
});

describe('command', () => {
  it('is what the inventory says, args after it, every placeholder filled in', () => {
    const everything =
      '${PORT} ${HOST} ${MODEL} ${MODEL_ID} ${POOL_ID} ${REPLICA_ID} ${DEVICE_MASK} ${SLOTS} ${STATE_DIR} ${INVENTORY_DIR} $${PORT}';
    expect(
      argv({
        spec: { engine: 'command', command: ['server', '-p', '${PORT}'], args: [everything], slots: 3, modelId: 'id' },
        devices: ['1', '0'],
        resolved: { program: null, model: '/m' },
      }),
    ).toEqual(['server', '-p', '18100', '18100 127.0.0.1 /m id chat r0 1,0 3 /state /inventory ${PORT}']);
  });

  it('is executed as the program that was found', () => {
    expect(argv({ spec: { engine: 'command', command: ['server', 'x'] }, resolved: { program: '/opt/server' } })).toEqual([
      '/opt/server',
      'x',
    ]);
  });
});

describe('demo', () => {
  const spec = { engine: 'demo' } as const;
  it('is Node and the script that ships', () => {
    expect(
      argv({
        spec: { ...spec, slots: 2, args: ['--load-time', '5s'] },
        resolved: { program: '/node', demoScript: '/d/engine.js' },
      }),
    ).toEqual([...['/node', '/d/engine.js', ...where, '--alias', 'chat', '--slots', '2', '--load-time', '5s']]);
  });

  it('can be a program of the user', () => {
    expect(argv({ spec: { ...spec, modelId: 'x' }, resolved: { program: '/own', model: '/m/x' } })).toEqual([
      ...['/own', '--model', '/m/x', ...where, '--alias', 'x'],
    ]);
  });
});

describe('every engine', () => {
  it.each([
    ['llamacpp', [], null],
    ['llamacpp', ['-np', '6'], 6],
    ['vllm', [], 32],
    ['vllm', ['--max-num-seqs=12'], 12],
    ['sglang', [], 32],
    ['sglang', ['--max-running-requests', '9'], 9],
    ['command', ['--slots', '9'], 1],
    ['demo', [], null],
    ['demo', ['--slots', '9'], 9],
  ] as const)('%s %j has %j slots where the inventory leaves it open', (engine, args, slots) => {
    expect(adapters[engine].slots(launchOf({ engine, args }).spec)).toBe(slots);
    expect(adapters[engine].slots(launchOf({ engine, args, slots: 5 }).spec)).toBe(5);
  });

  it('goes by its own name, and has a path to ask for its health', () => {
    for (const [kind, adapter] of Object.entries(adapters))
      expect([kind, adapter.kind, adapter.healthPath]).toEqual([kind, kind, '/health']);
  });

  it('has its time to load', () => {
    const deadlines = Object.values(adapters).map(({ kind, startupDeadlineMs }) => [kind, startupDeadlineMs(null)]);
    expect(Object.fromEntries(deadlines)).toEqual({
      llamacpp: 120_000,
      vllm: 1_200_000,
      sglang: 1_200_000,
      command: 120_000,
      demo: 120_000,
    });
  });
});
