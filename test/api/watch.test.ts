/** Watching the state over the socket: every change is seen, nothing is polled, and nothing is left behind. */

import { describe, expect, it } from 'vitest';
import { Client } from '../../src/api/client.js';
import { watchStatus } from '../../src/api/watch.js';
import { until } from '../host/scratch.js';
import { eventLine, openStand, type Stand } from './stand.js';

const clientOf = ({ socketPath }: Stand): Client => new Client({ socketPath, doing: 'watch' });
const never = new AbortController().signal;

describe('the state', () => {
  it('is looked at once at first, and again after what happens, also while it is looked at', async () => {
    const stand = await openStand();
    const views = watchStatus(clientOf(stand), never);
    expect((await views.next()).value?.pools).toHaveLength(2);
    stand.publish(eventLine(1));
    expect((await views.next()).done).toBe(false);
    const next = views.next();
    stand.publish(eventLine(2), eventLine(3));
    expect((await next).done).toBe(false);
    await views.return();
    await until(() => stand.listeners() === 0);
  });

  it('is listened for before it is looked at, so that no change is missed', async () => {
    let looked = 0;
    const stand: Stand = await openStand({
      status: () => {
        looked += 1;
        // It changes at the very moment of the first look.
        if (looked === 1) stand.publish(eventLine(1));
        return { api_version: 'v2', pools: [] } as never;
      },
    });
    const views = watchStatus(clientOf(stand), never);
    await views.next();
    await views.next();
    expect(looked).toBe(2);
    await views.return();
  });

  it('is looked at again after a while where that is asked for', async () => {
    const stand = await openStand();
    const views = watchStatus(clientOf(stand), never, 5);
    for (let n = 0; n < 3; n += 1) expect((await views.next()).done).toBe(false);
    await views.return();
  });

  it('ends with the supervisor, and when it is told to', async () => {
    const stand = await openStand();
    const stop = new AbortController();
    const [ended, told] = [watchStatus(clientOf(stand), never), watchStatus(clientOf(stand), stop.signal)];
    await Promise.all([ended.next(), told.next()]);
    const last = told.next();
    stop.abort();
    expect(await last).toMatchObject({ done: true });
    await until(() => stand.listeners() === 1);
    const [end] = await Promise.all([ended.next(), stand.server.close()]);
    expect(end).toMatchObject({ done: true });
  });

  it('cannot be watched where nobody listens', async () => {
    const stand = await openStand();
    await stand.server.close();
    await expect(watchStatus(clientOf(stand), never).next()).rejects.toMatchObject({ code: 'NO_SUPERVISOR' });
  });
});
