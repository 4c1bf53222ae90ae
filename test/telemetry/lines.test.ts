/** Events as they go out: the line, its sentence, its level. */

import { describe, expect, it, test } from 'vitest';
import { type Event, eventNames } from '../../src/core/events.js';
import { eventLine, isTold, jsonLine, prettyLine } from '../../src/telemetry/lines.js';
import { sentence } from '../../src/telemetry/sentences.js';
import fc from '../rig/chance.js';

const everything: Omit<Event, 'event' | 'level'> = {
  pool_id: 'chat',
  replica_id: 'r0',
  engine: 'llamacpp',
  engine_version: 'b1',
  device_mask: '0,1',
  model_id: 'qwen',
  incarnation: 3,
  from: 'starting',
  to: 'ready',
  because: 'operator',
  pid: 7,
  port: 18_100,
  url: 'http://127.0.0.1:18100',
  exit_code: 1,
  signal: 'SIGKILL',
  uptime_seconds: 1.5,
  restart_count: 1,
  crash_count: 2,
  attempt: 2,
  backoff_ms: 1_000,
  next_restart_at: 1_000,
  crash_reason: 'exit',
  old_state: 'closed',
  new_state: 'open',
  failure_count: 3,
  time_window_ms: 60_000,
  active_leases: 2,
  duration_ms: 1_000,
  model_from: 'a',
  model_to: 'b',
  strategy: 'rolling',
  replicas: ['r0', 'r1'],
  operation_id: 'op',
  kind: 'restart',
  result: 'ready',
  reason: 'because',
  last_error: 'exit code 1',
  last_lines: ['a'],
  device: 'GPU-8932f937-aaaa',
  breaker: 'cuda',
  storm_kind: 'oom_storm',
  detail: 'detail',
  hint: 'poolctl status',
  correlation_id: 'c',
};

const ended = { event: 'reload.finished', duration_ms: 48_040 } as const;
const reloads: readonly (readonly [Partial<Event> & Pick<Event, 'event'>, string])[] = [
  [
    { event: 'reload.started', strategy: 'rolling', replicas: ['r0', 'r1'], detail: '9.8 GiB, GGUF 3' },
    'chat changes to b (9.8 GiB, GGUF 3), rolling over r0, r1',
  ],
  [{ event: 'reload.started', strategy: 'recreate', replicas: ['r0'] }, 'chat changes to b, recreating r0'],
  [{ event: 'reload.rolled_back', because: 'exit', reason: 'exited with code 1' }, 'chat goes back to a: exited with code 1'],
  [{ ...ended, result: 'reloaded' }, 'chat reloaded in 48.0s: b'],
  [{ ...ended, result: 'unchanged', duration_ms: 0 }, 'chat has the model already'],
  [{ ...ended, result: 'failed', reason: 'there is no such file' }, 'chat keeps a: there is no such file'],
  [{ ...ended, result: 'rolled_back', reason: 'exited' }, 'chat serves a as before, rolled back after 48.0s: exited'],
  [{ ...ended, result: 'drain_timeout', reason: 'late' }, 'chat serves a as before, given up after 48.0s: late'],
  [{ ...ended, result: 'rollback_failed', reason: 'exited' }, 'chat does not come back with a after 48.0s: exited'],
  [{ ...ended, result: 'cancelled', reason: 'a shutdown' }, 'chat does not change its model: a shutdown'],
];

describe('a sentence', () => {
  test.each(eventNames)('of %s names whom it is about and never says what is not there', (event) => {
    const nothing = { ...everything };
    for (const key of ['engine_version', 'model_id', 'exit_code', 'signal', 'last_error'] as const)
      Object.assign(nothing, { [key]: null });
    const all = [everything, nothing];
    expect(sentence({ event, level: 'info' })).not.toMatch(/undefined|null|NaN|\[object|^\s|\s$|: $/);
    fc.assert(
      fc.property(fc.constantFrom(...all), fc.subarray(Object.keys(everything)), (from, keys) => {
        const some = Object.fromEntries(Object.entries(from).filter(([key]) => keys.includes(key)));
        const said = sentence({ event, level: 'info', ...some });
        expect(said).not.toMatch(/undefined|null|NaN|\[object|^\s|\s$|[.:;,]$|, ,|: :/);
        expect(said.length).toBeGreaterThan(3);
        if (event.startsWith('replica.') && 'pool_id' in some && 'replica_id' in some) expect(said).toMatch(/^chat\/r0 /);
      }),
      { numRuns: 60 },
    );
  });

  test.each<readonly [{ readonly [Key in keyof Event]?: Event[Key] | undefined } & Pick<Event, 'event'>, string]>([
    [
      { event: 'supervisor.started', pid: 7, reason: 'registry set aside: torn' },
      'poolctl started, pid 7, registry set aside: torn',
    ],
    [{ event: 'supervisor.stopped', uptime_seconds: 61 }, 'poolctl stopped after 1m1s'],
    [{ event: 'replica.preparing', because: 'crash' }, 'chat/r0 preparing again after it crashed'],
    [{ event: 'replica.preparing', because: 'operator' }, 'chat/r0 preparing: asked to start'],
    [
      { event: 'replica.starting', pid: 7, device_mask: '0,1', port: 80, engine: 'vllm', model_id: 'm', attempt: 1 },
      'chat/r0 starting: pid 7, GPU 0,1, port 80, vllm, m',
    ],
    [{ event: 'replica.starting', pid: 7, device_mask: 'cpu', attempt: 2 }, 'chat/r0 starting: pid 7, cpu, try 2'],
    [{ event: 'replica.ready', uptime_seconds: 29.14, url: 'http://a' }, 'chat/r0 ready in 29.1s, http://a'],
    [{ event: 'replica.ready', because: 'recovered' }, 'chat/r0 ready again'],
    [{ event: 'replica.crashed', signal: 'SIGKILL', exit_code: null }, 'chat/r0 crashed: killed by SIGKILL'],
    [{ event: 'replica.crashed', signal: null, exit_code: 0 }, 'chat/r0 crashed: exited with code 0'],
    [
      { event: 'replica.crashed', signal: null, exit_code: null, crash_count: 3 },
      'chat/r0 crashed: ended, and nobody saw how (crash 3 in a row)',
    ],
    [
      { event: 'replica.backoff', backoff_ms: 1_500, attempt: 1, crash_reason: 'preflight', reason: 'the port is held' },
      'chat/r0 waits 1.5s before it is started again (try 2): the port is held',
    ],
    [
      { event: 'replica.backoff', backoff_ms: 1_500, attempt: 1, crash_reason: 'unknown', reason: 'exit code 1' },
      'chat/r0 waits 1.5s before it is started again (try 2)',
    ],
    [{ event: 'replica.failed', reason: 'no program', hint: 'install it' }, 'chat/r0 failed: no program; install it'],
    [
      { event: 'probe.failed', detail: 'HTTP 503', failure_count: 2 },
      'chat/r0 did not pass a health check: HTTP 503 (2 in a row)',
    ],
    [
      { event: 'breaker.changed', breaker: 'general', old_state: 'closed', new_state: 'open', failure_count: 5 },
      'chat/r0 is not started for a while: its breaker opened after 5 failures in a row',
    ],
    [
      { event: 'breaker.changed', breaker: 'cuda', old_state: 'half-open', new_state: 'open', failure_count: 1 },
      'chat/r0 is not started for a while: the breaker for GPU errors opened after one failure',
    ],
    [
      { event: 'breaker.changed', breaker: 'general', new_state: 'half-open' },
      'chat/r0 may try one launch: its breaker is half-open',
    ],
    [
      { event: 'breaker.changed', breaker: 'general', new_state: 'closed', failure_count: 0 },
      'chat/r0 may start as usual: its breaker closed',
    ],
    ...reloads.map(([event, said]) => [{ model_from: 'a', model_to: 'b', replica_id: undefined, ...event }, said] as const),
    [
      { event: 'storm.warning', storm_kind: 'storm', replica_id: undefined, restart_count: 5, time_window_ms: 60_000 },
      'chat restarts often, 5 times in 1m',
    ],
    [
      { event: 'storm.limited', storm_kind: 'cuda_storm', replica_id: undefined, restart_count: 10, time_window_ms: 60_000 },
      'chat restarts too often, 10 times in 1m: the next restart waits; each time a GPU error',
    ],
    [
      {
        event: 'storm.tripped',
        storm_kind: 'oom_storm',
        replica_id: undefined,
        restart_count: 10,
        time_window_ms: 30_000,
        hint: 'lower --ctx-size',
      },
      'chat restarts all the time, 10 times in 30s: breakers open; each time out of memory; lower --ctx-size',
    ],
    [
      {
        event: 'storm.limited',
        storm_kind: 'device',
        pool_id: undefined,
        replica_id: undefined,
        device: 'GPU-8932f937-aaaa',
        restart_count: 6,
      },
      'engines on GPU-8932f937 restart too often, 6 times: the next restart waits',
    ],
    [{ event: 'supervisor.stopping', reason: 'SIGTERM' }, 'poolctl stopping: SIGTERM'],
    [{ event: 'replica.draining', detail: '2 leases, forced in 5m' }, 'chat/r0 draining: 2 leases, forced in 5m'],
    [{ event: 'drain.started', active_leases: 0 }, 'drain of chat/r0 begins'],
    [{ event: 'drain.started', active_leases: 1 }, 'drain of chat/r0 begins, with 1 lease held'],
    [
      { event: 'drain.started', active_leases: 2, replica_id: undefined, kind: 'drain' },
      'drain of chat begins, with 2 leases held',
    ],
    [{ event: 'drain.finished', result: 'drained', duration_ms: 22_040 }, 'chat/r0 drained in 22.0s'],
    [
      { event: 'drain.finished', result: 'forced', duration_ms: 300_100, detail: '2 leases cut', replica_id: undefined },
      'chat drained by force after 5m00s, 2 leases cut',
    ],
    [{ event: 'drain.finished', result: 'forced', duration_ms: 1_000 }, 'chat/r0 drained by force after 1.0s'],
    [
      { event: 'drain.finished', result: 'cancelled', reason: 'drain was cancelled by a start', duration_ms: 900 },
      'chat/r0: drain was cancelled by a start',
    ],
    [{ event: 'drain.finished', result: 'failed' }, 'chat/r0: it was not drained'],
    [{ event: 'operation.finished', kind: 'restart', result: 'ready' }, 'restart of chat ends: ready'],
    [{ event: 'device.lost', device: 'GPU-8932f937-aaaa' }, 'GPU-8932f937 is gone'],
    [{ event: 'storage.degraded', detail: 'the registry', reason: 'ENOSPC' }, 'the registry is not being saved: ENOSPC'],
    [{ event: 'storage.degraded', result: 'recovered' }, 'state is being saved again'],
  ])('%j', (event, said) => {
    expect(sentence({ level: 'info', pool_id: 'chat', replica_id: 'r0', ...event } as Event)).toBe(said);
  });
});

describe('a line', () => {
  const line = eventLine(
    { event: 'replica.backoff', level: 'warn', pool_id: 'chat', replica_id: 'r0', backoff_ms: 1_000, next_restart_at: 61_000 },
    'boot-1',
    60_000,
  );

  it('has its id, its times for machines, and every key of the event', () => {
    expect(line).toEqual({
      id: 'boot-1',
      time: '1970-01-01T00:01:00.000Z',
      event: 'replica.backoff',
      level: 'warn',
      human: 'chat/r0 waits 1s before it is started again',
      pool_id: 'chat',
      replica_id: 'r0',
      backoff_ms: 1_000,
      next_restart_at: '1970-01-01T00:01:01.000Z',
    });
    expect(JSON.parse(jsonLine(line))).toEqual(line);
  });

  it('is one line, whatever an engine said', () => {
    const rude = eventLine({ event: 'replica.crashed', level: 'error', last_error: 'a\nb\u001b[2J\r\u2028c' }, 'boot-1', 0);
    expect(jsonLine(rude).split('\n')).toHaveLength(1);
    for (const form of ['tty', 'plain', 'journal'] as const) expect(prettyLine(rude, form)).not.toMatch(/[\u0000-\u001f\u2028]/);
  });

  test.each([
    ['critical', 3],
    ['error', 3],
    ['warn', 4],
    ['info', 6],
    ['debug', 6],
    ['of no kind', 6],
  ])('%s is priority %d for the journal, which has its own time', (level, priority) => {
    expect(prettyLine({ ...line, level }, 'journal')).toBe(`<${priority}>chat/r0 waits 1s before it is started again`);
  });

  it('has the time of day on a terminal, and the whole of it elsewhere', () => {
    expect(prettyLine(line, 'tty')).toMatch(/^\d\d:\d\d:\d\d chat\/r0 waits/);
    expect(prettyLine(line, 'plain')).toMatch(/^1970-01-01T00:01:00\.000Z chat\/r0 waits/);
  });

  it('is told from its level upwards', () => {
    const levels = ['debug', 'info', 'warn', 'error', 'critical'] as const;
    expect(levels.map((least) => levels.filter((level) => isTold(level, least)).length)).toEqual([5, 4, 3, 2, 1]);
    expect(isTold('unheard of', 'info')).toBe(true);
    expect(isTold('unheard of', 'warn')).toBe(false);
  });
});
