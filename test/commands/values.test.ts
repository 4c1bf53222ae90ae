import { describe, expect, it, test } from 'vitest';
import { countOf, durationOf, wordOf } from '../../commands/ask/values.js';

const usage = (message: string) => expect.objectContaining({ code: 'USAGE', message });

describe('options', () => {
  it('that are not given have no value', () => {
    expect([durationOf(undefined, '--timeout'), countOf(undefined, '--lines')]).toEqual([undefined, undefined]);
  });

  test.each([
    ['0', 0],
    ['0s', 0],
    ['250ms', 250],
    ['1h30m', 5_400_000],
  ])('--timeout %s is %d ms', (text, ms) => {
    expect(durationOf(text, '--timeout')).toBe(ms);
  });

  test.each([
    ['5', 'cannot use --timeout "5": it must be a duration with a unit, such as 250ms, 30s, 5m or 1h30m; for seconds write 5s'],
    ['soon', 'cannot use --timeout "soon": it must be a duration with a unit, such as 250ms, 30s, 5m or 1h30m'],
    ['-5s', 'cannot use --timeout "-5s": it must be a duration with a unit, such as 250ms, 30s, 5m or 1h30m'],
    ['', 'cannot use --timeout "": it must be a duration with a unit, such as 250ms, 30s, 5m or 1h30m'],
  ])('--timeout %j is refused', (text, message) => {
    expect(() => durationOf(text, '--timeout')).toThrow(usage(message));
  });

  it('counts are whole and not negative', () => {
    expect(['0', '10', '999999999'].map((text) => countOf(text, '--lines'))).toEqual([0, 10, 999_999_999]);
    for (const text of ['', '-1', '1.5', '1e3', 'all', '1000000000'])
      expect(() => countOf(text, '--lines')).toThrow(usage(`cannot use --lines "${text}": it must be a whole number, 0 or more`));
  });

  it('words are those that there are', () => {
    expect(wordOf('ready', ['ready', 'stopped'], '--for')).toBe('ready');
    expect(() => wordOf('Ready', ['ready', 'drained', 'stopped'], '--for')).toThrow(
      usage('cannot use --for "Ready": it must be ready, drained or stopped'),
    );
  });
});
