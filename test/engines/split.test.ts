import { describe, expect, it } from 'vitest';
import { engineKinds } from '../../src/core/model.js';
import { adapters } from '../../src/engines/index.js';
import { ratioFaults, takesSplit, workerFault, workerFlags } from '../../src/engines/split.js';
import fc from '../rig/chance.js';
import { deviceOf, launchOf, resolvedAs } from '../rig/launch.js';

const half = [0.5, 0.5];

describe('ratios beside args', () => {
  const faults = (engine: 'llamacpp' | 'vllm' | 'sglang', ratios: readonly number[] | null, ...args: readonly string[]) =>
    ratioFaults(engine, { args, ratios }).map(({ message }) => message);

  it('are as uneven as llama.cpp is told, and not told twice, nor in vain', () => {
    expect(faults('llamacpp', [0.75, 0.25])).toEqual([]);
    expect(faults('llamacpp', [0.75, 0.25], '--split-mode', 'row', '-ngl', '999')).toEqual([]);
    for (const twice of [['--tensor-split', '3,1'], ['-ts', '3,1'], ['--tensor-split=3,1']])
      expect(faults('llamacpp', half, ...twice)).toEqual([expect.stringContaining('split twice')]);
    for (const none of [['--split-mode', 'none'], ['-sm', 'none'], ['--split_mode=none']])
      expect(faults('llamacpp', half, ...none)).toEqual([expect.stringContaining('keeps the model on one device')]);
    expect(faults('llamacpp', null, '--tensor-split', '3,1', '-sm', 'none')).toEqual([]);
  });

  it.each(['vllm', 'sglang'] as const)('are equal for %s, and for one model', (engine) => {
    expect(faults(engine, half)).toEqual([]);
    expect(faults(engine, [0.333, 0.333, 0.334])).toEqual([]);
    expect(faults(engine, [0.75, 0.25])).toEqual([`${engine} divides a model evenly, and the ratios are 0.75, 0.25`]);
    expect(faults(engine, half, '--data-parallel-size', '2')).toEqual([expect.stringContaining('have --data-parallel-size')]);
    expect(faults(engine, null, '--data-parallel-size', '2')).toEqual([]);
  });

  it('are nothing to the others', () => {
    for (const engine of engineKinds) {
      if (!takesSplit(engine)) expect(ratioFaults(engine, { args: ['-ts', '1', '--tp', '3'], ratios: [0.9, 0.1] })).toEqual([]);
    }
    expect(engineKinds.filter(takesSplit)).toEqual(['llamacpp', 'vllm', 'sglang']);
  });
});

describe('the workers that args ask for', () => {
  type Case = [engine: 'vllm' | 'sglang', args: string, ratios: number[] | null, devices: number, fault: string | null];
  it.each<Case>([
    ['vllm', '', null, 2, null],
    ['vllm', '--tensor-parallel-size 2', null, 2, null],
    ['vllm', '-tp 2 -pp 2', null, 4, null],
    ['vllm', '--tensor_parallel_size=4', null, 2, '--tensor_parallel_size 4 is for 4 devices, and there are 2'],
    ['vllm', '-tp 2', null, 1, '-tp 2 is for 2 devices, and there is 1'],
    ['vllm', '-tp 1', null, 2, '-tp 1 is for 1 device, and there are 2'],
    ['vllm', '-tp 2 -pp 2', null, 2, '-tp 2, -pp 2 is for 4 devices, and there are 2'],
    ['vllm', '--pipeline-parallel-size 2', null, 4, '--pipeline-parallel-size 2 is for 2 devices, and there are 4'],
    ['vllm', '-pp 2', [0.25, 0.25, 0.25, 0.25], 4, null],
    ['vllm', '-pp 3', [0.25, 0.25, 0.25, 0.25], 4, '-pp 3 does not divide 4 devices'],
    ['vllm', '-tp 4', half, 2, '-tp 4 is for 4 devices, and there are 2'],
    ['vllm', '-tp 1 -tp 2', null, 2, null],
    // What nobody here can count is left to the engine.
    ['vllm', '-tp 2 -dp 2', null, 4, null],
    ['vllm', '-tp 8 --nnodes 2', null, 4, null],
    ['vllm', '-tp ${SLOTS}', null, 4, null],
    ['vllm', '-tp', null, 4, null],
    ['sglang', '--tp-size 4', null, 2, '--tp-size 4 is for 4 devices, and there are 2'],
    ['sglang', '--tp 2', null, 2, null],
    ['sglang', '--tensor-parallel-size 2 --pp-size 2', null, 4, null],
    ['sglang', '--tp 8 --nnodes 2', null, 4, null],
  ])('%s %s with %j on %i devices', (engine, args, ratios, devices, fault) => {
    const found = workerFault(engine, { args: args === '' ? [] : args.split(' '), ratios }, devices);
    expect(found?.message ?? null).toBe(fault);
    if (found !== null) expect(found.hint).not.toBe('');
  });

  it('are no matter of the others', () => {
    for (const engine of engineKinds) {
      if (engine === 'vllm' || engine === 'sglang') continue;
      expect(workerFault(engine, { args: ['--tensor-parallel-size', '7', '--tp', '7'], ratios: null }, 2)).toBeNull();
    }
  });
});

describe.each(['vllm', 'sglang'] as const)('%s', (engine) => {
  const argv = (devices: number, tensorSplit: readonly number[] | null, ...args: readonly string[]) =>
    adapters[engine].argv(
      launchOf(
        { engine, args, tensorSplit },
        Array.from({ length: devices }, (_, n) => deviceOf(String(n))),
      ),
      resolvedAs({ model: 'org/repo' }),
    );

  it('gets a worker for each device with ratios, and no flag without', () => {
    expect(argv(2, half).join(' ')).toContain('--tensor-parallel-size 2');
    expect(argv(2, null).join(' ')).not.toContain('parallel');
  });

  it('gets what args leave open, and never the same flag twice', () => {
    const quarter = [0.25, 0.25, 0.25, 0.25];
    expect(argv(4, quarter, '--pipeline-parallel-size', '2').slice(-4).join(' ')).toBe(
      '--tensor-parallel-size 2 --pipeline-parallel-size 2',
    );
    const given = argv(2, half, '--tensor_parallel_size=2');
    expect(given.filter((arg) => /tensor.parallel.size/.test(arg))).toEqual(['--tensor_parallel_size=2']);
  });

  it('is given no worker count that its check would refuse', () => {
    const count = fc.integer({ min: 1, max: 8 });
    const size = fc.option(count);
    fc.assert(
      fc.property(count, size, size, fc.boolean(), (devices, tensor, pipeline, split) => {
        const args = [
          ...(tensor === null ? [] : ['--tensor-parallel-size', String(tensor)]),
          ...(pipeline === null ? [] : ['--pipeline-parallel-size', String(pipeline)]),
        ];
        const asked = { args, ratios: split ? Array.from({ length: devices }, () => 1 / devices) : null };
        fc.pre(workerFault(engine, asked, devices) === null);
        const flags = workerFlags(engine, asked, devices);
        expect(workerFault(engine, { ...asked, args: [...args, ...flags] }, devices)).toBeNull();
        expect(flags.length > 0).toBe(split && tensor === null);
      }),
    );
  });
});
