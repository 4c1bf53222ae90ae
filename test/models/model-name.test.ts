import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readGguf } from '../../src/models/gguf.js';
import { modelName } from '../../src/models/model-name.js';
import { scratchDir } from '../host/scratch.js';
import { writeTinyModel } from '../rig/gguf.js';

it.each([
  ['Qwen3 8B Instruct', 'Qwen3 8B Instruct'],
  ['x'.repeat(120), 'x'.repeat(120)],
  ['x'.repeat(121), null],
  ['one,two', null],
  ['--api-key', null],
  ['a\u0007b', null],
  ['', null],
])('of a model that calls itself %j', async (name, expected) => {
  expect(await modelName(writeTinyModel(join(await scratchDir(), 'm.gguf'), { name }))).toBe(expected);
});

it('is unknown of what cannot be read', async () => {
  const dir = await scratchDir();
  await writeFile(join(dir, 'm.gguf'), 'no model');
  expect(await modelName(join(dir, 'm.gguf'))).toBeNull();
  expect(await modelName(join(dir, 'missing.gguf'))).toBeNull();
});

it('is not waited for without end', async () => {
  const path = writeTinyModel(join(await scratchDir(), 'm.gguf'), { name: 'slow' });
  expect(await modelName(path, () => new Promise(() => {}), 1)).toBeNull();
  expect(await modelName(path, (asked) => new Promise((resolve) => setImmediate(resolve, readGguf(asked))), 60_000)).toBe('slow');
});
