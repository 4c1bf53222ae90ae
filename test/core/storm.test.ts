import { describe, expect, it, test } from 'vitest';
import type { CrashClass } from '../../src/core/crash.js';
import { kindOf, launchableAt, type Restart, raised, within, withRestart } from '../../src/core/storm.js';
import fc from '../rig/chance.js';
import { poolSpec } from '../rig/specs.js';

const { storm } = poolSpec('chat', 1).restart;
const restart = (at: number, of: CrashClass = 'unknown'): Restart => ({ at: { at, wallMs: at }, class: of });
const at = (...times: number[]) => times.map((time) => restart(time));
const limits = { limit: 3, windowMs: 1_000, pending: 0 };

describe('the window', () => {
  it('holds what is younger than it, and not what is exactly as old', () => {
    expect(within(at(0, 1, 500), 1_000, 1_000)).toEqual(at(1, 500));
    expect(withRestart(at(0, 1, 500), restart(1_001), 1_000)).toEqual(at(500, 1_001));
  });
});

describe('the next restart', () => {
  test.each<[string, readonly Restart[], Partial<typeof limits>, number | null]>([
    ['is allowed under the limit', at(1_500, 1_600), {}, 2_000],
    ['waits at the limit until the oldest has left', at(1_500, 1_600, 1_700), {}, 2_500],
    ['waits over the limit until enough have', at(1_500, 1_600, 1_700, 1_800), {}, 2_600],
    ['does not count those that have left', at(100, 1_000, 1_600, 1_700), {}, 2_000],
    ['counts those on their way', at(1_600, 1_700), { pending: 1 }, 2_600],
    ['waits for those on their way where there are as many as the limit', at(1_600), { pending: 3 }, null],
  ])('%s', (_, restarts, more, expected) => {
    expect(launchableAt(restarts, { ...limits, ...more }, 2_000)).toBe(expected);
  });

  it('never makes more than the limit in any window, whenever it is asked for', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(700), { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (gaps, limit) => {
        let [made, now]: [readonly Restart[], number] = [[], 0];
        const all: number[] = [];
        for (const gap of gaps) {
          now += gap;
          const allowed = launchableAt(made, { limit, windowMs: 1_000, pending: 0 }, now);
          if (allowed === null) throw new Error('nothing is on its way');
          expect(allowed).toBeGreaterThanOrEqual(now);
          now = allowed;
          made = withRestart(made, restart(now), 1_000);
          all.push(now);
        }
        for (const end of all) expect(all.filter((each) => each > end - 1_000 && each <= end).length).toBeLessThanOrEqual(limit);
      }),
    );
  });
});

test.each([
  [1, 10, 10],
  [10, 10, 20],
  [11, 11, 22],
])('%d replicas raise the limits to %d and %d', (replicas, limit, count) => {
  const policy = raised(storm, replicas);
  expect([policy.limit, policy.trip.count]).toEqual([limit, count]);
  expect(policy).toMatchObject({ windowMs: storm.windowMs, warnAt: storm.warnAt });
});

test.each<[string, readonly CrashClass[]]>([
  ['oom_storm', ['vram_oom', 'host_oom']],
  ['cuda_storm', ['gpu_error', 'driver']],
  ['storm', ['gpu_error', 'vram_oom']],
  ['storm', ['unknown']],
  ['storm', []],
])('%s is one of %j', (kind, classes) => {
  expect(kindOf(classes.map((of) => restart(0, of)))).toBe(kind);
});
