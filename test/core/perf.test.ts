import { describe, expect, it } from 'vitest';
import type { PerfCounters } from '../../src/core/facts.js';
import { meanPerf, noPerf, type Perf, perfAfter, viewPerf } from '../../src/core/perf.js';
import fc from '../rig/chance.js';
import { exitOf, probeResult } from '../rig/facts.js';
import { poolSpec } from '../rig/specs.js';
import { Bench } from './bench.js';

const counted = (tokens: number, tokenSeconds: number, more: Partial<PerfCounters> = {}): PerfCounters => ({
  tokens,
  tokenSeconds,
  firstTokens: null,
  firstTokenSeconds: null,
  ...more,
});

const seen = (...readings: readonly (readonly [at: number, counters: PerfCounters | null])[]): Perf =>
  readings.reduce<Perf>((perf, [at, counters]) => perfAfter(perf, counters, at), noPerf);

const speedOf = (perf: Perf): number | null => viewPerf(perf)?.tokens_per_s ?? null;

describe('tokens a second', () => {
  it('are unknown until something was counted while we looked', () => {
    expect(viewPerf(noPerf)).toBeNull();
    expect(viewPerf(seen([0, counted(5_000, 10)]))).toBeNull();
    expect(viewPerf(seen([0, counted(5_000, 10)], [10_000, counted(5_000, 10)]))).toBeNull();
  });

  it('are what was counted between two looks, and not since the engine began', () => {
    expect(viewPerf(seen([0, counted(5_000, 10)], [10_000, counted(5_100, 15)]))).toEqual({
      tokens_per_s: 20,
      first_token_ms: null,
    });
  });

  it('stay while nothing is counted, or nobody answers', () => {
    const known = seen([0, counted(0, 0)], [1_000, counted(10, 1)]);
    expect(perfAfter(known, counted(10, 1), 2_000)).toEqual(known);
    expect(perfAfter(known, null, 3_000)).toBe(known);
    expect(perfAfter(known, counted(20, 1), 4_000)).toEqual(known);
  });

  it('of tokens whose time is told later are not lost', () => {
    expect(speedOf(seen([0, counted(0, 0)], [1_000, counted(10, 0)], [2_000, counted(10, 5)]))).toBe(2);
  });

  it('lose half of the old in a minute', () => {
    const perf = seen([0, counted(0, 0)], [1_000, counted(10, 1)], [61_000, counted(20, 3)]);
    // 0.1 s a token before, 0.2 s since.
    expect(speedOf(perf)).toBe(6.667);
  });

  it('begin anew where a counter has gone down', () => {
    const reset = seen([0, counted(0, 0)], [1_000, counted(10, 1)], [2_000, counted(1, 1)]);
    expect(viewPerf(reset)).toBeNull();
    expect(speedOf(perfAfter(reset, counted(5, 2), 3_000))).toBe(4);
  });

  it('lie between the slowest and the fastest that was seen, whatever an engine says', () => {
    // At most a day for each token: what took longer is no measurement, and counts with the next one.
    const grows = fc.record({ tokens: fc.integer({ min: 1, max: 1e6 }), seconds: fc.integer({ min: 1, max: 8 * 86_400 }) });
    const look = fc.record({ by: grows, afterMs: fc.integer({ min: 0, max: 600_000 }) });
    fc.assert(
      fc.property(fc.array(look, { minLength: 1, maxLength: 30 }), (looks) => {
        const sum = { at: 0, tokens: 0, eighths: 0 };
        let perf = perfAfter(noPerf, counted(0, 0), 0);
        const speeds: number[] = [];
        for (const { by, afterMs } of looks) {
          sum.at += afterMs;
          sum.tokens += by.tokens;
          // Eighths of a second, so that the sums are exact.
          sum.eighths += by.seconds;
          perf = perfAfter(perf, counted(sum.tokens, sum.eighths / 8), sum.at);
          speeds.push(by.tokens / (by.seconds / 8));
        }
        const speed = speedOf(perf);
        expect(speed).toBeGreaterThanOrEqual(Math.min(...speeds) * 0.999);
        expect(speed).toBeLessThanOrEqual(Math.max(...speeds) * 1.001);
      }),
    );
  });

  it('are a positive number or unknown, even of counters that are nonsense', () => {
    const value = fc.option(fc.oneof(fc.double({ min: 0, noNaN: true }), fc.double()));
    const counters = fc.record({ tokens: value, tokenSeconds: value, firstTokens: value, firstTokenSeconds: value });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 1e9 }), counters), { maxLength: 20 }), (readings) => {
        const view = viewPerf(seen(...readings.sort(([a], [b]) => a - b)));
        const { tokens_per_s, first_token_ms } = view ?? { tokens_per_s: null, first_token_ms: null };
        if (tokens_per_s !== null) expect(Number.isFinite(tokens_per_s) && tokens_per_s > 0).toBe(true);
        if (first_token_ms !== null) expect(Number.isSafeInteger(first_token_ms) && first_token_ms >= 0).toBe(true);
        if (view !== null) expect([tokens_per_s, first_token_ms]).not.toEqual([null, null]);
      }),
    );
  });
});

describe('the first token', () => {
  it('is waited for so many milliseconds', () => {
    const waited = (firstTokens: number, firstTokenSeconds: number) => counted(0, 0, { firstTokens, firstTokenSeconds });
    expect(viewPerf(seen([0, waited(2, 1)], [1_000, waited(4, 1.25)]))).toEqual({ tokens_per_s: null, first_token_ms: 125 });
  });
});

describe('a pool', () => {
  it('is as fast as its replicas are that know', () => {
    expect(meanPerf([null, null])).toBeNull();
    expect(meanPerf([null, { tokens_per_s: 10, first_token_ms: null }, { tokens_per_s: 20, first_token_ms: 99 }])).toEqual({
      tokens_per_s: 15,
      first_token_ms: 99,
    });
  });
});

describe('a replica', () => {
  const polled = (bench: Bench, counters: PerfCounters | null) =>
    bench.give({ type: 'polled', ...bench.of(), inflight: 0, canTell: true, counters });

  it('shows how fast its engine is, also while that is unhealthy, and nothing of the one before', () => {
    const bench = new Bench([poolSpec('chat', 1)]).ready();
    expect(polled(bench, counted(0, 0)).view().perf).toBeNull();
    bench.pass(10_000);
    expect(polled(bench, counted(30, 2)).view().perf).toEqual({ tokens_per_s: 15, first_token_ms: null });
    while (bench.view().state === 'ready') bench.pass(5_000, probeResult({ verdict: 'failed', detail: 'HTTP 500' }));
    expect(bench.view()).toMatchObject({ state: 'unhealthy', perf: { tokens_per_s: 15 } });
    bench.exited(exitOf());
    expect(bench.view().perf).toBeNull();
    bench.wake().ready();
    expect(polled(bench, counted(0, 0)).view().perf).toBeNull();
    expect(polled(bench, counted(10, 1)).view().perf).toEqual({ tokens_per_s: 10, first_token_ms: null });
  });

  it('whose engines are polled only in a drain knows nothing', () => {
    const bench = new Bench([poolSpec('chat', 1)], { supervisor: { enginePollMs: null } }).ready().pass(60_000);
    expect(bench.view()).toMatchObject({ state: 'ready', perf: null, inflight: null });
  });
});
