/** Asking for a lease, before a stand-in for the supervisor that counts. */

import { expect, it, vi } from 'vitest';
import { acquire, holderHere } from '../../commands/lease/acquire.js';
import { PoolctlError } from '../../src/errors.js';
import { leaseView } from '../rig/views.js';

const chat = { poolId: 'chat', replicaId: null };
const full = (retry_after_ms: number) =>
  new PoolctlError('NO_FREE_SLOT', 'cannot lease "chat": full', { extra: { retry_after_ms } });

function asking(...answers: readonly (Error | 'granted')[]) {
  const left = [...answers];
  const last = answers.at(-1) ?? 'granted';
  const client = {
    acquireLease: vi.fn(async () => {
      const answer = left.shift() ?? last;
      if (answer === 'granted') return leaseView();
      throw answer;
    }),
    releaseLease: vi.fn(async () => undefined),
  };
  const told: string[] = [];
  const interruption = new AbortController();
  const ask = (waitMs: number) =>
    acquire(
      client,
      chat,
      { ttl_ms: 5, holder: 'me' },
      { waitMs, interrupted: interruption.signal, tell: (text) => told.push(text) },
    );
  return { client, told, interruption, ask };
}

it('is refused at once where nobody wants to wait', async () => {
  const { client, told, ask } = asking(full(1));
  await expect(ask(0)).rejects.toMatchObject({ code: 'NO_FREE_SLOT' });
  expect(client.acquireLease).toHaveBeenCalledTimes(1);
  expect(told).toEqual([]);
});

it('is tried again until it is granted, and each new reason is told once', async () => {
  const unready = new PoolctlError('POOL_UNREADY', 'cannot lease "chat": not ready', { extra: { retry_after_ms: 0 } });
  const { client, told, ask } = asking(full(1), full(1), unready, 'granted');
  expect(await ask(60_000)).toEqual(leaseView());
  expect(client.acquireLease).toHaveBeenCalledTimes(4);
  expect(client.acquireLease).toHaveBeenCalledWith('chat', { ttl_ms: 5, holder: 'me', replica_id: undefined });
  expect(told).toEqual(['waiting: cannot lease "chat": full\n', 'waiting: cannot lease "chat": not ready\n']);
});

it('is refused with the last word when the time has passed, having been tried at its end', async () => {
  const { client, ask } = asking(full(60_000));
  const startedAt = performance.now();
  await expect(ask(120)).rejects.toMatchObject({ code: 'NO_FREE_SLOT' });
  expect(performance.now() - startedAt).toBeGreaterThan(110);
  // A timer may be a fraction of a millisecond early.
  expect([2, 3]).toContain(client.acquireLease.mock.calls.length);
});

it('waits for nothing that will not be otherwise', async () => {
  for (const code of ['POOL_NOT_FOUND', 'NO_SUPERVISOR', 'INVALID_PARAMS'] as const) {
    const { client, ask } = asking(new PoolctlError(code, 'cannot'));
    await expect(ask(60_000)).rejects.toMatchObject({ code });
    expect(client.acquireLease).toHaveBeenCalledTimes(1);
  }
});

it('holds nothing after Ctrl-C, in a pause or while the answer is under way', async () => {
  const waiting = asking(full(1_000));
  waiting.client.acquireLease.mockImplementationOnce(async () => {
    setImmediate(() => waiting.interruption.abort());
    throw full(1_000);
  });
  expect(await waiting.ask(60_000)).toBeNull();
  expect(waiting.client.acquireLease).toHaveBeenCalledTimes(1);

  const late = asking('granted');
  late.client.acquireLease.mockImplementationOnce(async () => {
    late.interruption.abort();
    return leaseView();
  });
  expect(await late.ask(0)).toBeNull();
  expect(late.client.releaseLease).toHaveBeenCalledWith(leaseView().lease_id);
});

it('a holder is a user, a machine and a process', () => {
  expect(holderHere(4100)).toMatch(/^[^@\s]+@[^:\s]+:4100$/);
});
