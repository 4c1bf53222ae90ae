import { describe, expect, test } from 'vitest';
import { outcomeText, type Told } from '../../../commands/render/outcome.js';
import type { OperationView } from '../../../src/api/wire.js';

const begun = Date.parse('2026-11-27T12:00:00Z');
const later = (ms: number): string => new Date(begun + ms).toISOString();
const operation = (more: Partial<OperationView>): OperationView =>
  ({
    ...{ kind: 'drain', state: 'succeeded', outcome: 'drained', changed: true, cut: 0 },
    ...{ started_at: later(0), finished_at: later(22_000) },
    ...more,
  }) as OperationView;
const nothing: Told = { losses: { holders: [], deadlineAt: null }, deadline: undefined, askedAt: begun };
const lost = (holders: readonly (string | null)[], afterMs: number | null, more: Partial<Told> = {}): Told => ({
  ...nothing,
  losses: { holders, deadlineAt: afterMs === null ? null : begun + afterMs },
  ...more,
});
const drained = (more: Partial<OperationView>, told = nothing): string => outcomeText('drain', 'chat/r0', operation(more), told);
const forced = (cut: number, told: Told): string => drained({ outcome: 'forced', cut }, told);

describe('a drain', () => {
  test.each([
    [drained({}), 'chat/r0 drained in 22.0s. To serve again: poolctl start chat/r0'],
    [drained({ changed: false, finished_at: later(0) }), 'chat/r0 is stopped already'],
    // It was on its way to its end already.
    [drained({ changed: false }), 'chat/r0 drained in 22.0s. To serve again: poolctl start chat/r0'],
    [
      drained({ state: 'running', outcome: null, finished_at: null }),
      'chat/r0: drain begun. Follow it: poolctl wait chat/r0 --for drained',
    ],
    [
      drained({ state: 'failed', outcome: 'cancelled', error: { code: 'X', message: 'drain was cancelled by a start' } }),
      'chat/r0 was not drained: drain was cancelled by a start',
    ],
  ])('%s', (text, wanted) => {
    expect(text).toBe(wanted);
  });
});

describe('a drain by force', () => {
  test.each([
    [
      forced(1, lost(['nightly-batch'], 60_004, { deadline: '60s' })),
      'forced at the deadline of 60s: 1 lease cut (nightly-batch)',
    ],
    [forced(2, lost(['a', null], 300_020)), 'forced at the deadline of 5m: 2 leases cut (a)'],
    [forced(1, lost([null], 400)), 'forced at the deadline of 400ms: 1 lease cut'],
    [forced(5, lost(['a', 'b', 'c', 'd', 'e'], 2_004)), 'forced at the deadline of 2s: 5 leases cut (a, b, c, ...)'],
    [forced(0, lost([], 60_004, { deadline: '1m' })), 'forced at the deadline of 1m: running requests were cut off'],
    [forced(1, lost(['a'], 9, { deadline: '0' })), 'forced at once: 1 lease cut (a)'],
    // Another drain had less time, and had begun before.
    [forced(1, lost(['a'], 30_002, { deadline: '10m' })), 'forced at the deadline of 30s: 1 lease cut (a)'],
    // It joined one that had begun 50 s before, and had the earlier deadline.
    [
      forced(1, lost(['a'], 60_004, { deadline: '10s', askedAt: begun + 50_000 })),
      'forced at the deadline of 10s: 1 lease cut (a)',
    ],
    [forced(1, lost(['a\nb'], null)), 'forced, since an engine ended by itself: 1 lease cut (a b)'],
  ])('%s', (text, wanted) => {
    expect(text).toBe(`chat/r0 ${wanted}`);
  });
});

describe('the others', () => {
  test.each([
    ['restart', { outcome: 'ready' }, nothing, 'chat/r0 ready in 22.0s'],
    ['restart', { outcome: 'ready', cut: 1 }, lost(['a'], 5_000), 'chat/r0 ready in 22.0s, 1 lease cut (a)'],
    ['start', { outcome: 'ready', changed: false, finished_at: later(0) }, nothing, 'chat/r0 is ready already'],
    [
      'stop',
      { outcome: 'stopped', cut: 2 },
      nothing,
      'chat/r0 stopped in 22.0s, 2 leases cut. To serve again: poolctl start chat/r0',
    ],
  ] as const)('%s %j', (verb, more, told, text) => {
    expect(outcomeText(verb, 'chat/r0', operation(more), told)).toBe(text);
  });
});
