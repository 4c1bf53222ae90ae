/** Whatever is found, the file can be used on that machine: it is held against it as `check` does. */

import { describe, expect, it } from 'vitest';
import { candidates } from '../../src/proposal/candidates.js';
import type { Found } from '../../src/proposal/found.js';
import { foundLines, installLines } from '../../src/proposal/tell.js';
import { canServe, writeInventory } from '../../src/proposal/write.js';
import { judge, withDevices } from '../inventory/judging.js';
import fc from '../rig/chance.js';
import { deviceOf } from '../rig/launch.js';
import { engine, found, gib, model } from './finds.js';

function written(of: Partial<Found>) {
  const all = found(of);
  const { fitting } = candidates(all);
  const [best, ...others] = fitting;
  const choice = canServe(all) && best !== undefined ? { chosen: best, others } : { chosen: null, others: fitting };
  return { text: writeInventory(choice, all, '1.2.3'), all };
}

function inventoryOf(of: Partial<Found>) {
  const { text, all } = written(of);
  const { inventory, problems } = judge(text, withDevices(...all.devices));
  expect(problems, text).toEqual([]);
  if (inventory === null) throw new Error('refused without a problem');
  return inventory;
}

const absent = (kind: 'llamacpp' | 'vllm') => engine({ kind, name: kind, path: null, version: null });
const vllm = engine({ kind: 'vllm', name: 'vllm', path: '/opt/my vllm/bin/vllm', version: '0.11.0' });

describe.each([
  ['no GPU', []],
  ['one GPU', [deviceOf('0')]],
  ['two GPUs', [deviceOf('0'), deviceOf('1')]],
  ['slices of a GPU', [deviceOf('0:0', { mig: true }), deviceOf('0:1', { mig: true })]],
] as const)('%s', (_, devices) => {
  it.each([
    ['no engine', [absent('llamacpp'), absent('vllm')]],
    ['llama-server', [engine(), absent('vllm')]],
    ['vllm', [absent('llamacpp'), vllm]],
    ['a llama-server that does not run', [engine({ flaw: 'it ends with status 127' })]],
  ] as const)('%s: whatever models there are', (name, engines) => {
    const sets = {
      none: [],
      one: [model('~/models/m.gguf', gib)],
      many: [model('~/a.gguf', gib), model('hf:org/repo/b.gguf', 2 * gib), model('/c.gguf', 30 * gib)],
      corrupt: [{ ...model('~/models/m.gguf', gib), bytes: 10 }],
      tooLarge: [model('~/models/m.gguf', 1000 * gib)],
    };
    for (const [which, models] of Object.entries(sets)) {
      const [pool] = inventoryOf({ devices, engines, models }).pools;
      const serves = name === 'llama-server' && (which === 'one' || which === 'many');
      expect([pool?.poolId, pool?.engine], which).toEqual(serves ? ['chat', 'llamacpp'] : ['demo', 'demo']);
      if (serves) expect(pool?.masks.length, which).toBe(Math.max(1, devices.length));
    }
  });
});

it('reads as a person would have written it', () => {
  const models = [
    model('~/models/qwen3-14b-q5_k_m.gguf', 9.8 * gib, { cacheBytesPerToken: 163_840 }),
    model('~/models/small.gguf', gib),
  ];
  expect(
    written({ devices: [deviceOf('0'), deviceOf('1')], models }).text,
  ).toBe(`# What poolctl runs on this machine. Written by "poolctl init" of poolctl 1.2.3; it is yours to change.
# All that can stand here: poolctl help pools.yaml. After a change: poolctl check, then poolctl apply.
version: 1
pools:
  chat:
    model: ~/models/qwen3-14b-q5_k_m.gguf # 9.8 GiB; engine: llamacpp, guessed from .gguf
    # These would fit as well, one at a time:
    # model: ~/models/small.gguf # 1 GiB
    device_masks: [0, 1] # 2 replicas, one on each GPU (poolctl devices)
    args: [--ctx-size, "16384"] # tokens of context, for all slots of a replica; it was trained for 40k
    # vram: 14GiB # an estimate; with this key a launch waits until so much is free, and says who holds it
`);
});

it('what it leaves as a comment can be used: each # taken away', () => {
  const models = [model('~/models/a.gguf', gib), model('~/models/b.gguf', 2 * gib)];
  const devices = [deviceOf('0')];
  const vram = written({ devices, models }).text.replace('    # vram', '    vram');
  expect(judge(vram, withDevices(...devices)).inventory?.pools[0]?.vramBytes).toBe(3 * gib);
  const hubRepos = ['org/First-AWQ', 'org/second'];
  const { text, all } = written({ devices, models, hubRepos, engines: [absent('llamacpp'), vllm] });
  expect(text).toContain('\n  #   model: org/First-AWQ\n  #   # model: org/second\n');
  expect(installLines(all, [])).toContain(
    'A pool for vllm stands in the file as a comment: which model fits it is not worked out',
  );
  const taken = text.replace(/^ {2}# (?=\w+:$| {2}\w+:)/gm, '  ');
  expect(taken.match(/^ {2}\w+:/gm)).toEqual(['  demo:', '  chat:', '  big:']);
  // Both are proposed for the one GPU: whoever uses both has to say which goes where.
  expect(judge(taken, withDevices(...devices)).problems.map(({ code }) => code)).toEqual(['DEVICE_CONFLICT']);
});

it('has ports of its own where those that are built in are taken', () => {
  expect(inventoryOf({ ports: { range: '28100-28999', first: 28_100 } }).supervisor.ports).toEqual({ from: 28_100, to: 28_999 });
});

it('names a model by any path, and the path comes back', () => {
  const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((text) => !/[\u0000/]/.test(text));
  fc.assert(
    fc.property(name, (text) => {
      const path = `/models/${text}.gguf`;
      const [pool] = inventoryOf({ models: [model(path, gib)] }).pools;
      expect(pool).toMatchObject({ model: path, engine: 'llamacpp' });
    }),
    { examples: [['a#b'], ['a: b'], ["it's"], ['"'], ['\n'], ['\u0085'], ['~'], ['${X}'], ['\u{e0001}']] },
  );
});

it('tells what was found, in words', () => {
  const devices = [deviceOf('0', { vramFreeBytes: 24 * gib }), deviceOf('1', { vramFreeBytes: 23.5 * gib })];
  const processes = [{ uuid: devices[1]?.uuid ?? '', pid: 812, program: 'Xorg', usedBytes: 0.4 * gib, instance: null }];
  const models = [
    model('~/models/qwen3-14b-q5_k_m.gguf', 9.8 * gib, { cacheBytesPerToken: 163_840 }),
    { ...model('c.gguf', gib), bytes: 1 },
  ];
  const all = found({ devices, processes, models, ports: { range: null, first: 18_102 } });
  const { fitting, leftOut } = candidates(all);
  expect([...foundLines(all, fitting, leftOut), ...installLines(all, fitting)]).toEqual([
    'Found 2 GPUs: 0 RTX 3090 24 GiB, 1 RTX 3090 24 GiB (0.5 GiB in use: Xorg)',
    'Found llama-server b6710 (/usr/local/bin/llama-server). Not on PATH: vllm, sglang',
    'Found 2 models; the biggest that fits one GPU with 16k context: qwen3-14b-q5_k_m.gguf (about 13.1 GiB)',
    'Left out c.gguf: it is cut off: its tensors take 1 GiB, and there are 0 MiB',
    'Port 18100 is taken; 18102 is the first that is free',
  ]);
});

it('tells what is missing, and what brings it', () => {
  const all = found({ engines: [absent('llamacpp')], note: 'none of nvidia-smi, amd-smi and rocm-smi is on PATH', whole: false });
  expect([...foundLines(all, [], []), ...installLines(all, [])]).toEqual([
    'Found no GPU (none of nvidia-smi, amd-smi and rocm-smi is on PATH): engines run on the CPU',
    'Found no engine. Not on PATH: llamacpp',
    'Found no GGUF model in ~/models',
    'Not all was looked at in the time there was; name the directory of your models: --models DIR',
    expect.stringContaining('install llama.cpp'),
    expect.stringContaining('hf download'),
  ]);
  const broken = found({ engines: [engine({ flaw: 'it ends with status 127: libcuda.so.1: cannot open' })] });
  expect(installLines(broken, [])[0]).toBe(
    'To serve a GGUF model mend /usr/local/bin/llama-server: it ends with status 127: libcuda.so.1: cannot open',
  );
});
