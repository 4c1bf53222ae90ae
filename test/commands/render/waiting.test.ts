import { describe, expect, it, test } from 'vitest';
import { type Blocked, blockedText, waitingLines } from '../../../commands/render/waiting.js';
import type { LeaseView } from '../../../src/api/wire.js';

const at = Date.parse('2026-11-27T12:00:00Z');
const lease = (holder: string | null, leftMs: number): LeaseView =>
  ({ lease_id: `${holder}`, holder, expires_at: new Date(at + leftMs).toISOString() }) as LeaseView;
const blocked = (text: string, blockers = text, more: Partial<Blocked> = {}): Blocked => ({
  ...{ name: 'chat/r0', state: 'draining', text, blockers, told: 'again' },
  ...more,
});

describe('what a drain waits for', () => {
  test.each([
    ['1 lease, forced in 41s', [lease('nightly-batch', 34_000)], '1 lease (nightly-batch, expires in 34s), forced in 41s'],
    ['1 lease, forced in 41s', [lease(null, 33_001)], '1 lease (expires in 34s), forced in 41s'],
    [
      '2 leases, 1 running request, forced in 5m',
      [lease('late', 90_000), lease('soon', 2_000)],
      '2 leases (the last: late, expires in 1m30s), 1 running request, forced in 5m',
    ],
    ['no lease, forced in 5m', [], 'no lease, forced in 5m'],
    ['1 running request, forced in 5m', [], '1 running request, forced in 5m'],
    // It has expired since the status was asked for; and nobody's name is a pattern, or steers a terminal.
    ['1 lease, forced in 1s', [lease("$1 $& \u001b[2J\n'", -50)], "1 lease ($1 $& [2J ', expires in 1s), forced in 1s"],
    [null, [lease('x', 1_000)], ''],
  ])('%j', (why, leases, text) => {
    expect(blockedText(why, leases, at)).toBe(text);
  });
});

describe('off a terminal', () => {
  const open = () => {
    const told: string[] = [];
    return { told, lines: waitingLines({ isTTY: false, columns: undefined }, (text) => told.push(text)) };
  };

  it('has a new line at once, at each change, and every 5 s', () => {
    const { told, lines } = open();
    lines.show([blocked('2 leases, forced in 60s', '2')], 0);
    lines.show([blocked('2 leases, forced in 59s', '2')], 1_000);
    lines.show([blocked('1 lease, forced in 58s', '1')], 2_000);
    lines.show([blocked('1 lease, forced in 54s', '1')], 6_999);
    lines.show([blocked('1 lease, forced in 53s', '1')], 7_000);
    expect(told).toEqual([
      'chat/r0 draining: 2 leases, forced in 60s\n',
      'chat/r0 draining: 1 lease, forced in 58s\n',
      'chat/r0 draining: 1 lease, forced in 53s\n',
    ]);
  });

  it('has one for each replica, and none for a stop unless that takes long', () => {
    const { told, lines } = open();
    lines.show([blocked('1 lease'), blocked('no lease', '0', { name: 'chat/r1' })], 0);
    const stopping = [blocked('asked to stop', '0', { state: 'stopping', told: 'late' })];
    for (const now of [1_000, 3_000, 6_000]) lines.show(stopping, now);
    expect(told).toEqual(['chat/r0 draining: 1 lease\n', 'chat/r1 draining: no lease\n', 'chat/r0 stopping: asked to stop\n']);
    lines.show([], 7_000);
    lines.clear();
    expect(told).toHaveLength(3);
  });
});

describe('on a terminal', () => {
  it('is one line that is written over, cut to the width, and taken away', () => {
    let screen = '';
    const lines = waitingLines({ isTTY: true, columns: 30 }, (text) => {
      screen += text;
    });
    lines.clear();
    expect(screen).toBe('');
    lines.show([blocked('2 leases')], 0);
    expect(screen).toBe('chat/r0 draining: 2 leases\n');
    lines.show([blocked('1 lease'), blocked('no lease', '0', { name: 'chat/r1' })], 100);
    const up = '\u001b[1A\r\u001b[J';
    expect(screen).toBe(`chat/r0 draining: 2 leases\n${up}chat/r0 draining: 1 lease;...\n`);
    lines.show([], 200);
    lines.clear();
    expect(screen.split(up)).toHaveLength(3);
    expect(screen.endsWith(up)).toBe(true);
  });

  it('goes back over what a narrower terminal has wrapped', () => {
    let [screen, columns] = ['', 80];
    const face = {
      isTTY: true,
      get columns() {
        return columns;
      },
    };
    const lines = waitingLines(face, (text) => {
      screen = text;
    });
    lines.show([blocked('1 lease (nightly-batch, expires in 34s)')], 0);
    columns = 20;
    lines.clear();
    expect(screen).toBe('\u001b[3A\r\u001b[J');
  });
});
