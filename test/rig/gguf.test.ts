import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { tinyModel, writeCorruptModel, writeTinyModel } from './gguf.js';

const directory = mkdtempSync(join(tmpdir(), 'gguf-'));
afterAll(() => rmSync(directory, { recursive: true }));

describe('a tiny model', () => {
  it('is a GGUF 3 file whose weights fill it to the last byte', () => {
    for (const layers of [1, 2, 3]) {
      const bytes = tinyModel({ layers });
      const { version, keys, tensors, dataAt } = readHeader(bytes);
      expect(version).toBe(3);
      expect(keys.get('general.architecture')).toBe('llama');
      expect(keys.get('llama.block_count')).toBe(layers);
      expect(tensors.map(({ name }) => name).filter((name) => name.startsWith('blk.'))).toHaveLength(9 * layers);
      let expected = 0;
      for (const tensor of tensors) {
        expect(tensor.offset).toBe(expected);
        expected += Math.ceil((tensor.shape.reduce((a, b) => a * b, 1) * (tensor.type === 0 ? 4 : 2)) / 32) * 32;
      }
      expect(bytes.length).toBe(dataAt + expected);
    }
  });

  it('has a token, a score and a type for each row of its embedding', () => {
    const { keys, tensors } = readHeader(tinyModel());
    const rows = tensors.find(({ name }) => name === 'token_embd.weight')?.shape[1];
    expect(keys.get('llama.vocab_size')).toBe(rows);
    for (const key of ['tokens', 'scores', 'token_type']) expect(keys.get(`tokenizer.ggml.${key}`)).toHaveLength(rows ?? -1);
    expect(new Set(keys.get('tokenizer.ggml.tokens') as string[]).size).toBe(rows);
  });

  it('is small, the same for the same seed, another for another', () => {
    expect(tinyModel({ layers: 2 }).length).toBeLessThan(1_000_000);
    expect(tinyModel({ seed: 7 }).equals(tinyModel({ seed: 7 }))).toBe(true);
    expect(tinyModel({ seed: 7 }).equals(tinyModel({ seed: 8 }))).toBe(false);
  });

  it('has weights that are numbers, and small', () => {
    const bytes = tinyModel();
    const { tensors, dataAt } = readHeader(bytes);
    for (const { name, type, offset, shape } of tensors) {
      const length = shape.reduce((a, b) => a * b, 1);
      for (let index = 0; index < length; index++) {
        const at = dataAt + offset + index * (type === 0 ? 4 : 2);
        const exponent = type === 0 ? bytes.readFloatLE(at) : (bytes.readUInt16LE(at) >> 10) & 0x1f;
        if (exponent > 12) throw new Error(`${name}[${index}] is too big`);
      }
    }
  });

  it('breaks off in the weights when corrupt', () => {
    const whole = statSync(writeTinyModel(join(directory, 'whole.gguf'))).size;
    const cut = readFileSync(writeCorruptModel(join(directory, 'cut.gguf')));
    expect(cut.length).toBeLessThan(whole);
    expect(readHeader(cut).dataAt).toBeLessThan(cut.length);
  });
});

const llamaServer = process.env.LLAMA_SERVER ?? '';
describe.runIf(llamaServer !== '')('with a real llama-server', () => {
  it('a tiny model loads', async () => {
    const { output } = await load(writeTinyModel(join(directory, 'tiny.gguf'), { layers: 2 }));
    expect(output).toMatch(/listening on http/);
  });

  it('a corrupt one does not, with exit code 1', async () => {
    const { output, code } = await load(writeCorruptModel(join(directory, 'corrupt.gguf')));
    expect(output).toMatch(/not within the file bounds/);
    expect(code).toBe(1);
  });
});

/** Runs llama-server until it listens, then ends it, or until it ends by itself. */
async function load(model: string): Promise<{ output: string; code: number | null }> {
  const args = [
    '-m',
    model,
    '-t',
    '1',
    '-c',
    '512',
    '--parallel',
    '1',
    '--offline',
    '--device',
    'none',
    '--host',
    '127.0.0.1',
    '--port',
    '0',
  ];
  const child = spawn(llamaServer, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
    if (/listening on http/.test(output)) child.kill('SIGTERM');
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { output, code };
}

type Header = {
  readonly version: number;
  readonly keys: ReadonlyMap<string, unknown>;
  readonly tensors: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly type: number;
    readonly offset: number;
  }[];
  readonly dataAt: number;
};

/** A reader of its own, so that writer and test do not share a mistake. */
function readHeader(bytes: Buffer): Header {
  let at = 4;
  const take = (size: number) => {
    at += size;
    return at - size;
  };
  const u32 = () => bytes.readUInt32LE(take(4));
  const u64 = () => Number(bytes.readBigUInt64LE(take(8)));
  const text = () => {
    const length = u64();
    return bytes.toString('utf8', at, take(length) + length);
  };
  const value = (type: number): unknown => {
    if (type === 4 || type === 5) return u32();
    if (type === 6) return bytes.readFloatLE(take(4));
    if (type === 7) return bytes[take(1)] === 1;
    if (type === 8) return text();
    if (type !== 9) throw new Error(`key of type ${type}`);
    const itemType = u32();
    return Array.from({ length: u64() }, () => value(itemType));
  };
  expect(bytes.toString('latin1', 0, 4)).toBe('GGUF');
  const version = u32();
  const tensorCount = u64();
  const keys = new Map(Array.from({ length: u64() }, () => [text(), value(u32())] as const));
  const tensors = Array.from({ length: tensorCount }, () => ({
    name: text(),
    shape: Array.from({ length: u32() }, u64),
    type: u32(),
    offset: u64(),
  }));
  return { version, keys, tensors, dataAt: Math.ceil(at / 32) * 32 };
}
