/** Headers of GGUF files, as they should be and as they should not. */

type Value = { readonly type: number; readonly bytes: Buffer };
export type Key = readonly [name: string, value: Value];
type Tensor = { readonly shape: readonly number[]; readonly type: number };

export function madeHeader(of: { readonly keys?: readonly Key[]; readonly tensors?: readonly Tensor[] }): Buffer {
  const { keys = [], tensors = [] } = of;
  return Buffer.concat([
    Buffer.from('GGUF'),
    u32(3).bytes,
    u64(tensors.length).bytes,
    u64(keys.length).bytes,
    ...keys.flatMap(([name, { type, bytes }]) => [text(name).bytes, u32(type).bytes, bytes]),
    ...tensors.flatMap(({ shape, type }, n) => [
      text(`blk.${n}.weight`).bytes,
      u32(shape.length).bytes,
      ...shape.map((length) => u64(length).bytes),
      u32(type).bytes,
      u64(0).bytes,
    ]),
  ]);
}

export function text(content: string): Value {
  const bytes = Buffer.from(content);
  return { type: 8, bytes: Buffer.concat([u64(bytes.length).bytes, bytes]) };
}

export function list(texts: readonly string[]): Value {
  return { type: 9, bytes: Buffer.concat([u32(8).bytes, u64(texts.length).bytes, ...texts.map((each) => text(each).bytes)]) };
}

export function numbers(...values: readonly number[]): Value {
  const head = [u32(4).bytes, u64(values.length).bytes];
  return { type: 9, bytes: Buffer.concat([...head, ...values.map((value) => u32(value).bytes)]) };
}

export function u32(value: number): Value {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return { type: 4, bytes };
}

export function u64(value: number): Value {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return { type: 10, bytes };
}
