import { describe, expect, it } from 'vitest';
import { sharesOf } from '../../src/core/split.js';
import fc from '../rig/chance.js';

const total = fc.integer({ min: 0, max: 2 ** 48 });
const ratios = fc
  .array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 16 })
  .map((weights) => weights.map((weight) => weight / weights.reduce((a, b) => a + b, 0)));

describe('the shares of the devices', () => {
  it('follow the ratios in the order of the mask', () => {
    expect(sharesOf(1000, [0.75, 0.25], 2)).toEqual([750, 250]);
    expect(sharesOf(1000, [0.25, 0.75], 2)).toEqual([250, 750]);
  });

  it('are equal without ratios, and the first devices have what cannot be divided', () => {
    expect(sharesOf(10, null, 3)).toEqual([4, 3, 3]);
    expect(sharesOf(7, null, 1)).toEqual([7]);
  });

  it('are equal where a mask has lost a device that the ratios were written for', () => {
    expect(sharesOf(1000, [0.5, 0.3, 0.2], 2)).toEqual([500, 500]);
  });

  it('are none without a device', () => {
    expect(sharesOf(1000, null, 0)).toEqual([]);
    expect(sharesOf(1000, [], 0)).toEqual([]);
  });

  it('are whole, never negative, and together what was to be divided', () => {
    fc.assert(
      fc.property(total, fc.option(ratios), fc.integer({ min: 1, max: 16 }), (bytes, given, count) => {
        const shares = sharesOf(bytes, given, given?.length ?? count);
        expect(shares).toHaveLength(given?.length ?? count);
        expect(shares.every((share) => Number.isSafeInteger(share) && share >= 0)).toBe(true);
        expect(shares.reduce((a, b) => a + b, 0)).toBe(bytes);
      }),
    );
  });

  it('are a byte from their ratios at most, but for what a floating-point number cannot tell', () => {
    fc.assert(
      fc.property(total, ratios, (bytes, given) => {
        const slack = 1 + bytes * 1e-12;
        sharesOf(bytes, given, given.length).forEach((share, at) => {
          expect(Math.abs(share - bytes * (given[at] ?? Number.NaN))).toBeLessThanOrEqual(slack);
        });
      }),
    );
  });

  it('differ by a byte at most without ratios', () => {
    fc.assert(
      fc.property(total, fc.integer({ min: 1, max: 64 }), (bytes, count) => {
        const shares = sharesOf(bytes, null, count);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
      }),
    );
  });
});
