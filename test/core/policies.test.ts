/** What follows a failure, as stories through step(). */

import { describe, expect, it, test } from 'vitest';
import type { Diagnosis } from '../../src/core/crash.js';
import { nextAt } from '../../src/core/due.js';
import type { PoolSpec } from '../../src/core/model.js';
import { diagnosisOf, exitOf, killedBy, unmade } from '../rig/facts.js';
import { poolSpec } from '../rig/specs.js';
import { Bench, crash } from './bench.js';

const plain = poolSpec('chat', 1);
const withRestart = (more: Partial<PoolSpec['restart']>): Partial<PoolSpec> => ({ restart: { ...plain.restart, ...more } });
const one = (more: Partial<PoolSpec> = {}) => new Bench([poolSpec('chat', 1, more)]);
const diedOf = (of: Diagnosis['class'], more: Partial<Diagnosis> = {}) => exitOf({ diagnosis: diagnosisOf(of, more) });

/** A ready one that crashed five times in a row. */
const broken = () => crash(one().ready(), 5);

describe('a crash loop', () => {
  it('waits 1, 2, 4, 8 s, and is then broken, which is told with what to do', () => {
    const bench = broken();
    expect(bench.heard('replica.backoff').map(({ backoff_ms }) => backoff_ms)).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(bench.told()).toEqual(['replica.crashed', 'breaker.changed', 'replica.broken']);
    expect(bench.events[1]).toMatchObject({ breaker: 'general', old_state: 'closed', new_state: 'open', failure_count: 5 });
    expect(bench.events[2]?.hint).toBe('one launch is tried in 5m; poolctl reset chat/r0 tries at once');
    expect(bench.did()).toContain('record');
    expect(bench.view()).toMatchObject({ state: 'broken', breaker: { state: 'open', failures: 5 }, crash_count: 5 });
    expect(bench.view().why).toContain('exited with code 1 after 0s; breaker open, one launch in 5m');
  });

  it('has one launch at half-open; one that fails breaks it twice as long', () => {
    const bench = broken();
    const [spawns, since] = [bench.spawns.length, bench.now];
    expect(nextAt(bench.state)).toBe(since + 300_000);
    bench.wake();
    expect(bench.heard('breaker.changed').at(-1)).toMatchObject({ old_state: 'open', new_state: 'half-open' });
    bench.ready().exited();
    expect(bench.spawns).toHaveLength(spawns + 1);
    expect(bench.view()).toMatchObject({ state: 'broken', breaker: { state: 'open', failures: 6 } });
    expect(nextAt(bench.state)).toBe(bench.now + 600_000);
  });

  it('at half-open is broken again by a failure of the GPU as well, which its own breaker counts', () => {
    const bench = broken().wake().ready().exited(diedOf('gpu_error'));
    expect(bench.view()).toMatchObject({ state: 'broken', breaker: { state: 'open', cuda: { state: 'closed', failures: 1 } } });
    expect(nextAt(bench.state)).toBe(bench.now + 600_000);
  });

  it('whose test ends by itself, under always, has decided nothing: it is broken again, and no failure is counted', () => {
    const bench = crash(one(withRestart({ policy: 'always' })).ready(), 5)
      .wake()
      .ready();
    bench.exited(exitOf({ code: 0 }));
    expect(bench.view()).toMatchObject({ state: 'broken', breaker: { state: 'open', failures: 5 }, crash_count: 5 });
    expect(nextAt(bench.state)).toBe(bench.now + 600_000);
  });

  it('is over after close_after of ready time', () => {
    const bench = broken().wake().ready();
    expect(bench.view()).toMatchObject({ state: 'ready', breaker: { state: 'half-open' } });
    bench.pass(59_999);
    expect(bench.view().breaker.state).toBe('half-open');
    bench.pass(1);
    expect(bench.view().breaker).toMatchObject({ state: 'closed', failures: 0 });
    expect(bench.heard('breaker.changed').at(-1)).toMatchObject({ old_state: 'half-open', new_state: 'closed' });
  });

  it('that ran long enough in between is none: the count is cleared without a word', () => {
    const bench = crash(one().ready(), 4).wake().ready().pass(60_000);
    expect(bench.view().breaker.failures).toBe(0);
    expect(crash(bench, 4).view().state).toBe('backoff');
    expect(bench.heard('breaker.changed')).toEqual([]);
  });

  it('is no business of its sister', () => {
    const bench = new Bench([poolSpec('chat', 2)]);
    bench.checked('chat/r0').spawned(100, 'chat/r0').wake().probed();
    bench.give({ type: 'woke' });
    expect(bench.state.pools.get('chat')?.replicas[1]?.life.state).toBe('preparing');
    for (let n = 0; n < 5; n += 1) {
      bench.exited();
      if (n < 4) {
        while (bench.replica().life.state === 'backoff') bench.wake();
        bench.ready();
      }
    }
    expect([bench.view().state, bench.view('chat/r1').breaker.failures]).toEqual(['broken', 0]);
  });
});

describe('reset', () => {
  it('closes the breaker, forgets the waits and launches at once', () => {
    const bench = broken().ask('reset');
    expect(bench.did()).toContain('check');
    expect(bench.view()).toMatchObject({ breaker: { state: 'closed', failures: 0 }, crash_count: 0, crashes_total: 5 });
    expect(bench.ready().exited().view().backoff).toMatchObject({ attempt: 1, delay_ms: 1_000 });
  });

  it('--once lets one launch through; if that fails, it is broken as before', () => {
    const bench = broken().ask('reset', { once: true });
    expect(bench.did()).toContain('check');
    expect(bench.view()).toMatchObject({ breaker: { state: 'half-open', failures: 5 }, crash_count: 5 });
    bench.ready().exited();
    expect(bench.view()).toMatchObject({ state: 'broken', restart_count: 4 });
    expect(nextAt(bench.state)).toBe(bench.now + 300_000);
  });

  it('ends in the outcome of its launch, also for one that failed for good or waits', () => {
    const failed = one().checked().exited(unmade('ENOENT', 'no program'));
    expect(failed.view().state).toBe('failed');
    const { answer } = failed.ask('reset');
    failed.ready();
    expect(answer?.ok === true && failed.state.operations.get(answer.operationId)).toMatchObject({ outcome: 'ready' });
    expect(one().ready().exited().ask('reset').did()).toContain('check');
  });
});

describe('what is refused', () => {
  test.each(['start', 'restart'] as const)('%s of a broken one, with the time that is left', (verb) => {
    const bench = broken();
    bench.now += 100_000;
    expect(bench.ask(verb).answer).toMatchObject({
      ok: false,
      refusal: {
        code: 'POOL_UNAVAILABLE',
        message: `cannot ${verb} "chat": the breaker of chat/r0 is open for 3m20s more`,
        hint: 'poolctl reset chat/r0',
        retryAfterMs: 200_000,
      },
    });
    expect(bench.view().state).toBe('broken');
  });

  it('a stop is not: it rests, and its breaker stays open', () => {
    const bench = broken();
    // Who had left the group of the last one is looked for first.
    bench.ask('stop');
    expect(bench.swept().view()).toMatchObject({ state: 'stopped', goal: 'down', breaker: { state: 'open' } });
    expect(bench.ask('start').answer).toMatchObject({ ok: false, refusal: { code: 'POOL_UNAVAILABLE' } });
  });
});

describe('exit 0', () => {
  const fatal = exitOf({ code: 0, diagnosis: diagnosisOf('vram_oom') });
  const empty = exitOf({ code: 0 });
  const policies = ['on-failure', 'always', 'never'] as const;
  test.each([
    ['after ready is a stop', true, empty, ['stopped', 'backoff', 'stopped'], 0],
    ['after ready with fatal evidence is a failure', true, fatal, ['backoff', 'backoff', 'failed'], 1],
    ['before ready is a failure', false, empty, ['backoff', 'backoff', 'failed'], 1],
  ])('%s, whatever the policy', (_, wasReady, exit, states, crashes) => {
    const ends = policies.map((policy) => {
      const bench = one(withRestart({ policy })).checked().spawned();
      if (wasReady) bench.wake().probed();
      return bench.exited(exit).view();
    });
    expect(ends.map(({ state }) => state)).toEqual(states);
    expect(ends.map(({ crash_count, breaker }) => [crash_count, breaker.failures])).toEqual(
      policies.map((policy) => [crashes, policy === 'never' ? 0 : crashes]),
    );
  });

  it('that is a stop leaves its goal up and says why; a SIGTERM of somebody else is a failure', () => {
    expect(one().ready().exited(empty).view()).toMatchObject({
      goal: 'up',
      why: 'exited with code 0 after 0s, and restart.policy on-failure leaves it so',
    });
    expect(one().ready().exited(killedBy('SIGTERM')).view()).toMatchObject({ state: 'backoff', crash_count: 1 });
  });

  it('restarted under always, counts for storms', () => {
    const bench = crash(one(withRestart({ policy: 'always' })).ready(), 3, empty)
      .wake()
      .ready();
    expect(bench.state.pools.get('chat')?.restarts).toHaveLength(3);
  });
});

describe('a mistake of the configuration', () => {
  const config = diedOf('config', { subclass: 'unknown_flag', hint: 'remove --nope from args' });

  it('is final after one launch, and says what to change', () => {
    const bench = one().checked().spawned().exited(config);
    expect(bench.view()).toMatchObject({ state: 'failed', crash_count: 1, breaker: { failures: 0 } });
    expect(bench.view().why).toBe('exited with code 1 after 0s: the engine tells of config; remove --nope from args');
    expect(nextAt(bench.state)).toBeNull();
  });

  it('is tried again where that is not sure, or where the engine was ready', () => {
    const unsure = diedOf('config', { confidence: 'low' });
    expect(one().checked().spawned().exited(unsure).view().state).toBe('backoff');
    expect(one().ready().exited(config).view().state).toBe('backoff');
  });

  it('is tried again for seven days after the same configuration was ready', () => {
    const week = 7 * 24 * 3_600_000;
    const startedAfter = (ms: number) => {
      const bench = one().ready().ask('stop').exited().swept();
      const provenAt = bench.replica().provenAt?.at ?? 0;
      bench.now = provenAt + ms;
      return bench.ask('start').checked().spawned().exited(config).view().state;
    };
    expect([startedAfter(week - 1), startedAfter(week)]).toEqual(['backoff', 'failed']);
  });

  it('of a program that is gone is final, however long it worked before', () => {
    const bench = one().ready().exited().wake().checked().exited(unmade('ENOENT', 'there is no program "/x"'));
    expect(bench.view().state).toBe('failed');
  });

  test.each(['port_in_use', 'peer_unreachable'])('that may pass, %s, gets five launches in a row', (subclass) => {
    const taken = diedOf('config', { subclass });
    const bench = one(withRestart({ breaker: { ...plain.restart.breaker, threshold: 99 } }));
    const states: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      if (n > 0) bench.wake();
      states.push(bench.checked().spawned().exited(taken).view().state);
    }
    expect(states).toEqual(['backoff', 'backoff', 'backoff', 'backoff', 'failed']);
    const between = one(withRestart({ breaker: { ...plain.restart.breaker, threshold: 99 } }));
    for (let n = 0; n < 9; n += 1) {
      if (n > 0) between.wake();
      between
        .checked()
        .spawned()
        .exited(n === 4 ? diedOf('crash') : taken);
    }
    expect(between.view().state).toBe('backoff');
  });
});

describe('a failure of GPU or driver', () => {
  it('waits twice as long, and counts in a breaker of its own', () => {
    const bench = crash(one().ready(), 4, diedOf('gpu_error'));
    expect(bench.heard('replica.backoff').map(({ backoff_ms }) => backoff_ms)).toEqual([2_000, 4_000, 8_000, 16_000]);
    bench.wake().ready().exited(diedOf('crash'));
    expect(bench.view()).toMatchObject({ state: 'backoff', breaker: { failures: 1, cuda: { failures: 4 } } });
    bench.wake().ready().exited(diedOf('driver'));
    expect(bench.view()).toMatchObject({ state: 'broken', breaker: { state: 'closed', cuda: { state: 'open', failures: 5 } } });
    expect(bench.view().why).toContain('CUDA breaker open');
  });

  test.each(['reset', 'reboot'] as const)('that only a %s cures breaks it at once, and says so', (cure) => {
    const bench = one().ready().exited(diedOf('driver', { cure }));
    expect(bench.view()).toMatchObject({ state: 'broken', breaker: { failures: 0, cuda: { state: 'open', failures: 1 } } });
    expect(bench.view().why).toMatch(/only a (reset of the GPU|reboot) cures this/);
  });
});

it('never restarts nothing under never', () => {
  const bench = one(withRestart({ policy: 'never' }))
    .ready()
    .exited();
  expect(bench.view()).toMatchObject({ state: 'failed' });
  expect(bench.view().why).toContain('restart.policy is never; poolctl start chat/r0 tries again');
  expect(nextAt(bench.state)).toBeNull();
});
