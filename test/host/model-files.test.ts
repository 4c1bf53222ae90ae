import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { inspectModel } from '../../src/host/model-files.js';
import { scratchDir } from './scratch.js';

const yes = async (): Promise<null> => null;

function gguf(version: number, rest = 100): Buffer {
  const head = Buffer.alloc(8 + rest);
  head.write('GGUF');
  head.writeUInt32LE(version, 4);
  return head;
}

test('a GGUF file is passed, with its size and what it is known by', async () => {
  const path = join(await scratchDir(), 'm.gguf');
  await writeFile(path, gguf(3));
  expect(await inspectModel(path, 'llamacpp', yes)).toEqual({
    ok: true,
    value: { bytes: 108, identity: expect.stringContaining(':108:'), ggufFiles: [path] },
  });
});

test.each<[string, Buffer, string]>([
  ['something else', Buffer.from('this is no model'), 'no GGUF file'],
  ['nothing', Buffer.alloc(0), 'only 0 bytes'],
  ['cut in its head', gguf(3).subarray(0, 6), 'only 6 bytes'],
  ['too old', gguf(1), 'version 1'],
  ['the other way round', gguf(0x03000000), 'byte order'],
])('a .gguf that is %s is refused', async (_, content, why) => {
  const path = join(await scratchDir(), 'm.gguf');
  await writeFile(path, content);
  expect(await inspectModel(path, 'llamacpp', yes)).toEqual({
    ok: false,
    error: expect.objectContaining({ what: 'model', text: expect.stringContaining(`cannot use the model "${path}": it`) }),
  });
  expect(JSON.stringify(await inspectModel(path, 'llamacpp', yes))).toContain(why);
});

test("other files are the engine's matter", async () => {
  const path = join(await scratchDir(), 'model.bin');
  await writeFile(path, 'anything');
  expect(await inspectModel(path, 'command', yes)).toMatchObject({ ok: true, value: { bytes: 8, ggufFiles: [] } });
});

test('a missing file, and one that the engine may not read', async () => {
  const path = join(await scratchDir(), 'm.gguf');
  expect(await inspectModel(path, 'llamacpp', yes)).toMatchObject({
    ok: false,
    error: { text: `cannot use the model "${path}": there is no such file` },
  });
  await writeFile(path, gguf(3));
  expect(await inspectModel(path, 'llamacpp', async (_, want) => `no permission to ${want} it`)).toMatchObject({
    ok: false,
    error: { text: `cannot use the model "${path}": no permission to read it` },
  });
});

test('a model in parts is all of its parts', async () => {
  const dir = await scratchDir();
  const part = (n: number): string => join(dir, `m-0000${n}-of-00003.gguf`);
  await Promise.all([1, 3].map((n) => writeFile(part(n), gguf(3))));
  expect(await inspectModel(part(1), 'llamacpp', yes)).toMatchObject({
    ok: false,
    error: { text: expect.stringContaining('its part "m-00002-of-00003.gguf" is not there') },
  });
  await writeFile(part(2), gguf(3, 200));
  expect(await inspectModel(part(1), 'llamacpp', yes)).toMatchObject({
    ok: true,
    value: { bytes: 108 + 208 + 108, ggufFiles: [part(1), part(2), part(3)] },
  });
});

test('a directory: not for llama.cpp, which is shown the file; for vLLM and SGLang with a config.json; for others as it is', async () => {
  const dir = await scratchDir();
  await mkdir(join(dir, 'x.gguf'));
  const seen: string[] = [];
  const may = async (path: string): Promise<string | null> => {
    seen.push(path);
    return path.endsWith('config.json') ? 'there is no such file' : null;
  };
  expect(await inspectModel(dir, 'llamacpp', may)).toMatchObject({
    ok: false,
    error: { text: expect.stringContaining('it is a directory'), hint: `model: ${join(dir, 'x.gguf')}` },
  });
  expect(await inspectModel(dir, 'vllm', may)).toMatchObject({
    ok: false,
    error: { text: expect.stringContaining('config.json') },
  });
  expect(await inspectModel(dir, 'command', may)).toEqual({ ok: true, value: { bytes: null, identity: null, ggufFiles: [] } });
  expect(await inspectModel(dir, 'sglang', yes)).toMatchObject({ ok: true });
  expect(seen).toContain(join(dir, 'config.json'));
});
