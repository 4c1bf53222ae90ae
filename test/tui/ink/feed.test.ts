/** What the view hears of a supervisor over its socket: that it lives, what happens, that it has gone, and why nobody is there. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Client } from '../../../src/api/client.js';
import { PoolctlError } from '../../../src/errors.js';
import { failureOf, follow, type Sources } from '../../../src/tui/feed.js';
import { LogFeed } from '../../../src/tui/log-feed.js';
import type { News } from '../../../src/tui/news.js';
import { eventLine, openStand, type Stand } from '../../api/stand.js';
import { scratchDir, until } from '../../host/scratch.js';
import { leaseView, poolView, replicaView, statusView } from '../../rig/views.js';
import { deviceView } from '../made.js';

const clientOf = (socketPath: string): Client => new Client({ socketPath, doing: 'show the live view' });

/** Follows until the test ends. */
function listen(socketPath: string, more: Partial<Sources> = {}) {
  const news: News[] = [];
  const ending = new AbortController();
  onTestFinished(() => ending.abort());
  const followed = follow(
    {
      client: clientOf(socketPath),
      narrow: (view) => view,
      lastKnown: async () => null,
      past: async () => [],
      now: () => Date.now(),
      ...more,
    },
    (each) => news.push(each),
    ending.signal,
  );
  const of = <Kind extends News['kind']>(kind: Kind) =>
    news.filter((each): each is Extract<News, { kind: Kind }> => each.kind === kind);
  return { news, of, followed, end: () => ending.abort() };
}

const busy = statusView([poolView('chat', [replicaView()], { active_leases: 1 })], {
  devices: [deviceView(0, { age_seconds: 40 })],
});

describe('a supervisor that is there', () => {
  it('is looked at, its events are heard, and those of before are read', async () => {
    const stand = await openStand();
    const heard = listen(stand.socketPath, { past: async () => [eventLine(0)] });
    await until(() => heard.of('view').length > 0 && heard.of('past').length > 0);
    expect(heard.of('view')[0]).toMatchObject({ current: true, view: { supervisor: { pid: 1 } } });
    expect(heard.of('past')).toEqual([{ kind: 'past', events: [eventLine(0)] }]);
    stand.publish(eventLine(1));
    await until(() => heard.of('event').length > 0 && heard.of('view').length > 1);
    heard.end();
    await heard.followed;
  });

  it('tells its leases where there are some, and why the numbers of devices are old', async () => {
    const stand = await openStand({
      status: () => busy,
      leases: () => [leaseView()],
      devices: () => ({ devices: [], note: 'nvidia-smi timed out' }),
    });
    const heard = listen(stand.socketPath);
    await until(() => heard.of('devices-note').length > 0);
    expect(heard.of('leases')[0]).toEqual({ kind: 'leases', leases: [leaseView()] });
    expect(heard.of('devices-note')[0]).toEqual({ kind: 'devices-note', note: 'nvidia-smi timed out' });
  });

  it('is told of when it goes, and looked for until one is there again', async () => {
    const stand = await openStand();
    const heard = listen(stand.socketPath);
    await until(() => heard.of('view').length > 0);
    await stand.server.close();
    await until(() => heard.of('lost').length > 0);
    expect(heard.of('lost')[0]?.failure).toMatchObject({ kind: 'gone', what: 'supervisor pid 1 is gone' });
  });

  it('whom a selector names that it has not ends the view', async () => {
    const stand = await openStand();
    const unknown = new PoolctlError('POOL_NOT_FOUND', 'cannot show "nope": there is no such pool');
    const heard = listen(stand.socketPath, {
      narrow() {
        throw unknown;
      },
    });
    await expect(heard.followed).rejects.toBe(unknown);
  });
});

describe('nobody that answers', () => {
  it('what the last one wrote down is shown, once', async () => {
    const dir = await scratchDir();
    const heard = listen(join(dir, 'none.sock'), { lastKnown: async () => busy });
    await until(() => heard.of('lost').length > 1);
    expect(heard.of('lost')[0]?.failure).toMatchObject({
      kind: 'nobody',
      what: 'no poolctl supervisor is running',
      hint: 'poolctl up',
    });
    expect(heard.of('view')).toEqual([{ kind: 'view', view: { ...busy, stale: true }, current: false }]);
    const [first, second] = heard.of('lost').map(({ retryAt }) => retryAt);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(1_000);
  });

  it('another version of the API is a refusal with its reason', async () => {
    const stand = await openStand({ status: () => ({ ...statusView([]), api_version: 'v9' }) });
    stand.bugs.length = 0;
    const heard = listen(stand.socketPath);
    await until(() => heard.of('lost').length > 0);
    expect(heard.of('lost')[0]?.failure).toMatchObject({
      kind: 'refused',
      what: 'the supervisor speaks another version of the API',
      why: 'it says "v9", this poolctl speaks "v2"',
    });
  });

  it('a socket that is not ours is another thing than none', () => {
    const error = new PoolctlError('NO_SUPERVISOR', "cannot show the live view: the supervisor's socket is not ours to use", {
      why: 'permission denied on /s: it belongs to another user',
    });
    expect(failureOf(error, null)).toMatchObject({ kind: 'refused', what: "the supervisor's socket is not ours to use" });
    expect(failureOf(error, 4100).kind).toBe('refused');
    expect(failureOf(null, 4100)).toMatchObject({ kind: 'gone', what: 'supervisor pid 4100 is gone' });
  });
});

describe('the log of one replica', () => {
  it('is read from its end and followed, and let go when another is chosen', async () => {
    const dir = await scratchDir();
    const path = join(dir, 'r0.log');
    writeFileSync(path, 'one\ntwo\nhalf');
    const stand: Stand = await openStand({ log: path });
    const news: News[] = [];
    const feed = new LogFeed(clientOf(stand.socketPath), (each) => news.push(each));
    onTestFinished(() => feed.close());
    const lines = (): readonly string[] => news.flatMap((each) => (each.kind === 'log' ? each.lines : []));
    feed.follow('chat/r0');
    feed.follow('chat/r0');
    await until(() => lines().includes('two'));
    writeFileSync(path, ' a line\nlast\n', { flag: 'a' });
    await until(() => lines().includes('last'));
    expect(lines()).toEqual(['one', 'two', 'half a line', 'last']);
    expect(news.filter(({ kind }) => kind === 'log-opened')).toEqual([{ kind: 'log-opened', key: 'chat/r0' }]);
    // One that has none: nothing comes, and nothing breaks.
    feed.follow('chat/r1');
    await until(() => news.some((each) => each.kind === 'log-opened' && each.key === 'chat/r1'));
    feed.follow(null);
  });
});
