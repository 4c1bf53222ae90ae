import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { executedAs } from '../../src/host/executed.js';
import { runProgram, scratchDir } from './scratch.js';

it('a process shows how it was executed, and of its environment what was asked for alone', async () => {
  const { pid } = await runProgram(['sh', '-c', 'echo ready; sleep 60; :', 'two words', ''], {
    env: { CUDA_VISIBLE_DEVICES: '1', SECRET: 'x' },
  });
  expect(await executedAs(pid, ['CUDA_DEVICE_ORDER', 'CUDA_VISIBLE_DEVICES'])).toEqual({
    argv: ['sh', '-c', 'echo ready; sleep 60; :', 'two words', ''],
    env: ['CUDA_VISIBLE_DEVICES=1'],
  });
});

it('null where it is gone, or has no command of its own', async () => {
  const proc = await scratchDir();
  mkdirSync(join(proc, '2'));
  writeFileSync(join(proc, '2/cmdline'), '');
  expect(await executedAs(1, [], proc)).toBeNull();
  expect(await executedAs(2, [], proc)).toBeNull();
});
