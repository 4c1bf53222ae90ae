/** Every route's answer, and its refusals, over the socket. */

import { describe, expect, it, test } from 'vitest';
import { errorCodes } from '../../src/errors.js';
import { until } from '../host/scratch.js';
import { healthView } from '../rig/views.js';
import { ask, dial, openStand, post, running } from './stand.js';

describe('what is shown', () => {
  it('health, status, one pool, devices, capabilities', async () => {
    const stand = await openStand({ health: (pool_id) => healthView({ pool_id, live: false }) });
    expect(await ask(stand, { path: '/health' })).toMatchObject({
      status: 200,
      json: { status: 'ok', version: '1.2.3' },
      headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
    });
    const { json } = await ask(stand, { path: '/v2/pools' });
    expect(json).toMatchObject({ api_version: 'v2', stale: false, pools: [{ pool_id: 'chat' }, { pool_id: 'code' }] });
    expect((await ask(stand, { path: '/v2/pools/chat' })).json).toEqual(json?.pools[0]);
    expect((await ask(stand, { path: '/v2/pools/%63hat' })).json).toEqual(json?.pools[0]);
    expect((await ask(stand, { path: '/v2/pools/chat/health' })).json).toEqual(healthView({ pool_id: 'chat', live: false }));
    expect((await ask(stand, { path: '/v2/devices' })).json).toEqual({ devices: [], note: null });
    expect((await ask(stand, { path: '/v2/meta/capabilities' })).json).toMatchObject({ api_version: 'v2', engines: [] });
  });

  it('metrics as text for Prometheus, whole in bytes, without the text for HEAD, and for nothing but reading', async () => {
    const stand = await openStand();
    const reply = await ask(stand, { path: '/metrics' });
    expect(reply).toMatchObject({ status: 200, text: '# HELP a é\n' });
    expect(reply.headers).toMatchObject({
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
      'content-length': '12',
      'cache-control': 'no-store',
    });
    const head = await ask(stand, { method: 'HEAD', path: '/metrics' });
    expect(head).toMatchObject({ status: 200, text: '' });
    for (const name of ['content-type', 'content-length']) expect(head.headers[name]).toBe(reply.headers[name]);
    expect(await ask(stand, { method: 'POST', path: '/metrics' })).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD' },
      json: { error: { code: 'METHOD_NOT_ALLOWED', message: 'cannot POST /metrics: it takes GET or HEAD' } },
    });
  });

  test.each([
    ['GET', '/v2/pools/chta', 'cannot show "chta": there is no such pool'],
    ['GET', '/v2/pools/chta/health', 'cannot show "chta": there is no such pool'],
    ['POST', '/v2/pools/chta/start', 'cannot start "chta": there is no such pool'],
    ['GET', '/v2/pools/__proto__', 'cannot show "__proto__": there is no such pool'],
    ['GET', '/v2/pools/chta/replicas/r0/logs', 'cannot show the log of "chta": there is no such pool'],
  ])('%s %s names the pools that there are', async (method, path, message) => {
    const stand = await openStand();
    expect(await ask(stand, { method, path })).toMatchObject({
      status: 404,
      json: { error: { code: 'POOL_NOT_FOUND', message, hint: 'pools: chat, code', retriable: false } },
    });
  });

  it('names the replicas that there are', async () => {
    const stand = await openStand();
    expect(await ask(stand, { path: '/v2/pools/chat/replicas/r9/logs' })).toMatchObject({
      status: 404,
      json: { error: { code: 'REPLICA_NOT_FOUND', hint: 'replicas: chat/r0, chat/r1', pool_id: 'chat' } },
    });
  });
});

describe('what is asked for', () => {
  test.each(['start', 'stop', 'restart'] as const)(
    '%s of a pool or of a replica is put into the inbox and answered with its operation',
    async (verb) => {
      const stand = await openStand();
      expect(await post(stand, `/v2/pools/chat/${verb}`, { now: true, deadline_ms: 0 })).toMatchObject({
        status: 202,
        json: running,
      });
      expect((await post(stand, `/v2/pools/chat/${verb}`, { replica_id: 'r1' })).status).toBe(202);
      expect(stand.asked).toMatchObject([
        { type: 'requested', verb, poolId: 'chat', replicaId: null },
        { type: 'requested', verb, poolId: 'chat', replicaId: 'r1' },
      ]);
    },
  );

  it('shutdown, which may leave the engines to the next supervisor', async () => {
    const stand = await openStand();
    expect(await post(stand, '/v2/shutdown', {})).toMatchObject({ status: 202, json: running });
    expect(stand.asked).toMatchObject([{ type: 'shutdown-requested', rung: 'drain', deadlineMs: null, exit: 0 }]);
    expect(stand.asked).toMatchObject([{ keep: false }]);
    expect(await post(stand, '/v2/shutdown', { keep_engines: true })).toMatchObject({ status: 202, json: running });
    expect(stand.asked).toMatchObject([{}, { type: 'shutdown-requested', keep: true }]);
    expect(await post(stand, '/v2/shutdown', { replica_id: 'r0' })).toMatchObject({ status: 400 });
    expect(stand.asked).toHaveLength(2);
  });

  test.each([
    ['OPERATION_IN_PROGRESS', 409, 2_500, '3'],
    ['SHUTTING_DOWN', 503, undefined, '1'],
    ['POOL_UNAVAILABLE', 503, 0, '1'],
    ['REPLICA_NOT_FOUND', 404, undefined, undefined],
  ] as const)('refused with %s, and Retry-After where trying again may help', async (code, status, retryAfterMs, header) => {
    const refusal = {
      code,
      message: 'cannot start "chat": not now',
      hint: 'poolctl status',
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    };
    const stand = await openStand({ answer: { ok: false, refusal } });
    const reply = await post(stand, '/v2/pools/chat/start', {});
    expect(reply.status).toBe(status);
    expect(reply.headers['retry-after']).toBe(header);
    expect(reply.json?.error).toEqual({
      code,
      message: 'cannot start "chat": not now',
      hint: 'poolctl status',
      pool_id: 'chat',
      retriable: errorCodes[code].retriable,
      ...(header === undefined ? {} : { retry_after_ms: retryAfterMs ?? 1_000 }),
    });
  });
});

describe('an operation', () => {
  it('is shown at once, or waited for no longer than is allowed', async () => {
    const waits: number[] = [];
    const stand = await openStand({
      operationEnded: async (_, waitMs) => {
        waits.push(waitMs);
        return { ...running, state: 'succeeded' };
      },
    });
    expect((await ask(stand, { path: '/v2/operations/op-1' })).json).toMatchObject({ state: 'running' });
    for (const ms of ['0', '5000', '999999999999999'])
      expect((await ask(stand, { path: `/v2/operations/op-1?wait_ms=${ms}` })).json).toMatchObject({ state: 'succeeded' });
    expect(waits).toEqual([0, 5_000, 600_000]);
    for (const ms of ['', '-1', '1.5', 'soon', '1e3', '9'.repeat(16)])
      expect(await ask(stand, { path: `/v2/operations/op-1?wait_ms=${ms}` })).toMatchObject({
        status: 400,
        json: {
          error: { code: 'INVALID_PARAMS', message: `cannot use "wait_ms": it must be a whole number, 0 or more, not "${ms}"` },
        },
      });
  });

  it('that is not there is not waited for', async () => {
    const stand = await openStand();
    for (const path of ['/v2/operations/none', '/v2/operations/none?wait_ms=60000'])
      expect(await ask(stand, { path })).toMatchObject({ status: 404, json: { error: { code: 'OPERATION_NOT_FOUND' } } });
  });

  it('is waited for no more when its client has gone', async () => {
    let waiting: AbortSignal | null = null;
    const stand = await openStand({
      operationEnded: (_, __, signal) => {
        waiting = signal;
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve(running)));
      },
    });
    const wire = await dial(stand, 'GET /v2/operations/op-1?wait_ms=60000 HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => waiting);
    wire.socket.destroy();
    await until(() => waiting?.aborted);
  });
});
