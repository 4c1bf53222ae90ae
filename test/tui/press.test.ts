/** Keys, and what follows from them. */

import { describe, expect, it } from 'vitest';
import { frame } from '../../src/tui/frame.js';
import { keysOf } from '../../src/tui/keys.js';
import { textOf } from '../../src/tui/line.js';
import type { Model } from '../../src/tui/model.js';
import { hear } from '../../src/tui/news.js';
import { press, type Wish } from '../../src/tui/press.js';
import { eventLine, inventory, modelOf, now, rig01, told } from './made.js';

const size = { columns: 80, rows: 24 };
const rig = modelOf(rig01(), size);

/** What all these keys lead to, and what the last of them wishes for. */
function type(model: Model, text: string): { readonly model: Model; readonly wish: Wish | null } {
  return keysOf(text).reduce<{ model: Model; wish: Wish | null }>((before, key) => press(before.model, key), {
    model,
    wish: null,
  });
}
const typed = (model: Model, text: string): Model => type(model, text).model;
const lines = (model: Model): readonly string[] => frame(model).map((line) => textOf(line).trimEnd());
const footer = (model: Model): string => lines(model).at(-1) ?? '';
const chosen = (model: Model): string => lines(model).find((line) => line.startsWith('> ')) ?? '';

describe('moving', () => {
  it('chooses another replica, and stays among them', () => {
    expect(chosen(typed(rig, 'jj'))).toMatch(/^> code\/r0 /);
    expect(chosen(typed(rig, '\u001b[Bj\u001b[A'))).toMatch(/^> chat\/r1 /);
    expect(chosen(typed(rig, 'G'))).toMatch(/^> embed\/r0 /);
    expect(chosen(typed(rig, 'Gjjj'))).toMatch(/^> embed\/r0 /);
    expect(chosen(typed(rig, 'Ggk'))).toMatch(/^> chat\/r0 /);
    const many = modelOf(inventory(0, 40), size);
    expect(chosen(typed(many, '\u001b[6~'))).toMatch(/^> pool-3\/r3 /);
    expect(chosen(typed(many, '\u0004\u0015'))).toMatch(/^> pool-0\/r0 /);
  });

  it('goes from screen to screen and back', () => {
    const screens = (text: string): string => typed(rig, text).screen;
    expect([...'12345'].map(screens)).toEqual(['overview', 'details', 'log', 'events', 'devices']);
    expect(screens('\r')).toBe('details');
    expect(screens('l')).toBe('log');
    expect(screens('l\u001b')).toBe('overview');
    expect(screens('\t\t')).toBe('log');
    expect(screens('\u001b[Z')).toBe('devices');
    expect(screens('4??')).toBe('events');
    expect(screens('4?\u001b')).toBe('events');
    expect(lines(typed(rig, '?')).join('\n')).toContain('  d                 drain');
  });

  it('scrolls what is longer than the screen, and no further', () => {
    const small = { ...typed(modelOf(rig01(), { columns: 80, rows: 10 }), 'G\r') };
    expect(lines(small)[1]).toContain('── embed/r0 ');
    expect(lines(typed(small, 'j'))[1]).toContain('why');
    expect(lines(typed(small, 'G')).at(-2)).toContain('nothing is known of it yet');
    expect(typed(small, 'GGjjj').scrolled.details).toBe(typed(small, 'G').scrolled.details);
    expect(lines(typed(small, 'Gg'))[1]).toContain('── embed/r0 ');
    const events = told(
      typed(rig, '4'),
      ...Array.from({ length: 30 }, (_, n) => ({ kind: 'event', event: eventLine(n) }) as const),
    );
    expect(lines(events).at(-2)).toContain('event 29');
    expect(lines(typed(events, 'kk')).at(-2)).toContain('event 27');
    // What comes meanwhile does not move what is read.
    expect(lines(told(typed(events, 'kk'), { kind: 'event', event: eventLine(30) })).at(-2)).toContain('event 27');
    expect(lines(typed(events, 'g'))[2]).toContain('event 0');
  });
});

describe('acting', () => {
  it('asks first, with the effect on those who are served, and does it on y alone', () => {
    expect(footer(typed(rig, 'd'))).toBe('drain chat/r0? 2 leases, 2 running requests, forced after 5m  [y/N]');
    expect(footer(typed(rig, 'S'))).toBe('stop chat/r0? 2 leases, 2 running requests are cut off now  [y/N]');
    expect(footer(typed(rig, 'r'))).toBe('restart chat/r0? drains 2 leases, 2 running requests, at most 5m  [y/N]');
    expect(footer(typed(rig, 'Gx'))).toBe('reset embed/r0? closes its breaker, forgets its failures, and launches  [y/N]');
    expect(footer(typed(rig, 'Gd'))).toBe('drain embed/r0? it does not run  [y/N]');
    expect(type(rig, 'd').wish).toBeNull();
    expect(type(rig, 'dy').wish).toEqual({ kind: 'act', verb: 'drain', names: ['chat/r0'] });
    expect(type(rig, 'js').model.question).toEqual({ kind: 'confirm', verb: 'start', names: ['chat/r1'] });
    for (const no of ['dn', 'dq', 'd\r', 'd\u001b']) {
      expect(type(rig, no).wish).toBeNull();
      expect(footer(typed(rig, no))).toBe('nothing was done');
    }
    expect(typed(rig, 'dnj').message).toBeNull();
  });

  it('on a narrow terminal still says what, and how to answer', () => {
    expect(footer(typed({ ...rig, size: { columns: 40, rows: 10 } }, 'd'))).toBe('drain chat/r0? 2 leases, 2 run...  [y/N]');
  });

  it('is off in a read-only view, and while nobody answers', () => {
    const reading = modelOf(rig01(), size, { readOnly: true });
    for (const key of 'dsSrx') expect(typed(reading, key).question).toBeNull();
    expect(footer(typed(reading, 'd'))).toBe('cannot drain anything: this view is read-only');
    expect(footer(reading)).toBe('enter details  l log  / : ?  q');
    expect(type(reading, ':stop chat\r').wish).toBeNull();
    expect(lines(typed(reading, '?')).join('\n')).not.toMatch(/ drain$/m);
    expect(lines(reading)[0]).toContain('read-only');
    const failure = { kind: 'gone', what: 'gone', why: null, hint: null } as const;
    // Also where it was asked before.
    const lost = hear(typed(rig, 'd'), { kind: 'lost', failure, retryAt: now }, now);
    expect(type(lost, 'y').wish).toBeNull();
    expect(footer(typed(lost, 'd'))).toBe('cannot drain anything: the supervisor does not answer');
  });

  it('Ctrl-C leaves, Ctrl-L draws anew, whatever is asked', () => {
    for (const before of ['', 'd', '/abc', ':dr', 'l', '?', 'p']) {
      expect(type(rig, `${before}\u0003`).wish).toEqual({ kind: 'quit' });
      expect(type(rig, `${before}\u000c`).wish).toEqual({ kind: 'redraw' });
      expect(type(rig, `${before}\u001a`).wish).toEqual({ kind: 'suspend' });
    }
    expect(type(rig, 'q').wish).toEqual({ kind: 'quit' });
    expect(type(rig, '/q').wish).toBeNull();
  });
});

describe('the palette', () => {
  const wish = (text: string): Wish | null => type(rig, `:${text}\r`).wish;
  const ordering = (text: string): Model => typed(rig, `:${text}\r`);

  it('knows the words of the command line', () => {
    expect(ordering('drain chat code/r1').question).toEqual({ kind: 'confirm', verb: 'drain', names: ['chat', 'code/r1'] });
    expect(ordering('stop all').question).toEqual({ kind: 'confirm', verb: 'stop', names: ['chat', 'code', 'embed'] });
    expect(footer(ordering('drain chat'))).toBe('drain chat? 2 leases, 2 running requests, forced after 5m  [y/N]');
    expect(wish('quit')).toEqual({ kind: 'quit' });
    expect(ordering('logs code/r1')).toMatchObject({ screen: 'log', selected: 'code/r1' });
    expect(ordering('status embed')).toMatchObject({ screen: 'details', selected: 'embed/r0' });
    expect(ordering('events').screen).toBe('events');
    expect(ordering('').question).toBeNull();
  });

  it('says what it does not know, and what was meant', () => {
    expect(footer(ordering('drian chat'))).toBe('there is no command "drian" here; did you mean drain?');
    expect(footer(ordering('drain chta'))).toBe('there is no "chta"; did you mean chat?');
    expect(footer(ordering('drain'))).toMatch(/^drain what\?/);
  });

  it('completes and is corrected', () => {
    expect(footer(typed(rig, ':dr\t'))).toBe(':drain _');
    expect(footer(typed(rig, ':drain co\t'))).toBe(':drain code_');
    expect(footer(typed(rig, ':xx\u007f\u007fev\t'))).toBe(':events _');
    expect(typed(rig, ':dr\u001b').question).toBeNull();
  });
});

describe('filter, pause, log', () => {
  const log = typed(rig, 'l');

  it('a filter is seen while it is typed, and Esc takes it away', () => {
    expect(chosen(typed(rig, '/brok'))).toMatch(/^> embed\/r0 /);
    expect(footer(typed(rig, '/brok'))).toBe('/brok_');
    expect(typed(rig, '/brok\r').filter.overview).toBe('brok');
    expect(typed(rig, '/brok\r\u001b').filter.overview).toBe('');
    expect(typed(rig, '/brok\u001b').filter.overview).toBe('');
    expect(typed(rig, '/brok\rd').question).toEqual({ kind: 'confirm', verb: 'drain', names: ['embed/r0'] });
  });

  it('the log follows until somebody scrolls, and again at its end', () => {
    expect(lines(log).at(-2)).toContain('task 470');
    expect(lines(typed(log, 'kkk')).at(-2)).toContain('task 467');
    const more = (model: Model): Model =>
      told(model, { kind: 'log', key: 'chat/r0', lines: ['new \u001b[31mred\u001b[0m\tline\r'] });
    expect(lines(more(typed(log, 'k'))).at(-2)).toContain('task 469');
    expect(lines(more(typed(log, 'f'))).at(-2)).toContain('task 470');
    expect(lines(more(typed(log, 'ff'))).at(-2)).toBe('new red    line');
    expect(lines(more(typed(log, 'kkG'))).at(-2)).toBe('new red    line');
    expect(lines(typed(log, 'g'))[2]).toContain('task 411');
    expect(lines(typed(log, 'gkkk'))[2]).toContain('task 411');
    expect(lines(typed(log, 'k'))[1]).toMatch(/ stays at line 59 of 60 {2}incarnation 1 ──$/);
  });

  it('shows the lines that a filter leaves, and with n each find among all lines', () => {
    const filtered = typed(log, '/id  3\r');
    expect(lines(filtered)[1]).toMatch(/\/id {2}3 {2}15 lines {2}following/);
    expect(lines(filtered).slice(2, -1).filter(Boolean)).toHaveLength(15);
    const found = typed(log, '/task 430 \rn');
    expect(lines(found).slice(2, -1).filter(Boolean)).toHaveLength(20);
    expect(found.found).toBe(19);
    expect(typed(log, '/id  3\rn').found).toBe(3);
    expect(typed(log, '/id  3\rnn').found).toBe(7);
    expect(typed(log, '/id  3\rN').found).toBe(59);
    expect(typed(log, '/id  3\rn\u001b')).toMatchObject({ found: null, filter: { log: 'id  3' } });
  });

  it('wraps long lines, and writes what is there to a file', () => {
    const long = told(log, { kind: 'log', key: 'chat/r0', lines: ['x'.repeat(200)] });
    expect(lines(long).at(-2)).toBe('x'.repeat(80));
    expect(lines(typed(long, 'w')).slice(-4, -1)).toEqual(['x'.repeat(80), 'x'.repeat(80), 'x'.repeat(40)]);
    expect(type(typed(log, '/task 43\r'), 'y').wish).toEqual({
      kind: 'save',
      name: 'chat/r0',
      lines: expect.arrayContaining([expect.stringContaining('task 430')]),
    });
    expect(type(typed(log, '/task 43\r'), 'y').wish).toMatchObject({ lines: { length: 10 } });
  });

  it('keeps the last lines of a log that never ends', () => {
    const endless = told(log, { kind: 'log', key: 'chat/r0', lines: Array.from({ length: 6_000 }, (_, n) => `line ${n}`) });
    expect(endless.data.log).toMatchObject({ lines: { length: 5_000 }, first: 1_060 });
    expect(told(log, { kind: 'log', key: 'other/r0', lines: ['x'] }).data.log).toBe(log.data.log);
  });

  it('p stops what is shown, and shows what is again', () => {
    const paused = typed(rig, 'p');
    const later = told(paused, { kind: 'view', view: inventory(0, 2), current: true });
    expect(chosen(later)).toMatch(/^> chat\/r0 /);
    expect(chosen(typed(later, 'p'))).toMatch(/^> pool-0\/r0 /);
  });
});
