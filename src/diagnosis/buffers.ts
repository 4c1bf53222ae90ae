/** What a llama.cpp engine has taken on its devices while it loaded, by the lines in which its log counts it. */

import { ownPart } from './form.js';
import { bareLine } from './prefix.js';

/** Bytes by what the line says. What is loaded again after a sleep says the same again, and counts once. */
export type Buffers = ReadonlyMap<string, number>;

export const noBuffers: Buffers = new Map();

/** With what the line tells; buffers in the machine's own memory are none. Holds a bounded number. */
export function withBuffer(buffers: Buffers, line: string): Buffers {
  const { body } = bareLine(ownPart(line));
  const [, device = '', use = '', size] = counted.exec(body) ?? [];
  if (size === undefined) return buffers;
  // Of a device's compute buffers there is one, which grows.
  const name = use === 'compute ' ? `${device} compute` : body;
  const before = buffers.get(name);
  if (before === undefined && buffers.size >= mostBuffers) return buffers;
  return new Map(buffers).set(name, Math.max(Math.round(Number(size) * 2 ** 20), before ?? 0));
}

/** All together, on all devices; null: nothing was counted. */
export function bytesOf(buffers: Buffers): number | null {
  const sum = [...buffers.values()].reduce((total, bytes) => total + bytes, 0);
  return sum === 0 ? null : sum;
}

const mostBuffers = 200;

/** "load_tensors: CUDA0 model buffer size = 8700.15 MiB"; "CPU_Mapped", "CUDA_Host" and the like have no number of a device. */
const counted =
  /^\w{1,60}: +([A-Za-z]{1,20}\d{1,3})(?:_Split)? (model |KV |RS |output |compute )?buffer size = +(\d{1,9}\.\d\d) MiB$/;
