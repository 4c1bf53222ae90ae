import { describe, expect, it } from 'vitest';

type Figure = {
  what: string;
  unit: string;
  poolctl: number[];
  floor?: number[];
  atMost?: number;
  ratioAtMost?: number;
  ratioAtLeast?: number;
};
type Figures = {
  median(values: number[]): number;
  percentile(values: number[], share: number): number;
  verdict(figure: Figure): boolean | null;
  table(figures: Figure[]): string;
};
const { median, percentile, verdict, table } = (await import(new URL('figures.mjs', import.meta.url).href)) as Figures;

describe('median', () => {
  it('is the middle one, or between the middle two, in any order', () => {
    expect(median([3])).toBe(3);
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 2, 9])).toBe(3);
  });
});

describe('percentile', () => {
  it('is the value that so large a share does not exceed', () => {
    const hundred = Array.from({ length: 100 }, (_, at) => 100 - at);
    expect([0.01, 0.5, 0.99, 1].map((share) => percentile(hundred, share))).toEqual([1, 50, 99, 100]);
    expect(percentile([7, 3], 0.99)).toBe(7);
    expect(percentile([5], 0.5)).toBe(5);
  });
});

describe('verdict', () => {
  const figure = { what: 'x', unit: 'ms', poolctl: [10, 26, 12] };

  it('holds a figure against its own limit, limit included', () => {
    expect(verdict({ ...figure, atMost: 12 })).toBe(true);
    expect(verdict({ ...figure, atMost: 11.9 })).toBe(false);
  });

  it('holds it against the floor', () => {
    expect(verdict({ ...figure, floor: [6, 6, 99], ratioAtMost: 2 })).toBe(true);
    expect(verdict({ ...figure, floor: [5.9], ratioAtMost: 2 })).toBe(false);
    expect(verdict({ ...figure, floor: [20], ratioAtLeast: 0.6 })).toBe(true);
    expect(verdict({ ...figure, floor: [20.1], ratioAtLeast: 0.6 })).toBe(false);
  });

  it('is none without a target', () => {
    expect(verdict(figure)).toBeNull();
  });
});

it('the table says what was missed', () => {
  expect(
    table([
      { what: 'start', unit: 'ms', poolctl: [100, 120, 140], floor: [60], ratioAtMost: 3 },
      { what: 'stop', unit: 'ms', poolctl: [61.25], atMost: 60 },
      { what: 'first', unit: 'ms', poolctl: [2.345] },
    ]),
  ).toBe(
    [
      'figure  poolctl              floor          ratio   target',
      'start   120 (100-140) ms     60 (60-60) ms  2.00 x  3 x     ok',
      'stop    61.3 (61.3-61.3) ms  -              -       60 ms   MISSED',
      'first   2.35 (2.35-2.35) ms  -              -       -',
      '',
    ].join('\n'),
  );
});
