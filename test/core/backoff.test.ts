import { expect, it, test } from 'vitest';
import { delayMs } from '../../src/core/backoff.js';
import fc from '../rig/chance.js';

const spec = { initialMs: 1_000, factor: 2, maxMs: 60_000, minMs: 500, jitter: 0.1, resetAfterMs: 300_000, cudaMultiplier: 2 };
const middle = 0.5;

test.each([
  ['1, 2, 4 … 32, and then at most the cap', 1, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 57_000, 57_000]],
  ['multiplied before the cap, so that the cap holds', 2, [2_000, 4_000, 8_000, 16_000, 32_000, 57_000, 57_000, 57_000]],
])('waits %s', (_, multiplier, waits) => {
  expect(waits.map((_wait, at) => delayMs(spec, at + 1, multiplier, middle))).toEqual(waits);
});

test.each([
  ['nobody waits less than the least', { ...spec, initialMs: 0 }, 1, 500],
  ['nor where chance is against it', { ...spec, initialMs: 520 }, 1, 500],
  ['the hundred-thousandth wait is no longer than the cap', spec, 100_000, 54_000],
  ['of nothing there is no growth', { ...spec, initialMs: 0, minMs: 0 }, 100_000, 0],
])('%s', (_, policy, n, expected) => {
  expect(delayMs(policy, n, 1, policy === spec ? 0.9999999 : 0)).toBe(expected);
});

it('is never under the least nor over the cap, and strays by no more than the jitter', () => {
  const unit = fc.double({ min: 0, max: 0.999999, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3_000 }), fc.constantFrom(1, 2, 7), unit, unit, (n, multiplier, jitter, rand) => {
      const wait = delayMs({ ...spec, jitter }, n, multiplier, rand);
      expect(wait).toBeGreaterThanOrEqual(spec.minMs);
      expect(wait).toBeLessThanOrEqual(spec.maxMs);
      const plain = Math.min(spec.maxMs, 1_000 * 2 ** Math.min(n - 1, 60) * multiplier);
      expect(Math.abs(wait - plain)).toBeLessThanOrEqual(plain * jitter + 1 + (wait === spec.minMs ? spec.minMs : 0));
    }),
  );
});
