import { describe, expect, it } from 'vitest';

type Figure = {
  what: string;
  unit: string;
  poolctl: number[];
  floor?: number[];
  pm2?: number[];
  atMost?: number;
  ratioAtMost?: number;
  ratioAtLeast?: number;
};
type Figures = {
  median(values: number[]): number;
  percentile(values: number[], share: number): number;
  verdict(figure: Figure): boolean | null;
  table(figures: Figure[]): string;
  comparison(figures: Figure[], names: string[]): string[][];
  aligned(rows: string[][]): string;
  markdown(rows: string[][]): string;
};
const { median, percentile, verdict, table, comparison, aligned, markdown } = (await import(
  new URL('figures.mjs', import.meta.url).href
)) as Figures;

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
      { what: 'first', unit: 'ms', poolctl: [2.345], floor: [] },
    ]),
  ).toBe(
    [
      'figure  poolctl           floor  ratio   target',
      'start   120 (100-140) ms  60 ms  2.00 x  3 x     ok',
      'stop    61.3 ms           -      -       60 ms   MISSED',
      'first   2.35 ms           -      -       -',
      '',
    ].join('\n'),
  );
});

describe('a comparison', () => {
  const rows = comparison(
    [
      { what: 'respawn', unit: 'ms', poolctl: [9, 4, 5], pm2: [7.125, 7.5, 12.25], floor: [2, 2, 2] },
      { what: 'doubles', unit: 'of 10', poolctl: [0], pm2: [10], floor: [] },
    ],
    ['poolctl', 'pm2', 'floor'],
  );

  it('has a column for each supervisor: median and spread, one number where all rounds gave it, a dash where nothing was measured', () => {
    expect(rows).toEqual([
      ['figure', 'unit', 'poolctl', 'pm2', 'floor'],
      ['respawn', 'ms', '5 (4-9)', '7.50 (7.13-12.3)', '2'],
      ['doubles', 'of 10', '0', '10', '-'],
    ]);
  });

  it('is a table of Markdown for the page', () => {
    expect(markdown(rows)).toBe(
      [
        '| figure  | unit  | poolctl | pm2              | floor |',
        '| ------- | ----- | ------- | ---------------- | ----- |',
        '| respawn | ms    | 5 (4-9) | 7.50 (7.13-12.3) | 2     |',
        '| doubles | of 10 | 0       | 10               | -     |',
        '',
      ].join('\n'),
    );
  });

  it('is aligned for a terminal', () => {
    expect(aligned(rows).split('\n').slice(0, 2)).toEqual([
      'figure   unit   poolctl  pm2               floor',
      'respawn  ms     5 (4-9)  7.50 (7.13-12.3)  2',
    ]);
  });
});
