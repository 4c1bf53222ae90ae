/**
 * Tiny models of random weights in the GGUF format (version 3, little-endian), for a real llama-server: it loads them in milliseconds and
 * answers nonsense. The same seed gives the same bytes.
 */

import { writeFileSync } from 'node:fs';

export type TinyModel = {
  /** general.name. @default 'tiny' */
  readonly name?: string;
  /** @default 1 */
  readonly layers?: number;
  /** @default 1 */
  readonly seed?: number;
};

/** A whole file: architecture llama, a vocabulary of bytes and a few hundred pieces, F16. Some 300 KB for one layer. */
export function tinyModel({ name = 'tiny', layers = 1, seed = 1 }: TinyModel = {}): Buffer {
  const tokens = vocabulary();
  const tensors = tensorsOf(layers, tokens.length);
  const random = numbersFrom(seed);
  const data = tensors.map((tensor) => tensorData(tensor, random));
  const offsets = data.map((_, index) => data.slice(0, index).reduce((sum, { length }) => sum + length, 0));
  const keys = metadata(name, layers, tokens);
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(keys.length),
    ...keys.map(([key, value]) => Buffer.concat([string(key), u32(value.type), value.bytes])),
    ...tensors.map(({ name: tensor, shape, type }, index) =>
      Buffer.concat([string(tensor), u32(shape.length), ...shape.map(u64), u32(type), u64(offsets[index] ?? 0)]),
    ),
  ]);
  return Buffer.concat([padded(head), ...data]);
}

/** Writes a tiny model and gives its path. */
export function writeTinyModel(path: string, model: TinyModel = {}): string {
  writeFileSync(path, tinyModel(model));
  return path;
}

/** A model whose download broke off: header and tensor list are whole, the end of the weights is missing. */
export function writeCorruptModel(path: string, model: TinyModel = {}): string {
  const whole = tinyModel(model);
  writeFileSync(path, whole.subarray(0, Math.floor(whole.length * 0.6)));
  return path;
}

const embedding = 64;
const heads = 2;
const feedForward = 128;
const alignment = 32;

type Tensor = {
  readonly name: string;
  /** Columns, then rows. */
  readonly shape: readonly number[];
  /** 0: F32, of ones; 1: F16, random. */
  readonly type: 0 | 1;
  /** So many rows at the top are nought. */
  readonly noughtRows?: number;
};

function tensorsOf(layers: number, vocabularySize: number): Tensor[] {
  const matrix = (name: string, columns: number, rows: number): Tensor => ({
    name: `${name}.weight`,
    shape: [columns, rows],
    type: 1,
  });
  const norm = (name: string): Tensor => ({ name: `${name}.weight`, shape: [embedding], type: 0 });
  const layer = (n: number): Tensor[] => [
    norm(`blk.${n}.attn_norm`),
    ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].map((name) => matrix(`blk.${n}.${name}`, embedding, embedding)),
    norm(`blk.${n}.ffn_norm`),
    matrix(`blk.${n}.ffn_gate`, embedding, feedForward),
    matrix(`blk.${n}.ffn_up`, embedding, feedForward),
    matrix(`blk.${n}.ffn_down`, feedForward, embedding),
  ];
  return [
    matrix('token_embd', embedding, vocabularySize),
    ...Array.from({ length: layers }, (_, n) => layer(n)).flat(),
    norm('output_norm'),
    // The model never says an end or a single byte: what it says is valid UTF-8, for as long as it is asked.
    { ...matrix('output', embedding, vocabularySize), noughtRows: firstPiece },
  ];
}

/** Norms are ones, so that nothing vanishes or grows; the rest is small and random. */
function tensorData({ shape, type, noughtRows = 0 }: Tensor, random: () => number): Buffer {
  const firstRandom = noughtRows * (shape[0] ?? 0);
  const length = shape.reduce((product, size) => product * size, 1);
  const bytes = Buffer.alloc(length * (type === 0 ? 4 : 2));
  for (let index = 0; index < length; index++) {
    if (type === 0) bytes.writeFloatLE(1, index * 4);
    else bytes.writeUInt16LE(index < firstRandom ? 0 : half(random()), index * 2);
  }
  return padded(bytes);
}

/** A half float of 2^-7 to 2^-3 in size, either sign: `random` is in [0, 1). */
function half(random: number): number {
  const word = Math.floor(random * 0x10000);
  const exponent = 8 + ((word >> 1) & 0x3);
  return ((word & 1) << 15) | (exponent << 10) | ((word >> 3) & 0x3ff);
}

/** Three special ones and 256 bytes come before the pieces. */
const firstPiece = 3 + 256;

type Piece = { readonly text: string; readonly type: 1 | 2 | 3 | 6 };

/** SentencePiece wants unknown, begin and end first, then every byte; the pieces after them are what it speaks. */
function vocabulary(): Piece[] {
  const special: Piece[] = [
    { text: '<unk>', type: 2 },
    { text: '<s>', type: 3 },
    { text: '</s>', type: 3 },
  ];
  const bytes = Array.from(
    { length: 256 },
    (_, byte): Piece => ({ text: `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, type: 6 }),
  );
  const words = 'the of and to in is that for it with as was on be at by this had not are'
    .split(' ')
    .map((word) => `\u2581${word}`);
  const letters = Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index));
  return [...special, ...bytes, ...['\u2581', ...words, ...letters].map((text): Piece => ({ text, type: 1 }))];
}

type Value = { readonly type: number; readonly bytes: Buffer };

function metadata(name: string, layers: number, tokens: readonly Piece[]): [string, Value][] {
  const integer = (value: number): Value => ({ type: 4, bytes: u32(value) });
  const text = (value: string): Value => ({ type: 8, bytes: string(value) });
  const float = (value: number): Value => ({ type: 6, bytes: f32(value) });
  const flag = (value: boolean): Value => ({ type: 7, bytes: Buffer.from([value ? 1 : 0]) });
  const list = (type: number, items: readonly Buffer[]): Value => ({
    type: 9,
    bytes: Buffer.concat([u32(type), u64(items.length), ...items]),
  });
  return [
    ['general.architecture', text('llama')],
    ['general.type', text('model')],
    ['general.name', text(name)],
    ['general.file_type', integer(1)],
    ['llama.vocab_size', integer(tokens.length)],
    ['llama.context_length', integer(32768)],
    ['llama.embedding_length', integer(embedding)],
    ['llama.block_count', integer(layers)],
    ['llama.feed_forward_length', integer(feedForward)],
    ['llama.attention.head_count', integer(heads)],
    ['llama.attention.head_count_kv', integer(heads)],
    ['llama.rope.dimension_count', integer(embedding / heads)],
    ['llama.attention.layer_norm_rms_epsilon', float(1e-5)],
    ['tokenizer.ggml.model', text('llama')],
    ['tokenizer.ggml.pre', text('default')],
    [
      'tokenizer.ggml.tokens',
      list(
        8,
        tokens.map((token) => string(token.text)),
      ),
    ],
    [
      'tokenizer.ggml.scores',
      list(
        6,
        tokens.map((token, index) => f32(token.type === 1 ? -index : 0)),
      ),
    ],
    [
      'tokenizer.ggml.token_type',
      list(
        5,
        tokens.map((token) => u32(token.type)),
      ),
    ],
    ['tokenizer.ggml.bos_token_id', integer(1)],
    ['tokenizer.ggml.eos_token_id', integer(2)],
    ['tokenizer.ggml.unknown_token_id', integer(0)],
    ['tokenizer.ggml.add_bos_token', flag(true)],
    ['tokenizer.ggml.add_eos_token', flag(false)],
    [
      'tokenizer.chat_template',
      text(
        "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\\n' }}{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}",
      ),
    ],
  ];
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((alignment - (bytes.length % alignment)) % alignment)]);
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([u64(bytes.length), bytes]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

/** Numbers in [0, 1): mulberry32. */
function numbersFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}
