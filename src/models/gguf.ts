/**
 * What the header of a GGUF file tells of its model. Of the file nothing is believed: it may be cut, made up, or no model at all. Read in small
 * pieces with the loop's turns between them; of what is not asked for (a tokenizer's vocabulary) nothing is kept.
 */

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Result } from '../core/model.js';
import { tensorBytes } from './tensor-types.js';
import { Flaw, openWindow, type Window } from './window.js';

/** Unknown is null. */
export type GgufHeader = {
  /** Of the format. */
  readonly version: number;
  readonly architecture: string | null;
  /** As its maker called it: it may be anything that can be shown. */
  readonly name: string | null;
  /** The context in tokens that it was trained for. */
  readonly contextLength: number | null;
  /** What a token of context takes in the caches of keys and values, in halves of floats: llama.cpp's default. Null where it has none, or does not tell. */
  readonly cacheBytesPerToken: number | null;
  readonly parameters: number;
  /** What its tensors take; null where one is of a type that is not known here. */
  readonly tensorBytes: number | null;
};

/** The error is a phrase that goes on after "the model …:". Never rejects. */
export async function readGguf(path: string): Promise<Result<GgufHeader, string>> {
  try {
    // A pipe of that name must not keep us waiting.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) return { ok: false, error: 'it is not a regular file' };
      return { ok: true, value: await readHeader(openWindow(file, stats.size)) };
    } finally {
      await file.close();
    }
  } catch (error) {
    return { ok: false, error: error instanceof Flaw ? error.message : ((error as NodeJS.ErrnoException).code ?? String(error)) };
  }
}

/** Of a model in parts each part has its own tensors, and the first what is told of the model. */
export async function readGgufParts(paths: readonly string[]): Promise<Result<GgufHeader, string>> {
  const headers: GgufHeader[] = [];
  for (const path of paths) {
    const header = await readGguf(path);
    if (!header.ok) return header;
    headers.push(header.value);
  }
  const [first] = headers;
  if (first === undefined) return { ok: false, error: 'it has no parts' };
  return {
    ok: true,
    value: {
      ...first,
      parameters: headers.reduce((sum, { parameters }) => sum + parameters, 0),
      tensorBytes: headers.reduce<number | null>((sum, { tensorBytes }) => added(sum, tensorBytes), 0),
    },
  };
}

/** All that is looked for. Of the sizes those of its architecture count, which may be told after them. */
type Found = { architecture: string | null; name: string | null; readonly sizes: Map<string, Sizes> };

/** One number, or a list with one for each layer. */
type Sizes = readonly [number, ...number[]];

async function readHeader(window: Window): Promise<GgufHeader> {
  if ((await window.text(4)) !== 'GGUF') throw new Flaw('it is no GGUF file (its first four bytes are not "GGUF")');
  const version = await window.u32();
  if (version === 0 || version > 0xffff) throw new Flaw('it is a GGUF file of the other byte order');
  if (version === 1) throw new Flaw('it is a GGUF file of version 1, which llama.cpp reads no longer');
  const [tensors, keys] = [await window.u64(), await window.u64()];
  const found: Found = { architecture: null, name: null, sizes: new Map() };
  for (let n = 0; n < keys; n += 1) await readKey(window, found);
  const sizes = await readTensors(window, tensors);
  const { architecture, name } = found;
  const sizeOf = (key: SizeKey): Sizes | null => found.sizes.get(`${architecture}.${key}`) ?? null;
  const contextLength = sizeOf('context_length')?.[0] ?? null;
  return { version, architecture, name, contextLength, cacheBytesPerToken: cacheBytesPerToken(sizeOf), ...sizes };
}

async function readKey(window: Window, found: Found): Promise<void> {
  const key = await shortText(window);
  const type = await window.u32();
  if (key === 'general.architecture' && type === kinds.string) found.architecture = shown(await shortText(window));
  else if (key === 'general.name' && type === kinds.string) found.name = shown(await shortText(window));
  else if (key !== null && isSize(key) && found.sizes.size < mostSizes) {
    const sizes = await readSizes(window, type);
    if (sizes !== null) found.sizes.set(key, sizes);
  } else await skipValue(window, type);
}

/** Null, and passed over, where it is of another type. */
async function readSizes(window: Window, type: number): Promise<Sizes | null> {
  if (type === kinds.u32 || type === kinds.i32) return [await window.u32()];
  if (type === kinds.u64) return [await window.u64()];
  if (type !== kinds.array) {
    await skipValue(window, type);
    return null;
  }
  const of = await window.u32();
  const count = await window.u64();
  if ((of !== kinds.u32 && of !== kinds.i32) || count === 0 || count > mostLayers) {
    await skipItems(window, of, count);
    return null;
  }
  const sizes: [number, ...number[]] = [await window.u32()];
  for (let n = 1; n < count; n += 1) sizes.push(await window.u32());
  return sizes;
}

/** Of all layers: a key and a value for each head that has its own. Layers with a window of attention take less than this says. */
function cacheBytesPerToken(sizeOf: (key: SizeKey) => Sizes | null): number | null {
  const heads = sizeOf('attention.head_count');
  const ownHeads = sizeOf('attention.head_count_kv') ?? heads;
  const [layers = 0] = sizeOf('block_count') ?? [];
  const [width = 0] = sizeOf('embedding_length') ?? [];
  if (ownHeads === null || layers === 0) return null;
  const perHead = heads?.length === 1 && heads[0] > 0 ? width / heads[0] : 0;
  const [key = perHead] = sizeOf('attention.key_length') ?? [];
  const [value = key] = sizeOf('attention.value_length') ?? [];
  const all = ownHeads.length === 1 ? layers * ownHeads[0] : ownHeads.reduce((sum, each) => sum + each, 0);
  const bytes = Math.ceil(all * (key + value) * halfBytes);
  return bytes > 0 && Number.isSafeInteger(bytes) ? bytes : null;
}

async function skipValue(window: Window, type: number): Promise<void> {
  const size = scalarBytes[type];
  if (size !== undefined) return window.skip(size);
  if (type === kinds.string) return window.skip(await window.u64());
  if (type !== kinds.array) throw new Flaw(`its header has a value of the unknown type ${type}`);
  await skipItems(window, await window.u32(), await window.u64());
}

async function skipItems(window: Window, of: number, count: number): Promise<void> {
  const each = scalarBytes[of];
  if (each !== undefined) return window.skip(count * each);
  if (of !== kinds.string) throw new Flaw(`its header has a list of the type ${of}, which llama.cpp does not read`);
  for (let n = 0; n < count; n += 1) {
    // A vocabulary has hundreds of thousands: what is in memory already is not waited for.
    window.skip(window.has(8) ? window.u64Now() : await window.u64());
  }
}

async function readTensors(window: Window, count: number): Promise<Pick<GgufHeader, 'parameters' | 'tensorBytes'>> {
  let parameters = 0;
  let bytes: number | null = 0;
  for (let n = 0; n < count; n += 1) {
    window.skip(await window.u64());
    const dimensions = await window.u32();
    if (dimensions > 4) throw new Flaw(`its header has a tensor of ${dimensions} dimensions`);
    let columns = 1;
    let elements = 1;
    for (let dimension = 0; dimension < dimensions; dimension += 1) {
      const length = await window.u64();
      if (dimension === 0) columns = length;
      elements *= length;
    }
    const type = await window.u32();
    window.skip(offsetBytes);
    parameters += elements;
    if (!Number.isSafeInteger(parameters)) throw new Flaw('its header has tensors that no file could hold');
    bytes = added(bytes, tensorBytes(type, columns, elements));
  }
  return { parameters, tensorBytes: bytes };
}

/** Null, and passed over, where it is longer than anything that is looked for. */
async function shortText(window: Window): Promise<string | null> {
  const length = await window.u64();
  if (length <= longestText) return window.text(length);
  window.skip(length);
  return null;
}

/** Null for a text that is empty, or would do something to a terminal. */
function shown(text: string | null): string | null {
  const trimmed = text?.trim() ?? '';
  return trimmed === '' || /[\p{C}\p{Zl}\p{Zp}\ufffd]/u.test(trimmed) ? null : trimmed;
}

function added(a: number | null, b: number | null): number | null {
  return a === null || b === null || !Number.isSafeInteger(a + b) ? null : a + b;
}

const longestText = 1024;
const offsetBytes = 8;
const halfBytes = 2;
const mostLayers = 1024;
/** A file has a dozen of them; one with more is made up. */
const mostSizes = 64;

const sizeKeys = [
  'context_length',
  'block_count',
  'embedding_length',
  'attention.head_count',
  'attention.head_count_kv',
  'attention.key_length',
  'attention.value_length',
] as const;
type SizeKey = (typeof sizeKeys)[number];

function isSize(key: string): boolean {
  return sizeKeys.some((size) => key.endsWith(`.${size}`));
}

const kinds = { u32: 4, i32: 5, string: 8, array: 9, u64: 10 } as const;

/** By type: u8 i8 u16 i16 u32 i32 f32 bool, and after string and array u64 i64 f64. */
const scalarBytes: readonly (number | undefined)[] = [1, 1, 2, 2, 4, 4, 4, 1, undefined, undefined, 8, 8, 8];
