import { describe, expect, it } from 'vitest';
import fc from '../rig/chance.js';
import { deviceOf } from '../rig/launch.js';
import { judge, withDevices } from './judging.js';

const two = withDevices(deviceOf('0'), deviceOf('1'));

/** Place, code and message of what is said about the only pool. */
function said(pool: string, more = two, defaults = '{}'): readonly string[] {
  const text = `version: 1\ndefaults: ${defaults}\npools:\n  a: ${pool}\n`;
  return judge(text, more).problems.map(({ line, severity, code, message }) => `${line} ${severity} ${code}: ${message}`);
}

const llama = (keys: string): string => `{ model: /m.gguf, ${keys} }`;
const vllm = (keys: string): string => `{ engine: vllm, model: org/repo, ${keys} }`;

describe('ratios', () => {
  it('have the sum 1.0, with room for what is rounded', () => {
    expect(said(llama('device_masks: [[0, 1]], tensor_split: [0.5, 0.6]'))).toEqual([
      '4 error SPLIT_MISMATCH: the ratios of pools.a.tensor_split must have the sum 1.0, have 1.1',
    ]);
    expect(said(llama('device_masks: [[0, 1]], tensor_split: [0.667, 0.333]'))).toEqual([]);
    const parts = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 2, maxLength: 2 });
    fc.assert(
      fc.property(parts, fc.double({ min: 0.5, max: 1.5, noNaN: true }), ([a = 1, b = 1], stretch) => {
        const ratios = [a, b].map((part) => Math.max(0.0001, (part / (a + b)) * stretch));
        const sum = ratios.reduce((total, ratio) => total + ratio, 0);
        fc.pre(ratios.every((ratio) => ratio <= 1) && Math.abs(Math.abs(sum - 1) - 0.005) > 1e-6);
        const found = said(llama(`device_masks: [[0, 1]], tensor_split: [${ratios.map((ratio) => ratio.toFixed(6))}]`));
        expect(found.length).toBe(Math.abs(sum - 1) > 0.005 ? 1 : 0);
      }),
    );
  });

  it('are above 0', () => {
    expect(said(llama('device_masks: [[0, 1]], tensor_split: [1, 0]'))).toEqual([expect.stringContaining('a ratio above 0')]);
    expect(said(llama('device_masks: [[0, 1]], tensor_split: [1.5, -0.5]'))[0]).toContain('a ratio above 0');
  });

  it('are as many as the devices of each mask, of which `all` has those that were found', () => {
    const has = (mask: string, r: number, count: string): string =>
      `4 error SPLIT_MISMATCH: pools.a.tensor_split has 2 ratios, and the mask "${mask}" of r${r} has ${count}`;
    const split = 'tensor_split: [0.5, 0.5]';
    expect(said(llama(`device_masks: [all], ${split}`))).toEqual([]);
    expect(said(llama(`device_masks: [all], ${split}`), withDevices(deviceOf('0')))).toEqual([has('all', 0, '1 device')]);
    expect(said(llama(`device_masks: [[0, 1], cpu], ${split}`))).toEqual([has('cpu', 1, '0 devices')]);
    expect(said(llama(`device_masks: [0, 1], ${split}`))).toEqual([has('0', 0, '1 device'), has('1', 1, '1 device')]);
    // Where the machine is not looked at, a list is as long as it is written, and nobody knows about `all`.
    expect(said(llama(`device_masks: [all], ${split}`), { devices: null })).toEqual([]);
    expect(said(llama(`device_masks: [0], ${split}`), { devices: null })).toEqual([has('0', 0, '1 device')]);
  });

  it('of defaults are judged where they stand', () => {
    expect(said(llama('device_masks: [0]'), two, '{ tensor_split: [0.5, 0.5] }')).toEqual([
      '2 error SPLIT_MISMATCH: pools.a.tensor_split has 2 ratios, and the mask "0" of r0 has 1 device',
    ]);
  });
});

describe('the engine', () => {
  it('has to be one that can be told, else that is said', () => {
    const pool = '{ engine: demo, device_masks: [[0, 1]], tensor_split: [0.5, 0.5] }';
    expect(said(pool)).toEqual([
      '4 warning NO_EFFECT: pools.a.tensor_split has no effect: poolctl knows no flag by which engine demo could be told',
    ]);
    expect(said('{ engine: demo, device_masks: [[0, 1]] }')).toEqual([]);
  });

  it('must not be told twice, nor otherwise', () => {
    expect(said(llama('device_masks: [[0, 1]], tensor_split: [0.5, 0.5], args: [-ts, "1,1", --split-mode, none]'))).toEqual([
      '4 error SPLIT_MISMATCH: cannot split the model of pools.a: it is split twice: by tensor_split, and by --tensor-split in its args',
      '4 error SPLIT_MISMATCH: cannot split the model of pools.a: --split-mode none in its args keeps the model on one device',
    ]);
    expect(said(llama('device_masks: [[0, 1]], args: [-ts, "1,1", --split-mode, none]'))).toEqual([]);
  });

  it('that divides evenly takes equal ratios, and as many workers as there are devices', () => {
    expect(said(vllm('device_masks: [[0, 1]], tensor_split: [0.5, 0.5]'))).toEqual([]);
    expect(said(vllm('device_masks: [[0, 1]], tensor_split: [0.75, 0.25]'))).toEqual([
      '4 error SPLIT_MISMATCH: cannot split the model of pools.a: vllm divides a model evenly, and the ratios are 0.75, 0.25',
    ]);
    const over = (mask: string, r: number, are: string): string =>
      `4 error SPLIT_MISMATCH: cannot split the model of pools.a over the mask "${mask}" of r${r}: --tensor-parallel-size 4 is for 4 devices, and there ${are}`;
    const args = 'args: [--tensor-parallel-size, "4"]';
    expect(said(vllm(`device_masks: [[0, 1]], ${args}`))).toEqual([over('0,1', 0, 'are 2')]);
    expect(said(vllm(`device_masks: [all], ${args}`))).toEqual([over('all', 0, 'are 2')]);
    // One that says it for all of the same size; on the CPU, workers are no devices.
    expect(said(vllm(`device_masks: [0, 1], ${args}`))).toEqual([over('0', 0, 'is 1')]);
    expect(said(vllm(`device_masks: [cpu], ${args}`))).toEqual([]);
    expect(said(vllm(`device_masks: [all], ${args}`), { devices: null })).toEqual([]);
  });
});
