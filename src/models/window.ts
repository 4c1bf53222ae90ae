/** A file's bytes from its beginning on, with a small part of them in memory at a time. Never past the file's end, and not for ever. */

import type { FileHandle } from 'node:fs/promises';

/** What is wrong with a file, as a phrase that goes on after "the model …:". */
export class Flaw extends Error {
  override readonly name = 'Flaw';
}

/** Numbers are little-endian. Everything but `has` throws a Flaw where the file ends before. */
export type Window = {
  /** Are so many bytes in memory already? */
  has(count: number): boolean;
  /** Only what `has` has said yes to. */
  u64Now(): number;
  u32(): Promise<number>;
  u64(): Promise<number>;
  /** UTF-8; what is none becomes U+FFFD. At most what a window holds. */
  text(length: number): Promise<string>;
  /** What is passed over is not read. */
  skip(count: number): void;
};

const windowBytes = 64 * 1024;

/** The largest vocabularies with all that belongs to them have half of this. */
const longestHeader = 32 * 1024 * 1024;

export function openWindow(file: Pick<FileHandle, 'read'>, fileBytes: number): Window {
  const buffer = Buffer.allocUnsafe(windowBytes);
  /** Where in the file the buffer begins, how much of it is filled, and how much of that is used up. */
  let [from, filled, used] = [0, 0, 0];

  async function need(count: number): Promise<void> {
    const at = from + used;
    if (at + count > fileBytes) throw new Flaw('its header is cut off');
    if (at + count > longestHeader) throw new Flaw('its header has no end');
    if (has(count)) return;
    [from, filled, used] = [at, 0, 0];
    while (filled < count) {
      const { bytesRead } = await file.read(buffer, filled, windowBytes - filled, from + filled);
      if (bytesRead === 0) throw new Flaw('its header is cut off');
      filled += bytesRead;
    }
  }

  function has(count: number): boolean {
    return used + count <= filled;
  }

  function take(count: number): number {
    used += count;
    return used - count;
  }

  function u64Now(): number {
    const at = take(8);
    const value = buffer.readUInt32LE(at + 4) * 2 ** 32 + buffer.readUInt32LE(at);
    if (value > Number.MAX_SAFE_INTEGER) throw new Flaw('its header has a number that no file could be as large as');
    return value;
  }

  return {
    has,
    u64Now,
    async u32() {
      await need(4);
      return buffer.readUInt32LE(take(4));
    },
    async u64() {
      await need(8);
      return u64Now();
    },
    async text(length) {
      await need(length);
      const at = take(length);
      return buffer.toString('utf8', at, at + length);
    },
    skip(count) {
      if (from + used + count > fileBytes) throw new Flaw('its header is cut off');
      used += count;
    },
  };
}
