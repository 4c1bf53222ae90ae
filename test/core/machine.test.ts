import { describe, expect, it } from 'vitest';
import { nextAt } from '../../src/core/due.js';
import type { PoolSpec } from '../../src/core/model.js';
import { viewPools } from '../../src/core/snapshot.js';
import { exitOf, killedBy, probeResult, unmade } from '../rig/facts.js';
import { poolSpec } from '../rig/specs.js';
import { Bench } from './bench.js';

const one = (more: Partial<PoolSpec> = {}) => new Bench([poolSpec('chat', 1, more)]);

describe('a launch', () => {
  it('is checked, recorded before it is spawned, probed, and ready only with its handoff file', () => {
    const bench = one();
    expect(bench.did()).toEqual(['check', 'record']);
    expect(bench.checked().did()).toEqual(['spawn']);
    expect(bench.view()).toMatchObject({ state: 'preparing', live: false, incarnation: 1, port: 18_100 });
    expect(bench.spawned().told()).toEqual(['replica.starting']);
    expect(bench.wake().did()).toEqual(['probe']);
    bench.probed(probeResult({ verdict: 'loading', detail: 'HTTP 503' }));
    expect(bench.view()).toMatchObject({ state: 'starting', live: true, ready: false, url: null });
    bench.wake().probed(probeResult({ description: { engineVersion: 'b1', slotsTotal: 4, ctxMax: 4096 } }));
    expect(bench.did()).toEqual(['write-handoff', 'record']);
    expect(bench.view()).toMatchObject({
      state: 'ready',
      url: 'http://127.0.0.1:18100',
      engine_version: 'b1',
      slots_total: 4,
      slots_free: 4,
      last_error: null,
    });
  });

  it('is not made ready by another process that answers on its port', () => {
    const bench = one()
      .checked()
      .spawned()
      .wake()
      .probed(probeResult({ listener: 'foreign', holder: 'pid 812 (python3)' }));
    expect(bench.view()).toMatchObject({ state: 'starting', ready: false });
    expect(bench.view().why).toContain('pid 812 (python3) answers on port 18100, not this engine');
  });

  it('leaves a taken port that it never had for the next one, and waits for one that it had', () => {
    const bench = one();
    const taken = (b: Bench) => {
      const { key, check, port } = b.launch();
      const text = `port ${port} is held by pid 7 (nc)`;
      return b.give({
        type: 'checked',
        key,
        check,
        obstacles: [{ what: 'port', text }],
        startupDeadlineMs: 1,
        portKnownFree: false,
        modelBytes: null,
        listed: true,
      });
    };
    expect(taken(bench).launch().port).toBe(18_101);
    bench.ready().exited().wake();
    taken(bench);
    expect(bench.view()).toMatchObject({ state: 'backoff', port: 18_101, crash_count: 1 });
    expect(bench.view().why).toContain('port 18101 is held by pid 7 (nc)');
    expect(bench.wake().ready().view()).toMatchObject({ state: 'ready', restart_count: 1, restarts_total: 1 });
  });

  it('fails for good on what only a person can mend', () => {
    const bench = one();
    const { key, check } = bench.launch();
    const obstacles = [{ what: 'program', text: 'there is no program "/nope"' } as const];
    bench.give({
      type: 'checked',
      key,
      check,
      obstacles,
      startupDeadlineMs: 1,
      portKnownFree: false,
      modelBytes: null,
      listed: true,
    });
    expect(bench.view()).toMatchObject({ state: 'failed', crash_count: 0, incarnation: 0 });
    expect(nextAt(bench.state)).toBeNull();
    expect(bench.events).toMatchObject([{ event: 'replica.failed', obstacle: 'program' }]);
    expect(bench.ask('start').did()).toContain('check');
  });

  it.each([
    ['operator', 'restart'],
    ['start', null],
  ] as const)('that is for %s stays so when a passing obstacle made it wait', (cause, verb) => {
    const bench = one();
    if (verb !== null) bench.ready().ask(verb, { now: true }).exited().swept();
    const { key, check } = bench.launch();
    const obstacles = [{ what: 'memory', text: 'too little memory is free' } as const];
    bench.give({
      type: 'checked',
      key,
      check,
      obstacles,
      startupDeadlineMs: 1,
      portKnownFree: true,
      modelBytes: null,
      listed: true,
    });
    expect(bench.events).toMatchObject([{ event: 'replica.backoff', crash_reason: 'preflight', obstacle: 'memory' }]);
    expect(bench.wake().events).toMatchObject([{ event: 'replica.preparing', because: 'preflight' }]);
    expect(bench.checked().spawned().events).toMatchObject([{ event: 'replica.starting', reason: cause }]);
    expect(bench.view()).toMatchObject({ restart_count: 0, restarts_total: 0 });
  });

  it('waits behind others while the limit of loads is reached', () => {
    const bench = new Bench([poolSpec('chat', 6)]);
    expect(bench.did().filter((what) => what === 'check')).toHaveLength(4);
    const waiting = viewPools(bench.state, { now: bench.now, time: String })[0]?.replicas[4];
    expect(waiting).toMatchObject({ state: 'preparing' });
    expect(waiting?.why).toContain('waits to load behind chat/r0, chat/r1, chat/r2, chat/r3');
  });

  it('that is never healthy is killed at its deadline, as a hang', () => {
    const bench = one().checked().spawned();
    while (bench.replica().life.state === 'starting') {
      bench.wake();
      if (bench.did().includes('probe')) bench.probed(probeResult({ verdict: 'failed', detail: 'connection refused' }));
    }
    expect(bench.now).toBe(1_000 + 120_000);
    expect(bench.effects).toMatchObject([{ type: 'record' }, { type: 'signal', rung: 'kill' }]);
    bench.exited(killedBy('SIGKILL')).swept();
    expect(bench.view()).toMatchObject({ state: 'backoff', crash_count: 1, last_exit: { class: 'hang' } });
    expect(bench.view().last_error).toMatch(
      /^health check failed: not healthy after 2m \(connection refused\); raise health.startup_deadline/,
    );
  });

  it('that visibly progresses gets up to three times its automatic deadline', () => {
    const bench = one().checked().spawned();
    let progress = 0;
    while (bench.replica().life.state === 'starting') {
      bench.wake();
      if (bench.did().includes('probe'))
        bench.probed(probeResult({ verdict: 'loading', detail: 'HTTP 503', progress: ++progress }));
    }
    expect(bench.now).toBe(1_000 + 3 * 120_000);
  });
});

describe('a crash', () => {
  it('takes the handoff file away first, waits 1, 2, 4, 8 s, and counts restarts', () => {
    const { restart } = poolSpec('chat', 1);
    const bench = one({ restart: { ...restart, breaker: { ...restart.breaker, threshold: 99 } } }).ready();
    const waits: number[] = [];
    for (let n = 1; n <= 7; n += 1) {
      expect(bench.exited().did()[0]).toBe('remove-handoff');
      const { state, backoff, crash_count, ready, live } = bench.view();
      expect({ state, crash_count, ready, live }).toEqual({ state: 'backoff', crash_count: n, ready: false, live: false });
      waits.push(backoff?.delay_ms ?? -1);
      bench.wake().ready();
      expect(bench.view()).toMatchObject({ state: 'ready', restart_count: n, restarts_total: n });
    }
    // At the cap jitter goes only down: half of it at the middle of chance.
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 57_000]);
  });

  it('does not reset its backoff merely by being ready, but by staying so', () => {
    const bench = one().ready().exited().wake().ready();
    expect(bench.replica().attempt).toBe(1);
    while (bench.now < 310_000) bench.wake().probed();
    expect(bench.view()).toMatchObject({ crash_count: 0, restart_count: 1, crashes_total: 1 });
    expect(bench.replica().attempt).toBe(0);
  });

  it('keeps code and signal as the kernel gave them, and the last line', () => {
    const bench = one()
      .ready()
      .exited(killedBy('SIGSEGV', { lastLines: ['ggml_abort', ''] }));
    expect(bench.view()).toMatchObject({ last_exit: { code: null, signal: 'SIGSEGV' } });
    expect(bench.view().last_error).toBe('killed by SIGSEGV after 0s: ggml_abort');
  });

  it('whose group lives on is followed by those before anything is launched', () => {
    const bench = one().ready().exited(exitOf(), false);
    expect(bench.did()).toEqual(['remove-handoff', 'record', 'signal']);
    expect(bench.view().state).toBe('stopping');
    bench.wake().swept([77]);
    expect(bench.view().state).toBe('stopping');
    bench.wake().swept([]);
    expect(bench.view()).toMatchObject({ state: 'backoff', crash_count: 1 });
  });

  it('exit 0 after ready is a stop under on-failure, a wait under always, and rest under never', () => {
    const exit0 = exitOf({ code: 0 });
    const ended = (policy: 'on-failure' | 'always' | 'never') =>
      one({ restart: { ...poolSpec('chat', 1).restart, policy } })
        .ready()
        .exited(exit0)
        .view();
    expect(ended('on-failure')).toMatchObject({ state: 'stopped', goal: 'up', crash_count: 0 });
    expect(ended('always')).toMatchObject({ state: 'backoff', crash_count: 0 });
    expect(ended('never')).toMatchObject({ state: 'stopped', crash_count: 0 });
  });

  it('exit 0 before ready is a failure under every policy', () => {
    expect(
      one()
        .checked()
        .spawned()
        .exited(exitOf({ code: 0 }))
        .view(),
    ).toMatchObject({ state: 'backoff', crash_count: 1 });
  });

  it('is final under never, and when the program is missing', () => {
    const never = { ...poolSpec('chat', 1).restart, policy: 'never' } as const;
    expect(one({ restart: never }).ready().exited().view()).toMatchObject({ state: 'failed', crash_count: 1 });
    const missing = unmade('ENOENT', 'there is no program "/nope"');
    expect(one().checked().exited(missing).view()).toMatchObject({ state: 'failed' });
    const busy = unmade('EAGAIN', 'too many processes');
    expect(one().checked().exited(busy).view()).toMatchObject({ state: 'backoff' });
  });
});

describe('probes of a serving engine', () => {
  const miss = probeResult({ verdict: 'failed', detail: 'no answer in 2s' });

  it('three misses in a row make it unhealthy, one pass ready again, and no restart is counted', () => {
    const bench = one().ready();
    for (let n = 0; n < 2; n += 1) bench.wake().probed(miss);
    expect(bench.wake().probed(probeResult()).view().state).toBe('ready');
    for (let n = 0; n < 3; n += 1) bench.wake().probed(miss);
    expect(bench.did()[0]).toBe('remove-handoff');
    expect(bench.view()).toMatchObject({ state: 'unhealthy', ready: false, live: true });
    expect(bench.wake().probed(probeResult()).did()).toEqual(['write-handoff', 'record']);
    expect(bench.view()).toMatchObject({ state: 'ready', restart_count: 0, incarnation: 1 });
  });

  it('unknown ones count for nothing', () => {
    const bench = one().ready();
    for (let n = 0; n < 20; n += 1) bench.wake().probed(probeResult({ verdict: 'unknown', detail: 'we lagged' }));
    expect(bench.view().state).toBe('ready');
  });

  it('an engine that cannot tell its running requests is not asked again', () => {
    const bench = one().ready().wake();
    const ask = bench.effects.find(({ type }) => type === 'poll');
    expect(ask).toBeDefined();
    bench.give({ type: 'polled', key: bench.replica().key, incarnation: 1, inflight: null, canTell: false, counters: null });
    for (let n = 0; n < 10; n += 1) {
      bench.wake();
      expect(bench.did()).not.toContain('poll');
      if (bench.did().includes('probe')) bench.probed();
    }
  });

  it('unhealthy for restart_after, it is restarted, as health', () => {
    const bench = one().ready();
    while (bench.replica().life.state !== 'stopping') {
      bench.wake();
      if (bench.did().includes('probe')) bench.probed(miss);
    }
    bench.exited(exitOf({ code: 0 })).swept();
    expect(bench.view()).toMatchObject({ state: 'backoff', crash_count: 1, last_exit: { class: 'hang' } });
    expect(bench.events.find(({ event }) => event === 'replica.backoff')).toMatchObject({ crash_reason: 'health' });
  });
});

it('old news of a dead engine does not touch its successor', () => {
  const bench = one().ready().exited().wake().ready();
  const stale = { key: bench.replica().key, incarnation: 1 } as const;
  const before = bench.state;
  bench.give({ type: 'exited', ...stale, exit: exitOf(), empty: true });
  bench.give({ type: 'probed', ...stale, result: probeResult({ verdict: 'failed' }) });
  expect(bench.state).toBe(before);
});
