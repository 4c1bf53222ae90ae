/** Whole screens, as they are to look. */

import { describe, expect, it } from 'vitest';
import { frame } from '../../src/tui/frame.js';
import { textOf } from '../../src/tui/line.js';
import type { Model, Screen } from '../../src/tui/model.js';
import { hear } from '../../src/tui/news.js';
import { leaseView, poolView, replicaView, statusView } from '../rig/views.js';
import { at, deviceView, eventLine, inventory, modelOf, now, rig01, told } from './made.js';

const size = { columns: 80, rows: 24 };

/** As a reader sees it: without what cannot be seen at the ends of lines. */
const seen = (model: Model): readonly string[] => frame(model).map((line) => textOf(line).trimEnd());
const on = (screen: Screen, model: Model, more: Partial<Model> = {}): Model => ({ ...model, screen, ...more });

describe('the overview', () => {
  it('has devices, replicas with why and what next, and the log of the chosen one, in 23 lines of 80', () => {
    const lines = seen(modelOf(rig01(), size));
    expect(lines).toHaveLength(23);
    expect(lines.slice(0, 13)).toEqual([
      'poolctl  rig01  up 3h11m     2 ready  1 starting  1 draining  1 broken  14:02:11',
      '── Devices ──────────────────────────────────────────────────────────────── 3 ──',
      'GPU 0  RTX 3090   22.1/24.0 GiB █████████░   71 %   68 C  301 W  chat',
      'GPU 1  RTX 3090    9.6/24.0 GiB ████░░░░░░    3 %   41 C   28 W  chat',
      'GPU 2  RTX 4090   20.8/24.0 GiB █████████░   98 %   74 C  402 W  code embed',
      '── Replicas ─────────────────────────────────────────────────────────────── 5 ──',
      '  REPLICA   STATE        MASK  LEASES  RUN     UP  RST  WHY, AND WHAT NEXT',
      '> chat/r0   + ready      0        2/4    2  3h11m    0  -',
      '  chat/r1   ~ starting   1          -    -    48s    1  54 %, about 40s left',
      '  code/r0   v draining   2        1/8    1  2h02m    0  1 lease, forced in 22s',
      '  code/r1   + ready      2        0/8    0  2h02m    0  -',
      '  embed/r0  ! broken     2          -    -      -    4  vram_oom 5x, tries 14:06',
      '── chat/r0 log ───────────────────────────────────── following  incarnation 1 ──',
    ]);
    expect(lines.slice(13, 22).every((line) => /^191\.42\.0\d+\.775 I slot launch_slot_/.test(line))).toBe(true);
    expect(lines[22]).toBe('enter details  l log  d drain  s start  S stop  r restart  x reset  / : ?  q');
  });

  it('has PORT and TOK/S from 100 columns on', () => {
    const lines = seen(modelOf(rig01(), { columns: 100, rows: 24 }));
    expect(lines).toContain('  REPLICA   STATE        MASK   PORT  LEASES  RUN  TOK/S     UP  RST  WHY, AND WHAT NEXT');
    expect(lines).toContain('> chat/r0   + ready      0     18100     2/4    2   42.1  3h11m    0  -');
  });

  it('has details and log at its right from 140 on, and the events from 200 on', () => {
    const wide = told(modelOf(rig01(), { columns: 140, rows: 40 }), { kind: 'event', event: eventLine(1) });
    expect(seen(wide).join('\n')).toMatch(/── Devices ─+ 3 ── ── chat\/r0 ─+ \+ ready, goal up ──\n/);
    expect(seen(wide).join('\n')).toMatch(/ ── chat\/r0 log ─+ following {2}incarnation 1 ──\n/);
    expect(seen(wide).join('\n')).toContain('speed       42.1 tokens/s, first token after 181ms');
    // Below the list, where that leaves room.
    expect(seen(wide).find((line) => line.startsWith('14:01:01 event 1'))).toBeDefined();
    expect(seen({ ...wide, size: { columns: 140, rows: 16 } }).join('\n')).not.toContain('event 1');
    const wider = { ...wide, size: { columns: 200, rows: 40 } };
    expect(seen(wider)[1]).toMatch(/── Events ─+$/);
    expect(seen(wider)[2]).toMatch(/14:01:01 event 1$/);
  });

  it('leaves out WHY first, then RST, UP and RUN, and below 60 columns all but REPLICA and STATE', () => {
    const heads = (columns: number): string =>
      seen(modelOf(rig01(), { columns, rows: 24 })).find((line) => /REPLICA/.test(line)) ?? '';
    expect(heads(72)).toBe('  REPLICA   STATE        MASK  LEASES  RUN     UP  RST  WHY, AND WHAT...');
    expect(heads(70)).toBe('  REPLICA   STATE        MASK  LEASES  RUN     UP  WHY, AND WHAT NEXT');
    expect(heads(60)).toBe('  REPLICA   STATE        MASK  LEASES  RUN  WHY, AND WHAT...');
    expect(heads(59)).toBe('  REPLICA   STATE        WHY, AND WHAT NEXT');
  });

  it('leaves out the log below 16 rows, then the devices', () => {
    const titles = (rows: number): readonly string[] =>
      seen(modelOf(rig01(), { columns: 80, rows })).flatMap((line) => /^── (.*?) ─/.exec(line)?.[1] ?? []);
    expect(titles(16)).toEqual(['Devices', 'Replicas', 'chat/r0 log']);
    expect(titles(15)).toEqual(['Devices', 'Replicas']);
    expect(titles(9)).toEqual(['Replicas']);
  });

  it('puts many devices two to a line, then all into one', () => {
    const eight = seen(modelOf(inventory(8, 1), size));
    expect(eight[2]).toBe('GPU 0    9.6/24.0 GiB ██░░░   3 % chat  GPU 1    9.6/24.0 GiB ██░░░   3 % chat');
    expect(eight[6]).toMatch(/^── Replicas/);
    const view = inventory(16, 1);
    const sick = { ...view, devices: view.devices.map((each) => (each.index === '3' ? { ...each, healthy: false } : each)) };
    expect(seen(modelOf(sick, size))[2]).toBe('16 GPUs  153.6/384.0 GiB ████░░░░░░  3 % on average  1 not healthy: GPU 3');
  });

  it('scrolls what it has no room for, with the chosen one in sight', () => {
    const lines = seen({ ...modelOf(inventory(1, 40), size), selected: 'pool-6/r1' });
    expect(lines.find((line) => line.startsWith('── Replicas'))).toMatch(/ 26-37 of 40 ──$/);
    expect(lines.filter((line) => line.startsWith('> '))).toEqual([expect.stringMatching(/^> pool-6\/r1 /)]);
  });

  it('says what ails a device in place of its numbers, and what is not known is no 0', () => {
    const view = { ...rig01(), devices: [deviceView(0, { healthy: false, ailment: 'is gone: its tool lists it no more' })] };
    expect(seen(modelOf(view, size))[2]).toBe('GPU 0  RTX 3090  is gone: its tool lists it no more');
    const unknown = deviceView(0, {
      vram_free_bytes: null,
      utilization_percent: null,
      temperature_celsius: null,
      power_watts: null,
    });
    const none = { ...unknown, vram_total_bytes: null, pools: [] };
    expect(seen(modelOf({ ...view, devices: [unknown] }, size))[2]).toBe(
      'GPU 0  RTX 3090      -/24.0 GiB ----------    - %    - C    - W  chat',
    );
    expect(seen(modelOf({ ...view, devices: [none] }, size))[2]).toBe(
      'GPU 0  RTX 3090          - GiB ----------    - %    - C    - W  -',
    );
  });

  it('is ASCII alone where the locale is not UTF-8', () => {
    const lines = seen(modelOf(rig01(), { columns: 200, rows: 40 }, { utf8: false }));
    expect(lines.join('')).toMatch(/^[\x20-\x7e]+$/);
    expect(lines[2]).toContain('22.1/24.0 GiB #########.   71 %');
  });

  it('cuts a long name in the middle: which replica it is stays', () => {
    const long = statusView([poolView('a-pool-with-a-name-that-says-everything', [replicaView({ replica_id: 'r12' })])]);
    expect(seen(modelOf(long, size)).find((line) => line.startsWith('> '))).toMatch(
      /^> a-pool-with-a-name-th\.\.\.\/r12 {2}\+ ready /,
    );
  });

  it('shows what a filter leaves', () => {
    const model = modelOf(rig01(), size);
    const filtered = { ...model, filter: { ...model.filter, overview: 'broken' } };
    expect(seen(filtered).filter((line) => /^[> ] \w+\/r\d/.test(line))).toEqual([expect.stringMatching(/^> embed\/r0 /)]);
    expect(seen({ ...model, filter: { ...model.filter, overview: 'zzz' } }).join()).toContain('nothing has "zzz" in it');
  });
});

describe('details', () => {
  it('say why, what next, how it ended, and what it did lately', () => {
    const transition = (second: number, from: string, to: string, human: string, level = 'info') =>
      eventLine(second, { pool_id: 'embed', replica_id: 'r0', from, to, human, level });
    const model = told(
      on('details', modelOf(rig01(), size), { selected: 'embed/r0' }),
      { kind: 'event', event: transition(20, 'starting', 'backoff', 'embed/r0 backoff: vram_oom; next in 8.1s', 'warn') },
      { kind: 'event', event: transition(28, 'preparing', 'starting', 'embed/r0 starting: pid 5120') },
      {
        kind: 'command',
        key: 'embed/r0',
        incarnation: 5,
        line: { argv: ['llama-server', '-m', 'a b'], env: ['CUDA_VISIBLE_DEVICES=2'] },
      },
    );
    expect(seen(model).filter((line) => line !== '')).toEqual([
      expect.stringContaining('14:02:11'),
      '── embed/r0 ─────────────────────────────────────────────── ! broken, goal up ──',
      '  why         vram_oom: 5 failures in a row; breaker open, one launch in 4m21s,',
      '              poolctl reset embed/r0 tries at once',
      '  next        one launch at 14:06:32; at once: poolctl reset embed/r0',
      '  error       vram_oom: cudaMalloc failed: out of memory',
      '  hint        lower --ctx-size or --parallel, or give it a GPU with 9.1 GiB free',
      '  last exit   code 1 (vram_oom) after 4.2s, incarnation 5, 14:01:32',
      '  evidence    line 212: cudaMalloc failed: out of memory',
      '  model       e5-mistral (~/models/e5.gguf)',
      '  engine      llamacpp b10587, mask 2, port 18104 on 127.0.0.1',
      '  leases      none; slots -; running -',
      '  counts      restarts 4 (12 in all), crashes 5 (14 in all)',
      '── Timeline ────────────────────────────────────────────────────────────────────',
      '  14:01:28  preparing -> starting   pid 5120',
      '  14:01:20  starting  -> backoff    vram_oom; next in 8.1s',
      '── Command ─────────────────────────────────────────────────────────────────────',
      "  llama-server -m 'a b'",
      '  CUDA_VISIBLE_DEVICES=2',
      'esc back  l log  d drain  s start  S stop  r restart  x reset  : ?  q quit',
    ]);
  });

  it('name who holds leases', () => {
    const leases = [leaseView({ holder: 'nightly-batch', expires_at: at(14, 2, 45) }), leaseView({ replica_id: 'r1' })];
    const model = told(on('details', modelOf(rig01(), size)), { kind: 'leases', leases });
    expect(seen(model)).toContain('  leases      2 (nightly-batch, expires in 34s); slots 4; running 2');
  });
});

describe('events, devices and leases', () => {
  it('have the newest event last, and the holder of each lease', () => {
    const model = told(
      modelOf(rig01(), size),
      { kind: 'event', event: eventLine(1) },
      { kind: 'event', event: eventLine(2, { human: 'a\nline\u001b[31m' }) },
      { kind: 'leases', leases: [leaseView({ expires_at: at(14, 3, 11) })] },
    );
    expect(seen(on('events', model)).slice(1, 4)).toEqual([
      expect.stringMatching(/^── Events ─+ following {2}2 ──$/),
      '14:01:01 event 1',
      '14:01:02 a line [31m',
    ]);
    const devices = seen(on('devices', model));
    expect(devices).toContain('  REPLICA  EXPIRES IN  HOLDER  LEASE');
    expect(devices).toContain('  chat/r0  1m          me      l-1');
  });
});

describe('what is not as it should be', () => {
  const empty = modelOf(null, size);
  const refusal = {
    kind: 'refused',
    what: "the supervisor's socket is not ours to use",
    why: 'permission denied on /s',
    hint: 'x',
  } as const;

  it('before the first answer there is a frame, and a word only when it takes long', () => {
    expect(seen(empty)[0]).toMatch(/^poolctl {2}rig01 +14:02:11$/);
    expect(seen(empty)).toHaveLength(23);
    expect(seen({ ...empty, now: now + 299 })[0]).not.toContain('connecting');
    expect(seen({ ...empty, now: now + 300 })[0]).toMatch(
      /^poolctl {2}rig01 {2}connecting to \/run\/user\/1000\/poolctl\/poolctl\.sock [|/\\-] /,
    );
  });

  it('no supervisor: what it is, why, and what to do', () => {
    const failure = {
      kind: 'nobody',
      what: 'no poolctl supervisor is running',
      why: 'nothing listens on /s',
      hint: 'poolctl up',
    } as const;
    const lines = seen(hear(empty, { kind: 'lost', failure, retryAt: now + 3_000 }, now));
    expect(lines[0]).toMatch(/^NOT RUNNING: no poolctl supervisor is running; retry in 3s {3,}14:02:11$/);
    expect(lines.slice(2, 5)).toEqual([
      '  what  no poolctl supervisor is running',
      '  why   nothing listens on /s',
      '  try   poolctl up',
    ]);
  });

  it('a socket of somebody else, and another version of the API, are refusals with their reason', () => {
    const lines = seen(hear(empty, { kind: 'lost', failure: refusal, retryAt: now }, now));
    expect(lines[0]).toContain("REFUSED 0s: the supervisor's socket is not ours to use; trying");
    expect(lines).toContain('  why   permission denied on /s');
  });

  it('a supervisor that has gone: since when, and the last data as such', () => {
    const live = modelOf(rig01(), size);
    const failure = { kind: 'gone', what: 'supervisor pid 4100 is gone', why: null, hint: null } as const;
    const lost = hear(live, { kind: 'lost', failure, retryAt: now + 15_000 }, now + 12_000);
    const lines = seen(lost);
    expect(lines[0]).toMatch(/^DISCONNECTED 12s: supervisor pid 4100 is gone; retry in 3s +14:02:23$/);
    expect(lines).toContain('> chat/r0   ? ready?     0        2/4    2      -    0  -');
    expect(lines.join()).toContain('as it was  incarnation 1');
    expect(lines.at(-1)).toBe('enter details  l log  / : ?  q');
    expect(
      frame(lost)
        .slice(1, -1)
        .flat()
        .every(({ tone }) => tone === 'faint'),
    ).toBe(true);
    const back = hear(lost, { kind: 'view', view: rig01(), current: true }, now + 15_000);
    expect(seen(back).join()).toContain('+ ready');
  });

  it('a supervisor that is silent', () => {
    const lines = seen(hear(modelOf(rig01(), size), { kind: 'time' }, now + 6_000));
    expect(lines[0]).toMatch(/^NO ANSWER 6s: supervisor pid 4100 is silent/);
    expect(lines).toContain('> chat/r0   ? ready?     0        2/4    2      -    0  -');
  });

  it('what cannot be saved', () => {
    const view = rig01();
    const unsaved = [{ what: 'registry', reason: 'the registry cannot be written: no space is left' }];
    const lines = seen(modelOf({ ...view, supervisor: { ...view.supervisor, unsaved } }, size));
    expect(lines[0]).toContain('  not all is saved  ');
    expect(seen(modelOf(view, size))[0]).not.toContain('saved');
  });

  it('devices whose tool fails: how old their numbers are, and why', () => {
    const view = { ...rig01(), devices: [deviceView(0, { age_seconds: 40 })] };
    const model = told(modelOf(view, size), { kind: 'devices-note', note: 'nvidia-smi timed out' });
    expect(seen(model)[1]).toMatch(/^── Devices ─+ device data 40s old: nvidia-smi timed out ──$/);
  });

  it('no pools, and a terminal that is too small', () => {
    expect(seen(modelOf(statusView([]), size)).join('\n')).toContain('no pools in pools.yaml; run poolctl init');
    const two = statusView([poolView('chat', [replicaView(), replicaView({ replica_id: 'r1', state: 'broken' })])]);
    expect(seen(modelOf(two, { columns: 44, rows: 7 }))).toEqual(['too small: 1 ready, 1 broken (needs 40x8)']);
    expect(seen(modelOf(two, { columns: 30, rows: 7 }))).toEqual(['too small: +2 (needs 40x8)']);
  });

  it('while it is paused what is shown stays', () => {
    const paused = { ...modelOf(rig01(), size), frozen: { data: modelOf(rig01(), size).data, now } };
    const later = hear(paused, { kind: 'view', view: inventory(0, 1), current: true }, now + 60_000);
    expect(seen(later)[0]).toContain('paused at 14:02:11');
    expect(seen(later).slice(1, 12)).toEqual(seen(modelOf(rig01(), size)).slice(1, 12));
  });
});
