import { describe, expect, it } from 'vitest';
import { DrainNews } from '../../commands/ask/drain-news.js';
import type { EventLine } from '../../src/api/wire.js';

const event = (name: string, more: object = {}): EventLine => ({
  ...{ id: '', level: 'info', human: '', time: '2026-11-27T12:00:00.000Z' },
  ...{ event: name, pool_id: 'chat', replica_id: 'r0' },
  ...more,
});
const passed = (more: object): EventLine => event('replica.stopping', { because: 'drained', result: 'forced', ...more });
const at = (time: string): number => Date.parse(`2026-11-27T${time}Z`);

describe('news of drains', () => {
  it('tell apart what each target has lost', () => {
    const news = new DrainNews();
    news.hear(event('lease.lost', { holder: 'a' }));
    news.hear(event('lease.lost', { replica_id: 'r1' }));
    news.hear(event('lease.lost', { pool_id: 'code', holder: 'c' }));
    news.hear(event('lease.released', { holder: 'd' }));
    news.hear(passed({ time: '2026-11-27T12:00:09Z' }));
    news.hear(passed({ time: '2026-11-27T12:00:05Z', replica_id: 'r1' }));
    news.hear(passed({ time: '2026-11-27T12:00:30Z', pool_id: 'code', result: 'drained' }));
    news.hear(passed({ time: '2026-11-27T12:00:30Z', because: 'asked' }));
    expect(news.lossesOf({ poolId: 'chat', replicaId: 'r1' })).toEqual({ holders: [null], deadlineAt: at('12:00:05') });
    expect(news.lossesOf({ poolId: 'chat', replicaId: null })).toEqual({ holders: ['a', null], deadlineAt: at('12:00:09') });
    expect(news.lossesOf({ poolId: 'code', replicaId: null })).toEqual({ holders: ['c'], deadlineAt: null });
    expect(news.lossesOf(null).holders).toEqual(['a', null, 'c']);
  });

  it.each([
    ['its own end', event('operation.finished', { operation_id: 'mine' })],
    ['a gap, in which that may have been', event('gap')],
    ['the end of the supervisor', event('supervisor.stopped')],
    ['the end of the stream', null],
  ])('of an operation are complete with %s', async (_, last) => {
    const news = new DrainNews();
    let told = false;
    const waiting = news.untilFinished('mine').then(() => {
      told = true;
    });
    news.hear(event('operation.finished', { operation_id: 'other' }));
    await Promise.resolve();
    expect(told).toBe(false);
    if (last === null) news.end();
    else news.hear(last);
    await waiting;
  });
});
