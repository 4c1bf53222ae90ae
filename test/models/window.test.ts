import { expect, it } from 'vitest';
import { openWindow } from '../../src/models/window.js';

/** A file of so many zeros that notes where it is read. */
function zeros(bytes: number, mostAtOnce = Number.POSITIVE_INFINITY) {
  const reads: { readonly at: number; readonly bytes: number }[] = [];
  const file = {
    async read(buffer: Buffer, offset: number, length: number, position: number) {
      const bytesRead = Math.max(0, Math.min(length, mostAtOnce, bytes - position));
      buffer.fill(0, offset, offset + bytesRead);
      reads.push({ at: position, bytes: bytesRead });
      return { bytesRead, buffer };
    },
  };
  return { window: openWindow(file as unknown as Parameters<typeof openWindow>[0], bytes), reads };
}

it('reads little, and what is passed over not at all', async () => {
  const { window, reads } = zeros(2 ** 24);
  await window.u32();
  window.skip(2 ** 23);
  await window.u64();
  expect(reads).toEqual([
    { at: 0, bytes: 65_536 },
    { at: 2 ** 23 + 4, bytes: 65_536 },
  ]);
});

it('says what it has in memory', async () => {
  const { window } = zeros(100);
  expect(window.has(1)).toBe(false);
  await window.u32();
  expect([window.has(96), window.has(97)]).toEqual([true, false]);
  window.skip(90);
  expect([window.has(6), window.has(7)]).toEqual([true, false]);
});

it('goes on where a disk gives a few bytes at a time', async () => {
  const { window, reads } = zeros(40, 3);
  expect(await window.u64()).toBe(0);
  expect(await window.text(9)).toBe('\0'.repeat(9));
  expect(reads.every(({ bytes }) => bytes <= 3)).toBe(true);
});

it('does not go past the end, be it what was promised or what there is', async () => {
  const { window, reads } = zeros(10);
  await window.u64();
  await expect(window.u32()).rejects.toThrow('its header is cut off');
  expect(() => window.skip(3)).toThrow('its header is cut off');
  expect(reads).toHaveLength(1);
  const shrunk = openWindow({ read: async () => ({ bytesRead: 0, buffer: Buffer.alloc(0) }) } as never, 1_000);
  await expect(shrunk.u32()).rejects.toThrow('its header is cut off');
});
