import { describe, expect, it } from 'vitest';
import { candidates } from '../../src/proposal/candidates.js';
import type { Found } from '../../src/proposal/found.js';
import { deviceOf } from '../rig/launch.js';
import { engine, found, gib, model } from './finds.js';

const free = (index: string, bytes: number) => deviceOf(index, { vramFreeBytes: bytes });
const placed = (of: Partial<Found>) =>
  candidates(found(of)).fitting.map(({ model: { ref }, placement: { kind, masks } }) => [ref, kind, masks]);
const whyNot = (of: Partial<Found>) => candidates(found(of)).leftOut.map(({ model: { ref }, why }) => [ref, why]);

describe('where a model goes', () => {
  const [small, big, huge] = [model('s.gguf', 4 * gib), model('b.gguf', 18 * gib), model('h.gguf', 40 * gib)];

  it('on each GPU that has room for it, the biggest first; then over all of them; then on the CPU', () => {
    const devices = [free('0', 23 * gib), free('1', 23 * gib)];
    expect(placed({ devices, models: [small, huge, big] })).toEqual([
      ['b.gguf', 'each', ['0', '1']],
      ['s.gguf', 'each', ['0', '1']],
      ['h.gguf', 'together', [['0', '1']]],
    ]);
    expect(placed({ models: [small, big] })).toEqual([['s.gguf', 'cpu', ['cpu']]]);
  });

  it('only on a GPU that has room for it now, and is well', () => {
    const sick = { ...free('1', 23 * gib), ailment: { text: 'is lost', cure: null } };
    expect(placed({ devices: [free('0', 10 * gib), sick, free('2', 23 * gib)], models: [big] })).toEqual([
      ['b.gguf', 'each', ['2']],
    ]);
  });

  it('counts its context: as much as is wished for, and no more than it was trained for', () => {
    const costly = model('c.gguf', 4 * gib, { cacheBytesPerToken: 2 ** 20, contextLength: 40_960 });
    const short = model('d.gguf', 4 * gib, { cacheBytesPerToken: 2 ** 20, contextLength: 4096 });
    const { fitting } = candidates(found({ devices: [free('0', 23 * gib)], models: [costly, short] }));
    expect(fitting.map(({ model: { ref }, context, needBytes }) => [ref, context, needBytes / gib])).toEqual([
      ['c.gguf', 16_384, 20.75],
      ['d.gguf', 4096, 8.75],
    ]);
  });

  it('on what the engine sees: a build for the CPU has no GPU, one for CUDA none of AMD', () => {
    const devices = [free('0', 23 * gib), { ...free('0', 23 * gib), uuid: 'GPU-amd', vendor: 'amd' as const }];
    expect(placed({ devices, models: [small], engines: [engine({ sees: [] })] })).toEqual([['s.gguf', 'cpu', ['cpu']]]);
    expect(placed({ devices, models: [small], engines: [engine({ sees: ['CUDA0'] })] })).toEqual([['s.gguf', 'each', ['0']]]);
    expect(placed({ devices, models: [small], engines: [engine({ sees: ['ROCm0'] })] })).toEqual([['s.gguf', 'each', ['0']]]);
    // Both vendors count from 0.
    expect(placed({ devices, models: [small] })).toEqual([['s.gguf', 'each', ['GPU-00000000', 'GPU-amd']]]);
  });

  it('nowhere where nobody knows what memory there is', () => {
    expect(placed({ memoryBytes: null, models: [small] })).toEqual([]);
  });
});

it('says why a model is left out', () => {
  const cut = { ...model('cut.gguf', 4 * gib), bytes: gib };
  const models = [
    cut,
    { ...model('parts.gguf', gib), missing: ['parts-00002-of-00002.gguf'] },
    { ...model('bad.gguf', gib), header: { ok: false, error: 'its header is cut off' } as const },
    model('vocab.gguf', 1000, { parameters: 0, tensorBytes: 0 }),
    model('embed.gguf', gib, { architecture: 'nomic-bert' }),
    model('eyes.gguf', gib, { architecture: 'clip', contextLength: null }),
    model('huge.gguf', 100 * gib),
  ];
  expect(whyNot({ models })).toEqual([
    ['cut.gguf', 'it is cut off: its tensors take 4 GiB, and there are 1 GiB'],
    ['parts.gguf', 'its part "parts-00002-of-00002.gguf" is not there'],
    ['bad.gguf', 'its header is cut off'],
    ['vocab.gguf', 'it has no weights'],
    ['embed.gguf', 'it does not write text (architecture nomic-bert)'],
    ['eyes.gguf', 'it does not write text (architecture clip)'],
    ['huge.gguf', 'it needs about 100.8 GiB with 16k of context; half of the free memory has not that'],
  ]);
  expect(whyNot({ models: [model('huge.gguf', 100 * gib)], devices: [free('0', gib)] })[0]?.[1]).toMatch(
    /; neither the GPUs nor half of the free memory has that$/,
  );
});
