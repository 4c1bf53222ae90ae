/** What comes in from outside, and what is known then. */

import { describe, expect, it } from 'vitest';
import { isStale } from '../../src/tui/model.js';
import { hear, logText } from '../../src/tui/news.js';
import { eventLine, inventory, modelOf, now, rig01, told } from './made.js';

const size = { columns: 80, rows: 24 };
const rig = modelOf(rig01(), size);
const gone = { kind: 'gone', what: 'gone', why: null, hint: null } as const;

describe('events', () => {
  it('of before stand before those that were heard, each once, whenever they are read', () => {
    const heard = told(rig, { kind: 'event', event: eventLine(1) }, { kind: 'event', event: eventLine(4) });
    const { events } = told(heard, { kind: 'past', events: [0, 1, 2, 3].map((second) => eventLine(second)) }).data;
    expect(events.map(({ human }) => human)).toEqual(['event 0', 'event 1', 'event 2', 'event 3', 'event 4']);
  });

  it('are kept up to a thousand', () => {
    const many = Array.from({ length: 1_500 }, (_, n) => ({ ...eventLine(1), id: `1-${n}` }));
    expect(told(rig, { kind: 'past', events: many }).data.events).toHaveLength(1_000);
  });
});

describe('the supervisor', () => {
  it('is gone since it was last heard, however often it is looked for', () => {
    const first = hear(rig, { kind: 'lost', failure: gone, retryAt: now + 500 }, now + 400);
    const again = hear(first, { kind: 'lost', failure: gone, retryAt: now + 2_000 }, now + 900);
    expect(again.link).toMatchObject({ state: 'lost', since: now, retryAt: now + 2_000 });
    expect(isStale(again)).toBe(true);
  });

  it('that answers again is live, with its own data; what the last one wrote down is not', () => {
    const lost = hear(rig, { kind: 'lost', failure: gone, retryAt: now }, now);
    expect(isStale(told(lost, { kind: 'view', view: inventory(0, 1), current: true }))).toBe(false);
    const written = told(lost, { kind: 'view', view: { ...inventory(0, 1), stale: true }, current: false });
    expect(written.link.state).toBe('lost');
    expect(isStale(written)).toBe(true);
  });
});

it('history is kept of what is there, two minutes of it', () => {
  const views = Array.from({ length: 200 }, () => ({ kind: 'view', view: rig01(), current: true }) as const);
  const { history } = told(rig, ...views).data;
  expect(history['chat/r0']).toHaveLength(120);
  expect(Object.keys(told(rig, { kind: 'view', view: inventory(0, 1), current: true }).data.history)).toEqual(['pool-0/r0']);
});

it('a message stays for eight seconds, or until something else is said', () => {
  const said = hear(rig, { kind: 'said', text: 'done', tone: 'plain' }, now);
  expect(hear(said, { kind: 'time' }, now + 7_999).message?.text).toBe('done');
  expect(hear(said, { kind: 'time' }, now + 8_000).message).toBeNull();
});

it('a line of a log loses its colours and what would steer the terminal, and keeps its indentation', () => {
  expect(logText('\u001b[32m  ok\u001b[0m\tx\u0007\r')).toBe('  ok    x?');
  expect(logText('\u001b]0;title\u0007text\u001b[2K')).toBe('text');
});
