import { execFileSync } from 'node:child_process';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type GgufHeader, readGguf, readGgufParts } from '../../src/models/gguf.js';
import { scratchDir } from '../host/scratch.js';
import fc from '../rig/chance.js';
import { tinyModel } from '../rig/gguf.js';
import { type Key, list, madeHeader, numbers, text, u32, u64 } from './made.js';

async function read(content: Uint8Array): Promise<Awaited<ReturnType<typeof readGguf>>> {
  const path = join(await scratchDir(), 'm.gguf');
  await writeFile(path, content);
  return readGguf(path);
}

async function headerOf(content: Uint8Array): Promise<GgufHeader> {
  const header = await read(content);
  if (!header.ok) throw new Error(header.error);
  return header.value;
}

const architecture: Key = ['general.architecture', text('qwen3')];

describe('a whole header', () => {
  it('tells what llama-server would tell of it', async () => {
    // /v1/models of a real one calls its parameters n_params, and the bytes of its tensors size.
    expect(await headerOf(tinyModel({ name: 'Tiny One', layers: 2 }))).toEqual({
      version: 3,
      architecture: 'llama',
      name: 'Tiny One',
      contextLength: 32768,
      // 2 layers, 2 heads of 32 each, keys and values, 2 bytes a number.
      cacheBytesPerToken: 512,
      // 2 × 374 × 64 of vocabulary, 41,088 a layer, 64 at the end; 320 of them are F32.
      parameters: 130_112,
      tensorBytes: 260_864,
    });
  });

  it('has the context of its architecture, wherever it stands, and not that of another', async () => {
    const contexts: readonly Key[] = [
      ['clip.context_length', u32(77)],
      ['qwen3.context_length', u64(40960)],
    ];
    expect(await headerOf(madeHeader({ keys: [...contexts, architecture] }))).toMatchObject({ contextLength: 40960 });
    expect(await headerOf(madeHeader({ keys: contexts }))).toMatchObject({ contextLength: null, architecture: null });
  });

  it('tells what a token of context takes, with heads that share their keys and with other ones in each layer', async () => {
    const keys: readonly Key[] = [
      architecture,
      ['qwen3.block_count', u32(40)],
      ['qwen3.embedding_length', u32(5120)],
      ['qwen3.attention.head_count', u32(40)],
    ];
    const cacheOf = async (...more: readonly Key[]) =>
      (await headerOf(madeHeader({ keys: [...keys, ...more] }))).cacheBytesPerToken;
    expect(await cacheOf()).toBe(40 * 40 * (128 + 128) * 2);
    expect(await cacheOf(['qwen3.attention.head_count_kv', u32(8)])).toBe(40 * 8 * (128 + 128) * 2);
    const lengths: readonly Key[] = [
      ['qwen3.attention.key_length', u32(192)],
      ['qwen3.attention.value_length', u32(64)],
    ];
    expect(await cacheOf(['qwen3.attention.head_count_kv', u32(8)], ...lengths)).toBe(40 * 8 * (192 + 64) * 2);
    expect(await cacheOf(['qwen3.attention.head_count_kv', numbers(8, 0, 8)])).toBe(16 * (128 + 128) * 2);
    expect(await cacheOf(['qwen3.attention.head_count_kv', list(['8'])])).toBe(40 * 40 * (128 + 128) * 2);
    expect((await headerOf(madeHeader({ keys: [architecture] }))).cacheBytesPerToken).toBeNull();
    expect((await headerOf(madeHeader({ keys: keys.slice(1) }))).cacheBytesPerToken).toBeNull();
  });

  it.each([
    ['', null],
    ['   ', null],
    ['Qwen3 8B', 'Qwen3 8B'],
    ['  Qwen3 8B ', 'Qwen3 8B'],
    ['a\u001b[2Jb', null],
    ['a\nb', null],
    ['right\u202eleft', null],
    ['x'.repeat(1025), null],
  ])('has the name %j only where it can be shown', async (name, expected) => {
    expect(await headerOf(madeHeader({ keys: [['general.name', text(name)]] }))).toMatchObject({ name: expected });
  });

  it('with a name that is no text has none', async () => {
    const invalid = { type: 8, bytes: Buffer.from('0200000000000000c328', 'hex') };
    expect(await headerOf(madeHeader({ keys: [['general.name', u32(7)]] }))).toMatchObject({ name: null });
    expect(await headerOf(madeHeader({ keys: [['general.name', invalid]] }))).toMatchObject({ name: null });
  });

  it('has the bytes of its tensors by how they are stored', async () => {
    const tensors = [
      { shape: [512, 3], type: 12 }, // Q4_K: 144 bytes for 256
      { shape: [64], type: 8 }, // Q8_0: 34 bytes for 32
      { shape: [5], type: 30 }, // BF16
    ];
    expect(await headerOf(madeHeader({ tensors }))).toMatchObject({
      parameters: 512 * 3 + 64 + 5,
      tensorBytes: 6 * 144 + 2 * 34 + 10,
    });
    const unknown = [...tensors, { shape: [32], type: 99 }];
    expect(await headerOf(madeHeader({ tensors: unknown }))).toMatchObject({ parameters: 1637, tensorBytes: null });
    expect(await headerOf(madeHeader({ tensors: [{ shape: [100], type: 12 }] }))).toMatchObject({ tensorBytes: null });
  });

  it('is found behind a vocabulary of any size, of which nothing is kept', async () => {
    const path = join(await scratchDir(), 'm.gguf');
    const words = Array.from({ length: 100_000 }, (_, n) => `word ${n}`);
    const numbers: Key = ['tokenizer.ggml.scores', { type: 9, bytes: Buffer.concat([u32(6).bytes, u64(2 ** 20).bytes]) }];
    const keys: readonly Key[] = [['tokenizer.ggml.tokens', list(words)], architecture, numbers];
    const whole = madeHeader({ keys, tensors: [] });
    await writeFile(path, whole);
    // The numbers are a hole in the file.
    await truncate(path, whole.length + 2 ** 22);
    expect(await readGguf(path)).toMatchObject({ ok: true, value: { architecture: 'qwen3' } });
  });
});

describe('a model in parts', () => {
  it('is called what its first part says, and is all of their tensors', async () => {
    const dir = await scratchDir();
    const paths = [1, 2].map((n) => join(dir, `m-0000${n}-of-00002.gguf`));
    const [first = '', second = ''] = paths;
    await writeFile(first, madeHeader({ keys: [architecture], tensors: [{ shape: [32], type: 1 }] }));
    await writeFile(second, madeHeader({ tensors: [{ shape: [64], type: 0 }] }));
    expect(await readGgufParts(paths)).toMatchObject({
      ok: true,
      value: { architecture: 'qwen3', parameters: 96, tensorBytes: 320 },
    });
    await writeFile(second, madeHeader({ tensors: [{ shape: [64], type: 99 }] }));
    expect(await readGgufParts(paths)).toMatchObject({ ok: true, value: { tensorBytes: null } });
    await writeFile(second, 'no model');
    expect(await readGgufParts(paths)).toMatchObject({ ok: false });
  });
});

describe('a header that is none', () => {
  const head = (version: number, tensors: bigint, keys: bigint): Buffer => {
    const bytes = Buffer.alloc(24);
    bytes.write('GGUF');
    bytes.writeUInt32LE(version, 4);
    bytes.writeBigUInt64LE(tensors, 8);
    bytes.writeBigUInt64LE(keys, 16);
    return bytes;
  };
  const listOf = (type: number, count: bigint): Buffer => {
    const bytes = Buffer.alloc(12);
    bytes.writeUInt32LE(type);
    bytes.writeBigUInt64LE(count, 4);
    return madeHeader({ keys: [['x', { type: 9, bytes }]] });
  };
  const zeros = Buffer.alloc(1000);

  it.each<[string, Buffer, RegExp]>([
    ['something else', Buffer.from('this is no model'), /no GGUF file/],
    ['nothing', Buffer.alloc(0), /cut off/],
    ['version 1', head(1, 0n, 0n), /version 1/],
    ['the other byte order', head(0x03000000, 0n, 0n), /byte order/],
    ['2^60 tensors', head(3, 2n ** 60n, 0n), /no file could be as large/],
    ['2^50 tensors in a thousand bytes', Buffer.concat([head(3, 2n ** 50n, 0n), zeros]), /cut off/],
    ['2^50 keys in a thousand bytes', Buffer.concat([head(3, 0n, 2n ** 50n), zeros]), /cut off/],
    ['a text that is longer than the file', madeHeader({ keys: [['x', { type: 8, bytes: u64(2 ** 40).bytes }]] }), /cut off/],
    ['a list of numbers that is longer than the file', listOf(6, 2n ** 50n), /cut off/],
    ['a list of texts that is longer than the file', listOf(8, 2n ** 50n), /cut off/],
    ['a list whose bytes cannot be counted', listOf(12, 2n ** 53n - 1n), /cut off/],
    ['lists in lists', listOf(9, 1n), /list of the type 9/],
    ['a value of no type', madeHeader({ keys: [['x', { type: 13, bytes: Buffer.alloc(8) }]] }), /unknown type 13/],
    ['a tensor of many dimensions', madeHeader({ tensors: [{ shape: [1, 1, 1, 1, 1], type: 0 }] }), /5 dimensions/],
    ['tensors beyond counting', madeHeader({ tensors: [{ shape: [2 ** 40, 2 ** 40], type: 0 }] }), /no file could hold/],
  ])('%s', async (_, content, why) => {
    expect(await read(content)).toEqual({ ok: false, error: expect.stringMatching(why) });
  });

  it('goes on without end: it is given up', async () => {
    const path = join(await scratchDir(), 'm.gguf');
    await writeFile(path, listOf(8, 2n ** 50n));
    // A hole reads as texts without letters.
    await truncate(path, 2 ** 40);
    expect(await readGguf(path)).toEqual({ ok: false, error: 'its header has no end' });
  });

  it('is not looked for in what is no file', async () => {
    const dir = await scratchDir();
    const pipe = join(dir, 'pipe.gguf');
    execFileSync('mkfifo', [pipe]);
    expect(await readGguf(pipe)).toEqual({ ok: false, error: 'it is not a regular file' });
    expect(await readGguf(dir)).toEqual({ ok: false, error: 'it is not a regular file' });
    expect(await readGguf(join(dir, 'missing.gguf'))).toEqual({ ok: false, error: 'ENOENT' });
  });
});

describe('whatever a file holds', () => {
  const model = tinyModel({ name: 'tiny' });

  it('a header that is cut anywhere is told, and nothing of it is made up', async () => {
    const dir = await scratchDir();
    const path = join(dir, 'm.gguf');
    // The header ends where its last tensor is told; the weights are behind it.
    const headerBytes = model.lastIndexOf('output.weight') + 'output.weight'.length + 4 + 2 * 8 + 4 + 8;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: headerBytes - 1 }), async (end) => {
        await writeFile(path, model.subarray(0, end));
        expect(await readGguf(path)).toEqual({ ok: false, error: 'its header is cut off' });
      }),
      { numRuns: 200 },
    );
    await writeFile(path, model.subarray(0, headerBytes));
    expect(await readGguf(path)).toMatchObject({ ok: true });
  });

  it('it is read or refused, and never thrown at whoever asked', async () => {
    const path = join(await scratchDir(), 'm.gguf');
    const bytes = fc.uint8Array({ maxLength: 400 });
    const begun = bytes.map((rest) => Buffer.concat([model.subarray(0, 24), rest]));
    const flipped = fc
      .array(fc.tuple(fc.nat({ max: 4000 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 20 })
      .map((flips) => {
        const spoilt = Buffer.from(model.subarray(0, 12_000));
        for (const [at, value] of flips) spoilt[at] = value;
        return spoilt;
      });
    await fc.assert(
      fc.asyncProperty(fc.oneof(bytes, begun, flipped), async (content) => {
        await writeFile(path, content);
        const header = await readGguf(path);
        if (!header.ok) {
          expect(header.error).toMatch(/^[ -~]+$/);
          return;
        }
        const { parameters, tensorBytes, contextLength, cacheBytesPerToken } = header.value;
        expect(Number.isSafeInteger(parameters) && parameters >= 0).toBe(true);
        for (const count of [tensorBytes, contextLength, cacheBytesPerToken])
          expect(count === null || (Number.isSafeInteger(count) && count >= 0)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
