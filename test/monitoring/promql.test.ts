import { describe, expect, it, test } from 'vitest';
import { readPromQl } from './promql.js';

describe('a reader of PromQL', () => {
  it('finds every metric, matcher and grouping', () => {
    const asked = readPromQl(
      'sum by (le, pool_id) (rate(a_bucket{x="1", y=~"b|c"}[5m])) / on (pool_id) group_left (z) b offset 15m > 2.5 unless absent(c) and d == bool 1',
    );
    expect(asked.selectors.map(({ name }) => name)).toEqual(['a_bucket', 'b', 'c', 'd']);
    expect(asked.selectors[0]?.matchers).toEqual([
      { label: 'x', operator: '=', value: '1' },
      { label: 'y', operator: '=~', value: 'b|c' },
    ]);
    expect(asked.grouping).toEqual(['le', 'pool_id', 'pool_id', 'z']);
  });

  it.each(['up', 'up{}', 'max by (a) (up{b!="c"}) == 1', 'count(a == 0) or vector(0)', '1 - a / b < 0.02'])(
    'reads %s',
    (text) => {
      expect(readPromQl(text).selectors.length).toBeGreaterThan(0);
    },
  );

  test.each([
    ['a function that it does not know', 'summe(a)'],
    ['a matcher without a value', 'a{b}'],
    ['a matcher with a bare word', 'a{b=c}'],
    ['a comma too few', 'a{b="c" d="e"}'],
    ['braces without a name', '{b="c"}'],
    ['a grouping without brackets', 'sum by a'],
    ['a sign that it does not know', 'a ? b'],
    ['a text that does not end', 'a{b="c}'],
    ['an open end', 'a{b="c"'],
    ['a variable', 'rate(a[$__rate_interval])'],
    ['no metric', '1 + 1'],
    ['nothing', ''],
  ])('refuses %s', (_, text) => {
    expect(() => readPromQl(text)).toThrow();
  });
});
