/** What `up` shows, on a screen that a test reads: a stream that keeps what is written, with rows and columns. */

import { EventEmitter } from 'node:events';
import { describe, expect, it, test } from 'vitest';
import type { ReplicaView, StatusView } from '../../src/api/wire.js';
import { type ConsoleForm, type ConsoleOptions, consoleForm, openConsole } from '../../src/telemetry/console.js';
import { plain } from '../../src/text/colour.js';
import { displayWidth } from '../../src/text/width.js';

/** Enough of a terminal: text, newlines that scroll, carriage return, cursor up and erasing below. Long lines wrap. */
class Screen extends EventEmitter {
  readonly lines: string[] = [''];
  readonly raw: string[] = [];
  private row = 0;
  constructor(
    public columns: number | undefined,
    public rows: number | undefined,
  ) {
    super();
  }

  write(text: string): boolean {
    this.raw.push(text);
    for (const [piece] of text.matchAll(/\u001b\[(\d*)([A-Za-z])|\r|\n|[^\u001b\r\n]+/g)) {
      const [, count = '', command] = /^\u001b\[(\d*)([A-Za-z])$/.exec(piece) ?? [];
      if (command === 'A') this.row = Math.max(0, this.row - Number(count || 1));
      else if (command === 'J') this.lines.splice(this.row, this.lines.length, '');
      else if (piece === '\n') this.newLine();
      else if (piece !== '\r' && command === undefined) this.put(piece);
    }
    return true;
  }

  /** What stands there is wrapped anew, as terminals do. */
  resize(columns: number): void {
    this.columns = columns;
    const wrapped = this.lines.flatMap((line) => line.match(new RegExp(`.{1,${columns}}`, 'gu')) ?? ['']);
    this.lines.splice(0, this.lines.length, ...wrapped);
    this.row = this.lines.length - 1;
    this.emit('resize');
  }

  shown(): readonly string[] {
    return this.lines.filter((line) => line !== '');
  }

  private put(text: string): void {
    for (const char of text) {
      const line = this.lines[this.row] ?? '';
      if (displayWidth(line) + displayWidth(char) > (this.columns ?? 80)) this.newLine();
      this.lines[this.row] = (this.lines[this.row] ?? '') + char;
    }
  }

  private newLine(): void {
    this.row += 1;
    this.lines[this.row] ??= '';
  }
}

type Stage = {
  readonly screen: Screen;
  /** Lets time pass, and whoever asked for it tick. */
  pass(ms: number): void;
  set(replicas: readonly Partial<ReplicaView>[]): void;
  ticking(): number;
} & ReturnType<typeof openConsole>;

const event = (human: string, more: Readonly<Record<string, unknown>> = {}) => ({
  id: 'a-1',
  time: '1970-01-01T00:00:00.000Z',
  event: 'replica.starting',
  level: 'info',
  human,
  ...more,
});

function stage(form: ConsoleForm, more: Partial<ConsoleOptions> = {}, screen = new Screen(80, 24)): Stage {
  let now = 0;
  let replicas: readonly Partial<ReplicaView>[] = [];
  const told: string[] = [];
  const ticks = new Set<{ readonly ms: number; readonly tick: () => void; at: number }>();
  const console = openConsole({
    stream: screen,
    form,
    level: 'info',
    palette: plain,
    view: () =>
      ({
        pools: [
          {
            pool_id: 'chat',
            replicas: replicas.map((replica, n) => ({
              replica_id: `r${n}`,
              goal: 'up',
              why: null,
              ready: replica.state === 'ready',
              ...replica,
            })),
          },
        ],
      }) as unknown as StatusView,
    now: () => now,
    lastLine: () => null,
    every: (ms, tick) => {
      const entry = { ms, tick, at: now + ms };
      ticks.add(entry);
      return () => ticks.delete(entry);
    },
    ...more,
  });
  return {
    ...console,
    screen,
    ticking: () => ticks.size,
    set: (next) => {
      replicas = next;
    },
    // Changes of state are events: the last one is told by this line, those before by lines that the level leaves out.
    event(line) {
      const changes = replicas.flatMap(({ state }, n) => {
        if (state === undefined || told[n] === state) return [];
        told[n] = state;
        return [{ pool_id: 'chat', replica_id: `r${n}`, to: state }];
      });
      for (const change of changes.slice(0, -1)) console.event(event('', { level: 'debug', ...change }));
      console.event({ ...line, ...changes.at(-1) });
    },
    pass(ms) {
      for (const end = now + ms; now < end; ) {
        now = Math.min(end, ...[...ticks].map(({ at }) => at));
        for (const entry of [...ticks]) {
          if (entry.at > now) continue;
          entry.at += entry.ms;
          entry.tick();
        }
      }
    },
  };
}

test.each([
  ['auto', true, undefined, 'live'],
  ['auto', false, undefined, 'json'],
  ['auto', false, '8:1', 'json'],
  ['pretty', false, undefined, 'plain'],
  ['pretty', false, '', 'plain'],
  ['pretty', false, '8:1', 'journal'],
  ['pretty', true, '8:1', 'live'],
  ['json', true, undefined, 'json'],
] as const)('format %s, terminal %s, journal %s: %s', (format, isTTY, journal, form) => {
  expect(consoleForm(format, isTTY, journal)).toBe(form);
});

describe('on a terminal', () => {
  it('events scroll above a block of those that are on their way, which goes when they have arrived', () => {
    const on = stage('live');
    on.banner('poolctl 1.2.3');
    on.set([{ state: 'starting' }, { state: 'preparing', why: 'checks before the launch' }]);
    on.event(event('chat/r0 starting'));
    expect(on.screen.shown()).toEqual([
      'poolctl 1.2.3',
      expect.stringMatching(/^\d\d:\d\d:\d\d chat\/r0 starting$/),
      expect.stringMatching(/^ {2}chat\/r0 +starting +0s/),
      '  chat/r1   preparing  checks before the launch',
    ]);
    on.pass(12_000);
    expect(on.screen.shown()[2]).toMatch(/starting +12s/);
    on.set([{ state: 'ready' }, { state: 'starting', why: 'HTTP 503' }]);
    on.event(event('chat/r0 ready'));
    expect(on.screen.shown().slice(2)).toEqual([
      expect.stringMatching(/chat\/r0 ready$/),
      expect.stringMatching(/chat\/r1 +starting +.*HTTP 503$/),
    ]);
    on.set([{ state: 'ready' }, { state: 'ready' }]);
    on.event(event('chat/r1 ready'));
    // A terminal of 80 columns wraps it.
    expect(on.screen.shown().slice(-2).join('')).toMatch(
      /^2 of 2 ready in 12\.\ds\. Status: poolctl status {3}live view: poolctl top {3}stop: Ctrl-C$/,
    );
    expect(on.screen.shown().filter((line) => line.includes('starting '))).toEqual([]);
    expect(on.ticking()).toBe(0);
  });

  it('shows what a loading engine said last, else why it is not ready', () => {
    const on = stage('live', { lastLine: (_, id) => (id === 'r0' ? 'loading\u001b[2J tensors' : null) });
    on.set([
      { state: 'starting', why: 'HTTP 503' },
      { state: 'starting', why: 'HTTP 503' },
    ]);
    on.event(event('begin'));
    expect(on.screen.shown()[1]).toMatch(/0s +loading.*tensors/);
    expect(on.screen.shown()[2]).toMatch(/0s +HTTP 503/);
    expect(on.screen.raw.join('')).not.toContain('\u001b[2J');
  });

  it('draws no more than a few frames a second, and nothing when nobody is on its way', () => {
    const on = stage('live');
    on.event(event('nothing loads'));
    expect(on.ticking()).toBe(0);
    on.set([{ state: 'starting' }]);
    on.event(event('begin'));
    const before = on.screen.raw.length;
    on.pass(10_000);
    expect(on.screen.raw.length - before).toBeLessThanOrEqual(41);
    expect(on.screen.raw.length - before).toBeGreaterThan(5);
  });

  it('never fills the screen, never wraps its block, and leaves no trace when it is made narrower', () => {
    const screen = new Screen(60, 10);
    const on = stage('live', {}, screen);
    on.set(Array.from({ length: 40 }, () => ({ state: 'starting' as const, why: `模型 ${'long '.repeat(40)}` })));
    on.event(event('begin'));
    const block = screen.shown().slice(1);
    expect(block.length).toBeGreaterThan(0);
    expect(block.length).toBeLessThan(9);
    for (const line of block) expect(displayWidth(line)).toBeLessThan(60);
    on.set([{ state: 'starting', why: 'long '.repeat(40) }]);
    on.event(event('next'));
    screen.resize(23);
    expect(screen.shown().slice(0, 2)).toEqual([expect.stringMatching(/ begin$/), expect.stringMatching(/ next$/)]);
    on.close();
    expect(screen.shown()).toEqual([expect.stringMatching(/ begin$/), expect.stringMatching(/ next$/)]);
  });

  it('works where rows and columns are not known, or are hardly there', () => {
    for (const screen of [new Screen(undefined, undefined), new Screen(1, 1), new Screen(5, 4)]) {
      const on = stage('live', {}, screen);
      on.set([{ state: 'starting' }]);
      on.event(event('x'));
      on.pass(1_000);
      on.close();
      expect(screen.raw.join('')).not.toMatch(/undefined|NaN/);
    }
  });

  it('shows the end of the log under a crash, once, at most twenty lines', () => {
    const on = stage('live');
    const last_lines = Array.from({ length: 30 }, (_, n) => `line ${n}\twith a tab`);
    on.event(event('chat/r0 crashed', { event: 'replica.crashed', level: 'error', last_lines }));
    expect(on.screen.shown()).toHaveLength(21);
    expect(on.screen.shown()[1]).toBe('  | line 10 with a tab');
    expect(on.screen.shown().at(-1)).toBe('  | line 29 with a tab');
  });

  it('answers Ctrl-C at once, above the block', () => {
    const on = stage('live');
    on.set([{ state: 'starting' }]);
    on.event(event('x'));
    on.stopping({ rung: 'drain', leases: 2, deadlineMs: 30_000 });
    on.stopping({ rung: 'stop', graceMs: 5_000 });
    expect(on.screen.shown().filter((line) => line.startsWith('stopping'))).toEqual([
      'stopping: 2 leases held, draining up to 30s (Ctrl-C again: stop engines now)',
      'stopping now: SIGTERM, SIGKILL after 5s (Ctrl-C again: kill)',
    ]);
    expect(on.screen.shown().at(-1)).toMatch(/^ {2}chat\/r0 /);
  });
});

describe('elsewhere', () => {
  it('is a line an event, without any control of a terminal', () => {
    for (const form of ['plain', 'journal', 'json'] as const) {
      const on = stage(form);
      on.banner('poolctl 1.2.3');
      on.set([{ state: 'starting' }]);
      on.event(event('chat/r0 starting'));
      on.event(event('quiet', { level: 'debug' }));
      on.stopping({ rung: 'drain', leases: 0, deadlineMs: 0 });
      on.close();
      const text = on.screen.raw.join('');
      expect(text).not.toMatch(/[\u001b\r]/);
      expect(text).not.toContain('quiet');
      expect(text.endsWith('\n')).toBe(true);
      const lines = text.trimEnd().split('\n');
      expect(lines).toHaveLength(form === 'json' ? 1 : 3);
      if (form === 'json') expect(JSON.parse(lines[0] ?? '')).toMatchObject(event('chat/r0 starting'));
      if (form === 'journal') for (const line of lines) expect(line).toMatch(/^<[346]>/);
    }
  });

  it('reminds of what still loads, each half minute, as an event would', () => {
    const on = stage('json');
    on.set([{ state: 'starting', why: 'HTTP 503' }, { state: 'ready' }]);
    on.event(event('x'));
    on.pass(29_000);
    expect(on.screen.raw).toHaveLength(1);
    on.pass(36_000);
    const reminders = on.screen.raw.slice(1).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(reminders.map(({ human }) => human)).toEqual([
      'chat/r0 still starting after 30s: HTTP 503',
      'chat/r0 still starting after 1m: HTTP 503',
    ]);
    expect(reminders[0]).toMatchObject({
      event: 'replica.starting',
      level: 'info',
      pool_id: 'chat',
      replica_id: 'r0',
      time: expect.stringMatching(/Z$/),
    });
    on.set([{ state: 'ready' }, { state: 'ready' }]);
    on.event(event('ready'));
    on.pass(60_000);
    expect(on.screen.raw).toHaveLength(4);
    expect(on.ticking()).toBe(0);
  });
});

describe('a reader that stalls', () => {
  const stalled = { writableLength: 0 };
  const screen = (): Screen =>
    Object.defineProperty(new Screen(400, 24), 'writableLength', { get: () => stalled.writableLength });

  it.each([
    ['plain', '1970-01-01T00:00:10.000Z events are missing here: nobody has read 2 lines: see poolctl events'],
    ['journal', '<4>events are missing here: nobody has read 2 lines: see poolctl events'],
    [
      'json',
      /^\{"time":"1970-01-01T00:00:10\.000Z","event":"gap","level":"warn","human":"events are missing here: nobody has read 2 lines/,
    ],
    ['live', /^\d\d:\d\d:\d\d events are missing here: nobody has read 2 lines/],
  ] as const)('costs no more than a bound of memory, and reads afterwards how much it has missed: %s', (form, gap) => {
    const on = stage(form, {}, screen());
    on.set([{ state: 'starting' }]);
    on.event(event('first'));
    stalled.writableLength = 1024 * 1024;
    const before = on.screen.raw.length;
    on.event(event('second'));
    on.event(event('third'));
    on.pass(10_000);
    expect(on.screen.raw).toHaveLength(before);
    stalled.writableLength = 1024;
    on.event(event('fourth'));
    const told = on.screen.shown().filter((line) => !line.includes('chat/r0 '));
    expect(told.join('\n')).not.toMatch(/second|third/);
    expect(told.at(-2)).toMatch(gap);
    expect(told.at(-1)).toContain('fourth');
    on.event(event('fifth'));
    expect(on.screen.raw.join('').match(/are missing here/g)).toHaveLength(1);
  });
});

describe('a reader that is gone', () => {
  it('hurts nobody, and after the end nothing is written', () => {
    const screen = new Screen(80, 24);
    const on = stage('live', {}, screen);
    screen.emit('error', new Error('EPIPE'));
    on.set([{ state: 'starting' }]);
    on.event(event('x'));
    on.close();
    on.close();
    expect(on.ticking()).toBe(0);
    const before = screen.raw.length;
    on.event(event('late'));
    screen.emit('resize');
    on.pass(1_000);
    expect(screen.raw).toHaveLength(before);
    const broken = stage(
      'plain',
      {},
      Object.assign(new Screen(80, 24), {
        write: () => {
          throw new Error('EIO');
        },
      }),
    );
    expect(() => broken.event(event('x'))).not.toThrow();
  });
});
