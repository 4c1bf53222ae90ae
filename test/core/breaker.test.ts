import { describe, expect, it } from 'vitest';
import { afterFailure, type Breaker, closedBreaker, tripped, tryOnce, whenDue } from '../../src/core/breaker.js';
import fc from '../rig/chance.js';

const spec = {
  threshold: 3,
  openForMs: 300_000,
  extendFactor: 2,
  maxOpenForMs: 1_000_000,
  closeAfterMs: 60_000,
  cudaThreshold: 3,
};
const moment = (at: number) => ({ at, wallMs: 1e12 + at });
const failed = (breaker: Breaker, at = 0) => afterFailure(breaker, spec.threshold, spec, moment(at));

describe('a breaker', () => {
  it('opens at exactly its threshold', () => {
    const [one, two, three] = [1, 2, 3].map((times) =>
      Array(times)
        .fill(0)
        .reduce<Breaker>((b) => failed(b, 7), closedBreaker),
    );
    expect([one, two]).toEqual([
      { state: 'closed', failures: 1 },
      { state: 'closed', failures: 2 },
    ]);
    expect(three).toEqual({ state: 'open', failures: 3, openForMs: 300_000, retryAt: moment(300_007) });
  });

  it('with a threshold of 1 opens at the first', () => {
    expect(afterFailure(closedBreaker, 1, spec, moment(0))).toMatchObject({ state: 'open', failures: 1 });
  });

  it('lets failures pass while it is open', () => {
    const open = tripped(closedBreaker, spec, moment(0));
    expect(failed(open, 100)).toBe(open);
    expect(tripped(open, spec, moment(100))).toBe(open);
  });

  it('is half-open at its time, not a moment before, and once', () => {
    const open = tripped(closedBreaker, spec, moment(0));
    expect(whenDue(open, spec, 299_999)).toBe(open);
    const half = whenDue(open, spec, 300_000);
    expect(half.state).toBe('half-open');
    expect(whenDue(half, spec, 9e9)).toBe(half);
    expect(whenDue(closedBreaker, spec, 9e9)).toBe(closedBreaker);
  });

  it('reopens longer each time its test launch fails, to the most', () => {
    const waits: number[] = [];
    let [breaker, at]: [Breaker, number] = [tripped(closedBreaker, spec, moment(0)), 0];
    for (let n = 0; n < 4; n += 1) {
      if (breaker.state !== 'open') throw new Error(breaker.state);
      waits.push(breaker.retryAt.at - at);
      at = breaker.retryAt.at;
      breaker = failed(whenDue(breaker, spec, at), at);
    }
    expect(waits).toEqual([300_000, 600_000, 1_000_000, 1_000_000]);
  });

  it('never opens shorter than it was told to, where the most is less than that', () => {
    const odd = { ...spec, maxOpenForMs: 1_000 };
    const half = whenDue(tripped(closedBreaker, odd, moment(0)), odd, 300_000);
    expect(half).toMatchObject({ reopenForMs: 300_000 });
  });

  it('tried once by an operator opens as before when that fails, and stays otherwise', () => {
    const open = tripped(closedBreaker, spec, moment(0));
    expect(failed(tryOnce(open), 50)).toMatchObject({ state: 'open', openForMs: 300_000, retryAt: moment(300_050) });
    expect(tryOnce(closedBreaker)).toBe(closedBreaker);
  });
});

it('over any course is open no less than open_for and no longer than the most, and closes only when it is told to', () => {
  const act = fc.record({ kind: fc.constantFrom('fail', 'wait', 'trip', 'once'), ms: fc.nat(700_000) });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
      let [breaker, at]: [Breaker, number] = [closedBreaker, 0];
      for (const { kind, ms } of acts) {
        at += ms;
        const before = breaker;
        if (kind === 'fail') breaker = failed(breaker, at);
        if (kind === 'trip') breaker = tripped(breaker, spec, moment(at));
        if (kind === 'once') breaker = tryOnce(breaker);
        if (kind === 'wait') breaker = whenDue(breaker, spec, at);
        if (before.state !== 'closed') expect(breaker.state).not.toBe('closed');
        expect(breaker.failures).toBeGreaterThanOrEqual(before.failures);
        if (breaker.state === 'closed') expect(breaker.failures).toBeLessThan(spec.threshold);
        if (breaker.state !== 'open') continue;
        expect(breaker.openForMs).toBeGreaterThanOrEqual(spec.openForMs);
        expect(breaker.openForMs).toBeLessThanOrEqual(spec.maxOpenForMs);
        if (breaker !== before) expect(breaker.retryAt).toEqual(moment(at + breaker.openForMs));
      }
    }),
  );
});
