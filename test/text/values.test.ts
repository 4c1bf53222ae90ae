/** Durations and sizes as users write them, and as people read them. */

import { describe, expect, it, test } from 'vitest';
import { formatBytes, parseBytes } from '../../src/text/bytes.js';
import { parseDuration } from '../../src/text/duration.js';
import { age, clockTime, rfc3339, span, took } from '../../src/text/time.js';
import fc from '../rig/chance.js';

describe('durations', () => {
  test.each([
    ['250ms', 250],
    ['0s', 0],
    ['0ms', 0],
    ['1.5s', 1_500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1h1m1s1ms', 3_661_001],
    ['0.001s', 1],
    ['999999999h', 3_599_999_996_400_000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each([
    '',
    '5',
    '5 s',
    ' 5s',
    '5s ',
    '-5s',
    '+5s',
    '5S',
    '1m1h',
    '1s1s',
    '1.5ms',
    '.5s',
    '5.s',
    '1e3s',
    '5d',
    '5sec',
    'h',
    'ms',
    '1.2345s',
    '１s',
    '1000000000h',
    '5s\n',
  ])('%j is none', (text) => {
    expect(parseDuration(text)).toBeNull();
  });

  it('are the sum of their parts', () => {
    const count = fc.nat({ max: 999_999 });
    fc.assert(
      fc.property(count, count, count, count, (h, m, s, ms) => {
        expect(parseDuration(`${h}h${m}m${s}s${ms}ms`)).toBe(h * 3_600_000 + m * 60_000 + s * 1000 + ms);
      }),
    );
  });
});

describe('sizes', () => {
  test.each([
    ['0B', 0],
    ['1B', 1],
    ['512MiB', 512 * 2 ** 20],
    ['9GiB', 9 * 2 ** 30],
    ['1.5GiB', 1.5 * 2 ** 30],
    ['2TiB', 2 * 2 ** 40],
    ['1kB', 1_000],
    ['1KB', 1_000],
    ['1GB', 1e9],
    ['999999999999999B', 999_999_999_999_999],
    ['999999.999TiB', Math.round(999_999.999 * 2 ** 40)],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  test.each([
    '',
    '5',
    '5 GiB',
    '-1GiB',
    '1G',
    '1gib',
    '1Gb',
    '1e3MiB',
    '.5GiB',
    '1.GiB',
    '1.2345GiB',
    '1000000GiB',
    '1GiB\n',
    '0x1B',
  ])('%j is none', (text) => {
    expect(parseBytes(text)).toBeNull();
  });

  it('are read with one decimal, in the largest unit that leaves a one before the point', () => {
    expect([0, 512, 1023, 1024, 9.1 * 2 ** 30, 1023.96 * 2 ** 30, 5e15].map(formatBytes)).toEqual([
      '0 B',
      '512 B',
      '1023 B',
      '1.0 KiB',
      '9.1 GiB',
      '1.0 TiB',
      '4547.5 TiB',
    ]);
    fc.assert(
      fc.property(
        fc.nat({ max: 2 ** 40 }),
        (bytes) => void expect(formatBytes(bytes)).toMatch(/^\d{1,4}(\.\d)? (B|KiB|MiB|GiB|TiB)$/),
      ),
    );
  });
});

describe('times', () => {
  it('ages take at most six columns and never go back', () => {
    expect([-5, 0, 48_999, 725_000, 11_460_000, 1_051_200_000].map(age)).toEqual([
      '0s',
      '0s',
      '48s',
      '12m05s',
      '3h11m',
      '12d04h',
    ]);
    fc.assert(
      fc.property(fc.nat({ max: 80 * 86_400_000 }), (ms) => {
        expect(age(ms).length).toBeLessThanOrEqual(6);
      }),
    );
  });

  it('what something took has a decimal below a minute', () => {
    expect([-1, 0, 49, 50, 29_140, 59_949, 59_951, 92_400].map(took)).toEqual([
      '0.0s',
      '0.0s',
      '0.0s',
      '0.1s',
      '29.1s',
      '59.9s',
      '1m00s',
      '1m32s',
    ]);
  });

  it('spans are exact where short, and need no unit that is nothing', () => {
    expect([0, 250, 999.6, 1_000, 1_500, 9_940, 30_000, 300_000, 5_400_000, 3_601_000].map(span)).toEqual([
      '0ms',
      '250ms',
      '1s',
      '1s',
      '1.5s',
      '9.9s',
      '30s',
      '5m',
      '1h30m',
      '1h1s',
    ]);
    expect(span(-5)).toBe('0ms');
  });

  it('of the clock are local, of machines are UTC', () => {
    const noon = new Date(2026, 0, 2, 3, 4, 5).getTime();
    expect(clockTime(noon)).toBe('03:04:05');
    expect(rfc3339(0)).toBe('1970-01-01T00:00:00.000Z');
  });

  it('of machines are what Date makes of them, whichever day was told before', () => {
    fc.assert(fc.property(fc.date({ noInvalidDate: true }), (date) => rfc3339(date.getTime()) === date.toISOString()));
    expect(rfc3339(1_795_829_671_816.7)).toBe('2026-11-28T01:34:31.816Z');
    for (const none of [Number.NaN, Number.POSITIVE_INFINITY, 8.64e15 + 1]) expect(() => rfc3339(none)).toThrow(RangeError);
  });
});
