/** Living engines that are sick: what their log, their probes and a token say of them. */

import { describe, expect, it, test } from 'vitest';
import type { Alarm, ProbeResult } from '../../src/core/facts.js';
import type { PoolSpec } from '../../src/core/model.js';
import { diagnosisOf, exitOf, killedBy, probeResult } from '../rig/facts.js';
import { poolSpec } from '../rig/specs.js';
import { again } from './again.js';
import { Bench } from './bench.js';
import { acquire, serving as leasing, release } from './leasing.js';

const plain = poolSpec('chat', 1);
const serving = (more: Partial<PoolSpec> = {}) => new Bench([poolSpec('chat', 1, more)]).ready();
const alarm = (kind: Alarm['kind'], more: Partial<Alarm> = {}): Alarm => ({
  kind,
  class: 'gpu_error',
  subclass: 'illegal_memory_access',
  line: 12,
  text: 'CUDA error: an illegal memory access was encountered',
  ...more,
});
const adopted = (bench: Bench) => bench.give({ type: 'adopted', ...bench.of() });
const alarmed = (bench: Bench, which: Alarm) => bench.give({ type: 'alarmed', ...bench.of(), alarm: which });
const polled = (bench: Bench, inflight: number | null, canTell = true) =>
  bench.give({ type: 'polled', ...bench.of(), inflight, canTell, counters: null });
const generated = (bench: Bench, verdict: 'ok' | 'failed' | 'unknown') =>
  bench.give({ type: 'generated', ...bench.of(), verdict, detail: 'no answer in 30s' });
const every = (everyMs: number) => ({ health: { ...plain.health, generate: { everyMs, timeoutMs: 30_000 } } });

/** How long it is from a sticky error to the signal, in ms. */
function waited(bench: Bench): number {
  const since = bench.now;
  if (!alarmed(bench, alarm('sticky')).did().includes('signal')) until(bench, 'signal');
  return bench.now - since;
}

/** To the next instant at which that is asked for; probes meanwhile are good. */
function until(bench: Bench, what: 'generate' | 'poll' | 'signal', answer = probeResult()): Bench {
  for (let n = 0; n < 1_000; n += 1) {
    bench.wake();
    if (bench.did().includes(what)) return bench;
    if (bench.did().includes('probe')) bench.probed(answer);
  }
  throw new Error(`no ${what}`);
}

describe('a sticky error in the log', () => {
  it('makes it unready at once, and ends it when its requests have ended', () => {
    const bench = alarmed(serving(), alarm('sticky'));
    expect(bench.did()).toEqual(['remove-handoff', 'record']);
    expect(bench.events).toMatchObject([{ event: 'replica.unhealthy', because: 'sticky', crash_class: 'gpu_error' }]);
    expect(bench.view()).toMatchObject({ state: 'unhealthy', ready: false, live: true });
    expect(bench.wake().did()).toContain('poll');
    expect(polled(bench, 2).view().state).toBe('unhealthy');
    expect(polled(bench, 0).effects).toMatchObject([{ type: 'record' }, { type: 'signal', rung: 'term' }]);
  });

  it('waits for its requests ten seconds at most, or the drain deadline where that is less', () => {
    expect(waited(serving())).toBe(10_000);
    expect(waited(serving({ drain: { deadlineMs: 3_000, inflight: 'auto' } }))).toBe(3_000);
    expect(waited(serving({ drain: { deadlineMs: 300_000, inflight: 'off' } }))).toBe(0);
  });

  it('waits for its leases, as a drain does, and no longer than for its requests', () => {
    const off = { drain: { deadlineMs: 300_000, inflight: 'off' as const } };
    const leased = leasing(4, 1, off);
    const lease = acquire(leased);
    expect(alarmed(leased, alarm('sticky')).did()).toEqual(['remove-handoff', 'record']);
    expect(leased.view()).toMatchObject({ state: 'unhealthy', active_leases: 1 });
    expect(leased.view().why).toMatch(/; restarted as soon as nothing runs on it, in 10s at the latest$/);
    release(leased, lease.id);
    expect(leased.effects).toMatchObject([{ type: 'record' }, { type: 'signal', rung: 'term' }]);

    const kept = leasing(4, 1, off);
    acquire(kept);
    expect(waited(kept)).toBe(10_000);
    expect(kept.told()).toContain('lease.lost');
  });

  it('ends an engine that still loads at once: it would become ready with it', () => {
    const bench = alarmed(new Bench([plain]).checked().spawned(), alarm('suspect'));
    expect(bench.view().state).toBe('starting');
    // Its log is read to its end: it may know more.
    expect(alarmed(bench, alarm('sticky')).effects).toMatchObject([{ type: 'record' }, { type: 'signal', ordered: false }]);
    expect(
      bench
        .exited(exitOf({ code: 0 }))
        .swept()
        .view(),
    ).toMatchObject({
      state: 'backoff',
      last_exit: { class: 'gpu_error', subclass: 'illegal_memory_access' },
    });
  });

  it('of an engine that served under an earlier supervisor makes it unready before it has answered this one, and lets its requests end', () => {
    const bench = adopted(again(serving()));
    expect(alarmed(bench, alarm('sticky')).view()).toMatchObject({ state: 'unhealthy', live: true });
    expect(bench.wake().did()).toContain('poll');
    expect(polled(bench, 1).view().state).toBe('unhealthy');
    expect(polled(bench, 0).effects).toMatchObject([{ type: 'record' }, { type: 'signal', rung: 'term' }]);
  });

  it('is not outlived by good probes, nor by a token', () => {
    const bench = alarmed(serving(), alarm('sticky'));
    generated(bench.wake().probed(), 'ok');
    expect(bench.view().state).toBe('unhealthy');
  });

  it('restarts it as a crash of that class, with that line for evidence, whatever its exit code', () => {
    const bench = until(alarmed(serving(), alarm('sticky')), 'signal')
      .exited(exitOf({ code: 0 }))
      .swept();
    expect(bench.view()).toMatchObject({
      state: 'backoff',
      crash_count: 1,
      last_exit: { class: 'gpu_error', subclass: 'illegal_memory_access', evidence: { line: 12, text: alarm('sticky').text } },
      backoff: { delay_ms: 2_000 },
      breaker: { failures: 0, cuda: { failures: 1 } },
    });
  });

  it('that the whole log knows more of, such as a cure, is told as that', () => {
    const diagnosis = diagnosisOf('driver', { subclass: 'device_lost', cure: 'reboot', hint: 'reboot' });
    const lost = alarm('sticky', { class: 'driver', subclass: 'xid_79' });
    const bench = until(alarmed(serving(), lost), 'signal').exited(killedBy('SIGKILL', { diagnosis })).swept();
    expect(bench.view()).toMatchObject({ state: 'broken', last_exit: { subclass: 'device_lost', hint: 'reboot' } });
  });

  it('said again changes nothing', () => {
    const bench = alarmed(serving(), alarm('sticky'));
    const before = bench.state;
    expect(alarmed(bench, alarm('sticky', { line: 13 })).state).toBe(before);
    expect(alarmed(bench, alarm('suspect', { line: 14 })).state).toBe(before);
  });
});

describe('a suspect error in the log', () => {
  const suspected = () => alarmed(serving(), alarm('suspect')).wake();

  it('makes it unready, and asks for one token at once', () => {
    const bench = alarmed(serving(), alarm('suspect'));
    expect(bench.view()).toMatchObject({ state: 'unhealthy', ready: false });
    expect(bench.wake().did()).toContain('generate');
  });

  it('was harmless where the token comes, and not where only a probe is good', () => {
    const bench = suspected().probed();
    expect(bench.view().state).toBe('unhealthy');
    expect(generated(bench, 'ok').did()).toEqual(['write-handoff', 'record']);
    expect(bench.view()).toMatchObject({ state: 'ready', restart_count: 0, last_error: null });
  });

  it('ends it where the token fails', () => {
    const bench = generated(suspected(), 'failed');
    expect(bench.effects).toMatchObject([{ type: 'record' }, { type: 'signal', rung: 'term' }]);
    expect(bench.exited().swept().view()).toMatchObject({ state: 'backoff', last_exit: { class: 'gpu_error' } });
  });

  it('is asked about again where the answer could not be judged', () => {
    const bench = generated(suspected(), 'unknown');
    const since = bench.now;
    expect(until(bench, 'generate').now - since).toBe(plain.health.intervalMs);
  });

  it('that turns out sticky is sticky', () => {
    const bench = alarmed(suspected(), alarm('sticky'));
    expect(bench.events).toMatchObject([{ event: 'replica.unhealthy', because: 'sticky' }]);
  });
});

describe('a token every so often', () => {
  it('is asked for, and again after the answer', () => {
    const bench = until(serving(every(20_000)), 'generate');
    const since = bench.now;
    expect(until(generated(bench, 'ok'), 'generate').now - since).toBe(20_000);
  });

  it('is not asked for while requests run', () => {
    const bench = serving(every(20_000));
    for (const end = bench.now + 100_000; bench.now < end; ) {
      bench.wake();
      expect(bench.did()).not.toContain('generate');
      if (bench.did().includes('probe')) bench.probed();
      if (bench.did().includes('poll')) polled(bench, 1);
    }
    expect(until(polled(bench, 0), 'generate').now).toBeGreaterThan(101_000);
  });

  it('that does not come makes it unhealthy, and one that comes ready', () => {
    const bench = generated(until(serving(every(20_000)), 'generate'), 'failed');
    expect(bench.events).toMatchObject([{ event: 'replica.unhealthy', because: 'silent' }]);
    expect(bench.view().last_error).toBe('makes no token: no answer in 30s');
    expect(generated(until(bench, 'generate'), 'ok').view().state).toBe('ready');
  });
});

describe('unhealthy for restart_after', () => {
  const miss = (more: Partial<ProbeResult> = {}) => probeResult({ verdict: 'failed', detail: 'no answer in 2s', ...more });
  const none = { decoded: null, inflight: null, cpuTicks: null };

  /** How long an engine is borne whose probes fail, and tell of so much work. */
  function borne(work: (probe: number) => Partial<ProbeResult>): number {
    const bench = serving();
    for (let n = 0; n < 3; n += 1) bench.wake().probed(miss());
    const since = bench.now;
    for (let n = 0; bench.view().state === 'unhealthy'; ) {
      bench.wake();
      if (bench.did().includes('probe')) bench.probed(miss(work(n++)));
    }
    return bench.now - since;
  }

  test.each<[string, number, (probe: number) => Partial<ProbeResult>]>([
    ['without a sign of work, it is restarted', 60_000, () => ({})],
    ['with work that stands still as well', 60_000, () => ({ work: { ...none, decoded: 7, inflight: 1, cpuTicks: 7 } })],
    ['with tokens that move it is borne ten minutes longer', 660_000, (n) => ({ work: { ...none, decoded: n } })],
    ['with requests whose CPU time grows likewise', 660_000, (n) => ({ work: { ...none, inflight: 1, cpuTicks: n } })],
    ['CPU time without a request is no work', 60_000, (n) => ({ work: { ...none, inflight: 0, cpuTicks: n } })],
    ['and one that is dead does not get that time', 60_000, (n) => ({ dead: true, work: { ...none, decoded: n } })],
    ['work that ends ends that time', 140_000, (n) => ({ work: { ...none, decoded: Math.min(n, 24) } })],
  ])('%s', (_, ms, work) => {
    expect(borne(work)).toBe(ms);
  });
});
