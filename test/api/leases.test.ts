/** The four routes of leases, before a stand-in for the supervisor: what comes in, what goes out, and what is let in at all. */

import { describe, expect, it, test } from 'vitest';
import { Client } from '../../src/api/client.js';
import type { Service } from '../../src/api/service.js';
import type { LeaseWish } from '../../src/core/messages.js';
import { leaseView } from '../rig/views.js';
import { ask, openStand, post, type Stand } from './stand.js';

async function lending(answer: ReturnType<Service['lease']> = { ok: true, lease: leaseView() }) {
  const wishes: LeaseWish[] = [];
  const stand = await openStand({
    lease(wish) {
      wishes.push(wish);
      return answer;
    },
    leases: (poolId) =>
      poolId === null ? [leaseView(), leaseView({ pool_id: 'code' })] : poolId === 'chat' ? [leaseView()] : null,
  });
  return { stand, wishes };
}

describe('leases', () => {
  it('are granted with what was asked for, and for a minute where nothing was', async () => {
    const { stand, wishes } = await lending();
    const body = { ttl_ms: 86_400_000, replica_id: 'r1', holder: 'Nachtschicht äöü' };
    expect(await post(stand, '/v2/pools/chat/leases', body, { 'x-correlation-id': 'trace-1' })).toMatchObject({
      status: 201,
      json: leaseView(),
    });
    expect(await ask(stand, { method: 'POST', path: '/v2/pools/chat/leases' })).toMatchObject({ status: 201 });
    const wish = { type: 'lease-requested', poolId: 'chat', ttlMs: 60_000, replicaId: null, holder: null };
    expect(wishes).toEqual([
      { ...wish, ttlMs: 86_400_000, replicaId: 'r1', holder: 'Nachtschicht äöü', correlationId: 'trace-1' },
      { ...wish, correlationId: expect.any(String) },
    ]);
  });

  it('are renewed for as long as before, or as long as is said', async () => {
    const { stand, wishes } = await lending();
    expect(await ask(stand, { method: 'POST', path: '/v2/leases/l-1/renew' })).toMatchObject({ status: 200, json: leaseView() });
    expect((await post(stand, '/v2/leases/l%2F1/renew', { ttl_ms: 1 })).status).toBe(200);
    expect(wishes).toMatchObject([
      { type: 'lease-renewed', id: 'l-1', ttlMs: null },
      { type: 'lease-renewed', id: 'l/1', ttlMs: 1 },
    ]);
  });

  it('that are gone cannot be renewed', async () => {
    const { stand } = await lending({
      ok: false,
      refusal: { code: 'LEASE_NOT_FOUND', message: 'cannot renew lease "l-1": gone' },
    });
    expect(await ask(stand, { method: 'POST', path: '/v2/leases/l-1/renew' })).toMatchObject({
      status: 404,
      json: { error: { code: 'LEASE_NOT_FOUND', retriable: false } },
    });
  });

  it('are given back without a word, as often as somebody likes', async () => {
    const { stand, wishes } = await lending({ ok: true, lease: null });
    for (const _ of [1, 2]) {
      const reply = await ask(stand, { method: 'DELETE', path: '/v2/leases/l-1' });
      expect(reply).toMatchObject({ status: 204, text: '' });
      expect(reply.headers['content-type']).toBeUndefined();
      expect(reply.headers['content-length'] ?? '0').toBe('0');
    }
    expect(wishes).toMatchObject(Array(2).fill({ type: 'lease-released', id: 'l-1' }));
  });

  it('are listed, of one pool or of all, and for HEAD by their head', async () => {
    const { stand } = await lending();
    const all = await ask(stand, { path: '/v2/leases' });
    expect(all).toMatchObject({ status: 200, json: { leases: [{ pool_id: 'chat' }, { pool_id: 'code' }] } });
    expect(await ask(stand, { path: '/v2/leases?pool_id=chat' })).toMatchObject({ json: { leases: [{ pool_id: 'chat' }] } });
    expect((await ask(stand, { path: '/v2/leases?pool_id=' })).json).toEqual(all.json);
    expect(await ask(stand, { path: '/v2/leases?pool_id=chta' })).toMatchObject({
      status: 404,
      json: { error: { code: 'POOL_NOT_FOUND', message: 'cannot list the leases of "chta": there is no such pool' } },
    });
    expect(await ask(stand, { method: 'HEAD', path: '/v2/leases' })).toMatchObject({
      status: 200,
      text: '',
      headers: { 'content-length': all.headers['content-length'] },
    });
  });

  test.each([
    ['NO_FREE_SLOT', 429, 1_500, undefined, '2', true],
    ['POOL_UNREADY', 503, 0, undefined, '1', true],
    ['POOL_UNREADY', 503, undefined, false, undefined, false],
    ['SHUTTING_DOWN', 503, 5_000, undefined, '5', true],
    ['POOL_NOT_FOUND', 404, undefined, undefined, undefined, false],
    ['REPLICA_NOT_FOUND', 404, undefined, undefined, undefined, false],
  ] as const)('are refused with %s, %d', async (code, status, retryAfterMs, said, header, retriable) => {
    const refusal = {
      code,
      message: 'cannot lease "chat": not now',
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(said === undefined ? {} : { retriable: said }),
    };
    const { stand } = await lending({ ok: false, refusal });
    const reply = await post(stand, '/v2/pools/chat/leases', {});
    expect(reply).toMatchObject({ status, json: { error: { code, message: 'cannot lease "chat": not now', retriable } } });
    expect(reply.headers['retry-after']).toBe(header);
  });
});

describe('a lease that cannot be meant', () => {
  test.each([
    ['{"ttl_ms":0}', 'cannot use "ttl_ms"'],
    ['{"ttl_ms":86400001}', 'cannot use "ttl_ms"'],
    ['{"ttl_ms":1.5}', 'cannot use "ttl_ms"'],
    ['{"ttl_ms":"60s"}', 'not "60s"'],
    ['{"holder":""}', 'cannot use "holder": it must be a text of 1 to 200 characters without control characters'],
    [`{"holder":"${'x'.repeat(201)}"}`, 'cannot use "holder"'],
    ['{"holder":"a\\nb"}', 'cannot use "holder"'],
    ['{"holder":"a\\u001b[2J"}', 'cannot use "holder"'],
    ['{"replica_id":"chat/r0"}', 'cannot use "replica_id"'],
    ['{"ttl":1}', 'cannot use the field "ttl": it is not known here'],
  ])('%s is refused with what was wanted', async (body, message) => {
    const { stand, wishes } = await lending();
    const reply = await ask(stand, { method: 'POST', path: '/v2/pools/chat/leases', headers, body });
    expect(reply).toMatchObject({ status: 400, json: { error: { code: 'INVALID_PARAMS' } } });
    expect(reply.json?.error.message).toContain(message);
    expect(wishes).toEqual([]);
  });

  it('is renewed by its time alone', async () => {
    const { stand, wishes } = await lending();
    expect((await post(stand, '/v2/leases/l-1/renew', { holder: 'me' })).status).toBe(400);
    expect((await post(stand, '/v2/leases/l-1/renew', { ttl_ms: 0 })).status).toBe(400);
    expect(wishes).toEqual([]);
  });

  test.each([
    ['GET', '/v2/pools/chat/leases', 'POST'],
    ['DELETE', '/v2/pools/chat/leases', 'POST'],
    ['POST', '/v2/leases', 'GET, HEAD'],
    ['GET', '/v2/leases/l-1', 'DELETE'],
    ['HEAD', '/v2/leases/l-1', 'DELETE'],
    ['PUT', '/v2/leases/l-1/renew', 'POST'],
  ])('%s %s is no method of it', async (method, path, allow) => {
    const { stand, wishes } = await lending();
    expect(await ask(stand, { method, path })).toMatchObject({ status: 405, headers: { allow } });
    expect(wishes).toEqual([]);
  });
});

describe('the client', () => {
  const clientOf = ({ socketPath }: Stand) => new Client({ socketPath, doing: 'lease' });

  it('asks for them, keeps them, gives them back and lists them', async () => {
    const { stand, wishes } = await lending();
    const client = clientOf(stand);
    expect(await client.acquireLease('chat', { ttl_ms: 5, replica_id: undefined, holder: 'me' })).toEqual(leaseView());
    expect(await client.renewLease('a/b')).toEqual(leaseView());
    expect(await client.renewLease('l-1', 7)).toEqual(leaseView());
    expect(await client.releaseLease('../l-1')).toBeUndefined();
    expect(wishes).toMatchObject([
      { poolId: 'chat', replicaId: null, ttlMs: 5, holder: 'me' },
      { id: 'a/b', ttlMs: null },
      { id: 'l-1', ttlMs: 7 },
      { type: 'lease-released', id: '../l-1' },
    ]);
    expect(await client.leases('chat')).toEqual([leaseView()]);
    expect(await client.leases(null)).toHaveLength(2);
    await expect(client.leases('c&d')).rejects.toMatchObject({
      code: 'POOL_NOT_FOUND',
      message: expect.stringContaining('"c&d"'),
    });
  });

  it('gives up a renewal when it is told to', async () => {
    const { stand } = await lending();
    await expect(clientOf(stand).renewLease('l-1', undefined, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
  });
});

const headers = { 'content-type': 'application/json' };
