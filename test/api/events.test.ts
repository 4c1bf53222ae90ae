/** The event stream, as its readers meet it: ids, resuming, gaps, slow readers, readers that go. */

import { describe, expect, it } from 'vitest';
import { sseReader } from '../../src/api/sse.js';
import type { EventLine } from '../../src/api/wire.js';
import { until } from '../host/scratch.js';
import { holdValue } from '../rig/contract.js';
import { dial, eventLine, openStand, type Stand, type Wire } from './stand.js';

type Listening = { readonly wire: Wire; told(): readonly { id: string | null; event: string; data: EventLine }[] };

async function listen(stand: Stand, target = '/v2/events', headers = ''): Promise<Listening> {
  // HTTP/1.0 has no chunks: what is heard after the head is the stream as it is.
  const wire = await dial(stand, `GET ${target} HTTP/1.0\r\nHost: a\r\n${headers}\r\n`);
  await wire.hears(/: poolctl events\n\n/);
  return {
    wire,
    told: () => {
      const heard = Buffer.from(wire.heard(), 'latin1').toString('utf8');
      return sseReader()(heard.slice(heard.indexOf('\r\n\r\n') + 4)).map(({ id, event, data }) => {
        const line = JSON.parse(data);
        holdValue(event === 'gap' ? 'Gap' : 'Event', line);
        return { id, event, data: line };
      });
    },
  };
}

const idsOf = ({ told }: Listening): readonly (string | null)[] => told().map(({ id, event }) => id ?? event);
const hearsOf = ({ wire }: Listening, line: EventLine): Promise<string> => wire.hears(new RegExp(`^id: ${line.id}$`, 'm'));

describe('events', () => {
  it('come as they are published, with id, name and the whole line', async () => {
    const stand = await openStand();
    const listening = await listen(stand);
    expect(listening.wire.heard()).toMatch(/^content-type: text\/event-stream; charset=utf-8\r$/im);
    expect(listening.wire.heard()).toMatch(/^cache-control: no-store\r$/im);
    const odd = eventLine(2, { event: 'replica.crashed', human: 'zwei\nZeilen, dann 模型', reason: '\r\n\r\ndata: x' });
    stand.publish(eventLine(1), odd);
    await hearsOf(listening, odd);
    await until(() => listening.told().length === 2);
    expect(listening.told()).toEqual([
      { id: 'boot-1', event: 'replica.ready', data: eventLine(1) },
      { id: 'boot-2', event: 'replica.crashed', data: odd },
    ]);
  });

  it('resume after the one that was heard last, without a gap and none twice', async () => {
    const past = [eventLine(2), eventLine(3)];
    let publishWhileLooking = (): void => {};
    const asked: string[] = [];
    const stand = await openStand({
      eventsSince: async (id) => {
        asked.push(id);
        publishWhileLooking();
        return past;
      },
    });
    // 3 is published while the past is looked up, and is part of it; 4 comes just behind.
    publishWhileLooking = () => stand.publish(eventLine(3), eventLine(4));
    const resumed = [
      await listen(stand, '/v2/events?since=boot-1'),
      await listen(stand, '/v2/events', 'Last-Event-ID: boot-1\r\n'),
      await listen(stand, '/v2/events?since=boot-0', 'Last-Event-ID: boot-1\r\n'),
    ];
    publishWhileLooking = () => {};
    stand.publish(eventLine(5));
    for (const listening of resumed) await hearsOf(listening, eventLine(5));
    expect(asked).toEqual(['boot-1', 'boot-1', 'boot-1']);
    expect(resumed.map((listening) => idsOf(listening).filter((id) => id !== 'boot-3' && id !== 'boot-4'))).toEqual(
      resumed.map(() => ['boot-2', 'boot-5']),
    );
    expect(idsOf(resumed[2] as Listening)).toEqual(['boot-2', 'boot-3', 'boot-4', 'boot-5']);
  });

  it('begin now where no id is given, or an empty one', async () => {
    const stand = await openStand();
    for (const listening of [await listen(stand, '/v2/events?since='), await listen(stand, '/v2/events', 'Last-Event-ID:\r\n')]) {
      stand.publish(eventLine(1));
      await hearsOf(listening, eventLine(1));
      expect(idsOf(listening)).toEqual(['boot-1']);
    }
  });

  it('of an id that nobody knows begin with a gap', async () => {
    const stand = await openStand();
    const listening = await listen(stand, '/v2/events?since=other-7');
    await listening.wire.hears(/^event: gap$/m);
    stand.publish(eventLine(1));
    await hearsOf(listening, eventLine(1));
    const [gap, ...rest] = listening.told();
    expect(gap).toMatchObject({
      id: null,
      event: 'gap',
      data: { event: 'gap', level: 'warn', time: '1970-01-01T00:00:00.000Z' },
    });
    expect(gap?.data.reason).toBe('the event "other-7" is not known any more');
    expect(rest.map(({ id }) => id)).toEqual(['boot-1']);
  });

  it('that a reader is too slow for are replaced by one gap, in their place, and the stream goes on', async () => {
    const stand = await openStand();
    const [slow, quick] = [await listen(stand), await listen(stand)];
    slow.wire.socket.pause();
    const padding = 'x'.repeat(50_000);
    const count = 120;
    for (let n = 1; n <= count; n += 1) {
      stand.publish(eventLine(n, { detail: padding }));
      await hearsOf(quick, eventLine(n));
    }
    expect(idsOf(quick)).toHaveLength(count);
    slow.wire.socket.resume();
    await slow.wire.hears(/^event: gap$/m);
    stand.publish(eventLine(count + 1));
    await hearsOf(slow, eventLine(count + 1));
    const ids = idsOf(slow);
    const gap = ids.indexOf('gap');
    expect(ids.filter((id) => id === 'gap')).toHaveLength(1);
    // About a megabyte, and what the kernel holds, was kept for it; then nothing until it read on.
    expect(gap).toBeGreaterThan(15);
    expect(gap).toBeLessThan(count);
    expect(ids.slice(0, gap)).toEqual(Array.from({ length: gap }, (_, n) => `boot-${n + 1}`));
    expect(ids.slice(gap)).toEqual(['gap', `boot-${count + 1}`]);
  });

  it('that come faster than the past is told are kept up to a bound, then replaced by a gap behind those kept', async () => {
    const flood = 5_000;
    const stand = await openStand({
      eventsSince: async () => {
        for (let n = 1; n <= flood; n += 1) stand.publish(eventLine(n));
        return [eventLine(0)];
      },
    });
    const listening = await listen(stand, '/v2/events?since=boot-0');
    await listening.wire.hears(/^event: gap$/m);
    stand.publish(eventLine(flood + 1));
    await hearsOf(listening, eventLine(flood + 1));
    const ids = idsOf(listening);
    expect(ids.slice(0, 3)).toEqual(['boot-0', 'boot-1', 'boot-2']);
    expect(ids.filter((id) => id === 'gap')).toHaveLength(1);
    expect(ids.slice(-3)).toEqual([`boot-${ids.length - 3}`, 'gap', `boot-${flood + 1}`]);
  });
});

describe('readers', () => {
  it('may be many, and none is left when they have gone', async () => {
    const stand = await openStand();
    const all = await Promise.all(Array.from({ length: 40 }, () => listen(stand)));
    expect(stand.listeners()).toBe(40);
    stand.publish(eventLine(1));
    await Promise.all(all.map((listening) => hearsOf(listening, eventLine(1))));
    for (const { wire } of all.slice(0, 20)) wire.socket.destroy();
    await until(() => stand.listeners() === 20);
    stand.publish(eventLine(2));
    await Promise.all(all.slice(20).map((listening) => hearsOf(listening, eventLine(2))));
    for (const { wire } of all.slice(20)) wire.socket.end();
    for (const { wire } of all.slice(20)) wire.socket.destroy();
    await until(() => stand.listeners() === 0);
  });

  it('that go while the past is looked up, or told, are let go of', async () => {
    let look = (_: readonly EventLine[]): void => {};
    const stand = await openStand({ eventsSince: () => new Promise((resolve) => (look = resolve)) });
    const padding = 'x'.repeat(100_000);
    const past = Array.from({ length: 100 }, (_, n) => eventLine(n, { detail: padding }));
    const early = await listen(stand, '/v2/events?since=boot-1');
    early.wire.socket.destroy();
    await until(() => early.wire.socket.closed);
    look(past);
    await until(() => stand.listeners() === 0);
    const late = await listen(stand, '/v2/events?since=boot-1');
    late.wire.socket.once('data', () => late.wire.socket.pause());
    look(past);
    await late.wire.hears(/^id: boot-0$/m);
    late.wire.socket.destroy();
    await until(() => stand.listeners() === 0);
  });

  it('are told of a failing journal by a broken stream, and we by an error', async () => {
    const stand = await openStand({ eventsSince: () => Promise.reject(new Error('EIO')) });
    const wire = await dial(stand, 'GET /v2/events?since=a HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await wire.all()).not.toContain('"error"');
    await until(() => stand.bugs.length > 0);
    expect(stand.bugs.splice(0)).toMatchObject([{ message: 'EIO' }]);
  });
});
