import { beforeEach, expect, test, vi } from 'vitest';
import { makePulse } from '../../src/host/pulse.js';

beforeEach(() => {
  vi.useFakeTimers();
  return () => void vi.useRealTimers();
});

test('whoever came when, all are called in the same beat, and none any more who has left', () => {
  const pulse = makePulse(5_000);
  const calls: string[] = [];
  const first = pulse(() => calls.push('first'));
  vi.advanceTimersByTime(3_000);
  pulse(() => calls.push('second'));
  vi.advanceTimersByTime(2_000);
  expect(calls).toEqual(['first', 'second']);
  first();
  vi.advanceTimersByTime(5_000);
  expect(calls).toEqual(['first', 'second', 'second']);
});

test('it beats as long as anybody wants it, and again for the next', () => {
  const pulse = makePulse(5_000);
  expect(vi.getTimerCount()).toBe(0);
  const leave = pulse(() => {});
  leave();
  leave();
  expect(vi.getTimerCount()).toBe(0);
  let calls = 0;
  pulse(() => calls++);
  vi.advanceTimersByTime(5_000);
  expect(calls).toBe(1);
});
