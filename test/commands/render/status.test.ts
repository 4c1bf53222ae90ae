import { describe, expect, it } from 'vitest';
import { detailLines } from '../../../commands/render/details.js';
import { statusTable } from '../../../commands/render/status.js';
import type { DeviceView } from '../../../src/api/wire.js';
import { plain } from '../../../src/text/colour.js';
import { maskText, placesOf } from '../../../src/text/places.js';
import { poolView, replicaView, statusView } from '../../rig/views.js';

const backoff = replicaView({
  replica_id: 'r0',
  state: 'backoff',
  ready: false,
  live: false,
  pid: null,
  url: null,
  port: 18103,
  uptime_seconds: null,
  inflight: null,
  slots_total: null,
  restart_count: 5,
  why: 'exited with code 1 after 4.2s: cudaMalloc failed: out of memory; try 6 in 31s',
  last_error: 'exited with code 1 after 4.2s: cudaMalloc failed: out of memory',
  model_id: null,
  model_ref: '/home/me/models/e5-mistral.gguf',
  engine_version: null,
  backoff: { delay_ms: 32_000, attempt: 5, next_restart_at: '2026-03-01T14:02:42.000Z' },
  last_exit: {
    code: 1,
    signal: null,
    class: 'unknown',
    subclass: null,
    evidence: null,
    hint: null,
    last_lines: [],
    restartable: true,
    at: '2026-03-01T14:02:10.000Z',
    uptime_seconds: 4.2,
    incarnation: 6,
  },
});
const view = statusView([
  poolView('embed', [backoff]),
  poolView('chat', [replicaView(), replicaView({ replica_id: 'r1', device_mask: '1', active_leases: 2, port: 18101 })]),
]);

describe('the table', () => {
  it('has a row a replica, by pool and replica, and no empty cell', () => {
    const [head, ...rows] = statusTable(view, null, plain);
    expect(head).toMatch(/^REPLICA\s+STATE\s+MASK\s+URL\s+LEASES\s+RUN\s+RST\s+UP\s+WHY$/);
    const words = rows.map((row) => row.split(/\s+/));
    expect(words.map(([name]) => name)).toEqual(['chat/r0', 'chat/r1', 'embed/r0']);
    expect(words[0]).toEqual(['chat/r0', 'ready', 'cpu', 'http://127.0.0.1:18100', '0/4', '2', '0', '3h11m', '-']);
    expect(words[1]?.[4]).toBe('2/4');
    expect(words[2]?.slice(0, 8)).toEqual(['embed/r0', 'backoff', 'cpu', '-', '-', '-', '5', '-']);
    expect(rows[2]).toContain('out of memory; try 6 in 31s');
  });

  it('shows who still has leases of one that drains', () => {
    const draining = replicaView({ state: 'draining', ready: false, url: null, active_leases: 1, why: '1 lease, forced in 22s' });
    const [, row] = statusTable(statusView([poolView('chat', [draining])]), null, plain);
    expect(row).toMatch(/^chat\/r0 +draining +cpu +- +1\/4 +2 +0 +3h11m +1 lease, forced in 22s$/);
  });

  it.each([
    [60, ['REPLICA', 'STATE', 'MASK', 'LEASES', 'UP', 'WHY']],
    [80, ['REPLICA', 'STATE', 'MASK', 'PORT', 'LEASES', 'RUN', 'RST', 'UP', 'WHY']],
    [110, ['REPLICA', 'STATE', 'MASK', 'URL', 'LEASES', 'RUN', 'RST', 'UP', 'WHY']],
  ])('fits a terminal of %i columns', (width, heads) => {
    const lines = statusTable(view, width, plain);
    expect(lines[0]?.split(/\s+/)).toEqual(heads);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
    expect(lines.at(-1)).toMatch(/\.\.\.$/);
  });

  it('marks what is stale, and knows no ages then', () => {
    const [, first] = statusTable({ ...view, stale: true }, null, plain);
    expect(first?.split(/\s+/).slice(0, 2)).toEqual(['chat/r0', 'ready?']);
    expect(first).not.toContain('3h11m');
  });

  it('colours states, and stays as wide', () => {
    const loud = { ...plain, good: (text: string) => `<${text}>`, bad: (text: string) => `!${text}!` };
    const failed = statusView([poolView('a', [replicaView({ state: 'failed', why: 'no' }), replicaView({ replica_id: 'r1' })])]);
    const [, bad, good] = statusTable(failed, 80, loud);
    expect(bad).toContain('!failed  !');
    expect(good).toContain('<ready   >');
  });

  it('writes a UUID as its index where that is known and unique', () => {
    const devices = [
      { index: '0', uuid: 'GPU-8932f937-aaaa' },
      { index: '1', uuid: 'GPU-77a0c1d2-bbbb' },
    ] as unknown as readonly DeviceView[];
    expect(maskText('GPU-8932f937', devices)).toBe('0');
    expect(maskText('GPU-77a0c1d2-bbbb,GPU-8932', devices)).toBe('1,0');
    expect(maskText('GPU-', devices)).toBe('GPU-');
    expect(maskText('GPU-ffff', devices)).toBe('GPU-ffff');
    expect([maskText('all', devices), maskText('2,3', devices)]).toEqual(['all', '2,3']);
  });
});

describe('the details', () => {
  it('say why, what next, how it ended, and where to read on', () => {
    const place = placesOf(view)[2];
    if (place === undefined) throw new Error('three replicas');
    const lines = detailLines(place, view, '/home/me');
    const of = (key: string) => lines.find((line) => line.startsWith(`  ${key} `))?.slice(13);
    expect(of('why')).toContain('out of memory; try 6 in 31s');
    expect(of('next')).toMatch(/^try 6 at \d\d:02:42; at once: poolctl start embed\/r0$/);
    expect(of('last exit')).toMatch(/^code 1 after 4\.2s, incarnation 6, \d\d:02:10$/);
    expect(of('model')).toBe('~/models/e5-mistral.gguf');
    expect(of('engine')).toBe('llamacpp, mask cpu, port 18103 on 127.0.0.1');
    expect(of('counts')).toBe('restarts 5 (0 in all), crashes 0 (0 in all)');
    expect(of('log')).toBe('~/.local/state/poolctl/logs/embed/r0.log');
    expect(of('hint')).toBeUndefined();
  });

  it.each([
    [{ state: 'failed', goal: 'up' }, 'not tried again by itself; when it is mended: poolctl start a/r0'],
    [{ state: 'draining', goal: 'down' }, 'then stopped; to go on serving: poolctl start a/r0'],
    [{ state: 'stopped', goal: 'down' }, 'to serve again: poolctl start a/r0'],
    [
      { state: 'stopped', goal: 'down', breaker: { ...replicaView().breaker, state: 'open' } },
      'to serve again: poolctl reset a/r0',
    ],
    [{ state: 'stopped', goal: 'up' }, 'not started again by itself: poolctl start a/r0'],
  ] as const)('say what brings %o back', (at, next) => {
    const stopped = statusView([poolView('a', [replicaView({ ...at, ready: false })])]);
    const [place] = placesOf(stopped);
    if (place === undefined) throw new Error('one replica');
    expect(detailLines(place, stopped, '')).toContain(`  next       ${next}`);
  });
});
