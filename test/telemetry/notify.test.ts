/** What systemd hears, and when: with a clock and a messenger of the test's own. */

import { beforeEach, describe, expect, it } from 'vitest';
import type { EventLine, StatusView } from '../../src/api/wire.js';
import { type NotifyOptions, openNotifier } from '../../src/telemetry/notify.js';

let states: readonly string[];
let sent: string[][];
let timers: { readonly at: number; readonly run: () => void }[];
let nowMs: number;
/** Deliveries that are under way; the test lets them go. */
let arrive: (() => void)[];

beforeEach(() => {
  states = ['starting', 'ready', 'ready'];
  [sent, timers, nowMs, arrive] = [[], [], 0, []];
});

function open(more: Partial<NotifyOptions> = {}) {
  return openNotifier({
    send(assignments) {
      sent.push([...assignments]);
      return new Promise((resolve) => arrive.push(resolve));
    },
    view: () => ({ pools: [{ replicas: states.map((state) => ({ state })) }] }) as unknown as StatusView,
    after(ms, run) {
      const timer = { at: nowMs + ms, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((each) => each !== timer);
      };
    },
    watchdogMs: null,
    stoppingMs: () => 50_000,
    ...more,
  });
}

async function pass(ms: number): Promise<void> {
  for (const end = nowMs + ms; ; ) {
    const next = timers.toSorted((a, b) => a.at - b.at)[0];
    if (next === undefined || next.at > end) {
      nowMs = end;
      return;
    }
    nowMs = next.at;
    timers = timers.filter((each) => each !== next);
    next.run();
    await delivered();
  }
}

async function delivered(): Promise<void> {
  while (arrive.length > 0) {
    for (const done of arrive.splice(0)) done();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const told = (event: string): EventLine => ({ event }) as EventLine;

describe('a supervisor under systemd', () => {
  it('says that it is ready, and what its replicas are', () => {
    open().ready();
    expect(sent).toEqual([['READY=1', 'STATUS=2 ready, 1 starting']]);
  });

  it('tells a storm of events as one status, and an unchanged one not at all', async () => {
    const notifier = open();
    notifier.ready();
    await delivered();
    states = ['ready', 'ready', 'ready'];
    for (let n = 0; n < 100; n += 1) notifier.event(told('replica.ready'));
    await pass(999);
    expect(sent).toHaveLength(1);
    await pass(1);
    notifier.event(told('probe.failed'));
    await pass(5_000);
    expect(sent.slice(1)).toEqual([['STATUS=3 ready']]);
  });

  it('says on its way down how long that may take', async () => {
    const notifier = open();
    states = ['draining'];
    notifier.event(told('supervisor.stopping'));
    await delivered();
    states = ['stopped'];
    notifier.event(told('replica.stopped'));
    await pass(1_000);
    expect(sent).toEqual([
      ['STOPPING=1', 'STATUS=stopping: 1 draining', 'EXTEND_TIMEOUT_USEC=50000000'],
      ['STATUS=stopping: 1 stopped'],
    ]);
  });

  it('is heard of twice in the time that the watchdog waits, until it ends', async () => {
    const notifier = open({ watchdogMs: 10_000 });
    await pass(14_999);
    expect(sent).toEqual([['WATCHDOG=1'], ['WATCHDOG=1']]);
    await notifier.close();
    await pass(60_000);
    expect(sent).toHaveLength(2);
  });

  it('brings one message after another: what comes meanwhile goes together, the newest status alone', async () => {
    const notifier = open({ watchdogMs: 3_000 });
    notifier.ready();
    states = ['broken'];
    notifier.event(told('replica.broken'));
    for (const { run } of timers.splice(0)) run();
    states = ['backoff'];
    notifier.event(told('replica.backoff'));
    for (const { run } of timers.splice(0)) run();
    expect(sent).toHaveLength(1);
    const closed = notifier.close();
    await delivered();
    await closed;
    expect(sent.slice(1)).toEqual([['WATCHDOG=1', 'STATUS=1 backoff']]);
  });
});
