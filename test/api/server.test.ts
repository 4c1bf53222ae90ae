/** What any client can do to the server, whatever the route: malformed requests, bodies, ids, and the life of the socket. */

import { lstat, mkdir, rename, unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { openApi } from '../../src/api/server.js';
import { scratchDir, until } from '../host/scratch.js';
import { ask, dial, openStand, post, type Stand } from './stand.js';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const healthy = (stand: Stand): Promise<boolean> =>
  ask(stand, { path: '/health' }).then(
    ({ status }) => status === 200,
    () => false,
  );

describe('a request that is none', () => {
  test.each([
    ['no HTTP at all', 'good morning\r\n\r\n', 400],
    ['a header without a colon', 'GET /health HTTP/1.1\r\nHost: a\r\nbroken\r\n\r\n', 400],
    ['two lengths', 'POST /v2/shutdown HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}', 400],
    ['a length that is no number', 'POST /v2/shutdown HTTP/1.1\r\nHost: a\r\nContent-Length: two\r\n\r\n{}', 400],
    [
      'length and chunks at once',
      'POST /v2/shutdown HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}',
      400,
    ],
    ['a head without end', `GET /health HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 413],
  ])('%s is refused in the shape of every refusal, and hung up on', async (_, text, status) => {
    const stand = await openStand();
    const heard = await (await dial(stand, text)).all();
    const [head = '', body = ''] = heard.split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(head).toMatch(/^x-correlation-id: [0-9a-f-]{36}$/im);
    expect(head).toMatch(/^connection: close$/im);
    expect(JSON.parse(body)).toMatchObject({ error: { message: expect.stringMatching(/^cannot /), retriable: false } });
    expect((await ask(stand, { path: '/health' })).status).toBe(200);
  });

  it('is refused as well where its target is no path', async () => {
    const stand = await openStand();
    for (const target of ['//', 'http://[', '//a:b:c/']) {
      const heard = await (await dial(stand, `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)).all();
      expect(heard).toMatch(/^HTTP\/1\.1 400 /);
      expect(heard).toContain('"INVALID_PARAMS"');
    }
    expect(await ask(stand, { path: '/v2/pools/%zz' })).toMatchObject({
      status: 400,
      json: { error: { code: 'INVALID_PARAMS' } },
    });
  });

  it('does not need a Host, on a socket that has no names', async () => {
    const stand = await openStand();
    const heard = await (await dial(stand, 'GET /health HTTP/1.1\r\nConnection: close\r\n\r\n')).all();
    expect(heard).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('may expect what we do not know, and is answered without', async () => {
    const stand = await openStand();
    expect((await ask(stand, { path: '/health', headers: { expect: 'the worst' } })).status).toBe(200);
  });

  it('does not break into an answer that is under way', async () => {
    const stand = await openStand();
    const wire = await dial(stand, 'GET /v2/events HTTP/1.1\r\nHost: a\r\n\r\n');
    await wire.hears(/poolctl events/);
    wire.socket.write('nonsense\r\n\r\n');
    expect((await wire.all()).match(/HTTP\/1\.1/g)).toHaveLength(1);
  });
});

describe('methods and routes', () => {
  it('HEAD gives the head of GET, with its length, and no body', async () => {
    const stand = await openStand();
    const got = await ask(stand, { path: '/v2/pools' });
    const head = await ask(stand, { method: 'HEAD', path: '/v2/pools' });
    expect(head).toMatchObject({ status: 200, text: '' });
    expect(head.headers['content-length']).toBe(got.headers['content-length']);
    expect(await ask(stand, { method: 'HEAD', path: '/v2/events' })).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/event-stream; charset=utf-8' },
    });
    expect(await ask(stand, { method: 'HEAD', path: '/v2/pools/none' })).toMatchObject({ status: 404, text: '' });
    expect(await ask(stand, { method: 'HEAD', path: '/v2/shutdown' })).toMatchObject({ status: 405, headers: { allow: 'POST' } });
  });

  test.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'])(
    '%s is no method of a route, and Allow says which are',
    async (method) => {
      const stand = await openStand();
      expect(await ask(stand, { method, path: '/v2/pools' })).toMatchObject({
        status: 405,
        headers: { allow: 'GET, HEAD' },
        json: {
          error: { code: 'METHOD_NOT_ALLOWED', message: `cannot ${method} /v2/pools: it takes GET or HEAD`, retriable: false },
        },
      });
      expect(await ask(stand, { method, path: '/v2/pools/chat/start' })).toMatchObject({
        status: 405,
        headers: { allow: 'POST' },
      });
    },
  );

  test.each([
    '/',
    '/v2',
    '/v2/pools/',
    '/v2/pools//health',
    '/v1/pools',
    '/v2/pools/chat/start/now',
    '/*',
    '/health/',
    '/HEALTH',
  ])('%s is no route: 404 before anything else is looked at', async (path) => {
    const stand = await openStand();
    const body = Buffer.alloc(70_000, 'x');
    expect(await ask(stand, { path })).toMatchObject({ status: 404, json: { error: { code: 'NOT_FOUND', retriable: false } } });
    expect((await ask(stand, { method: 'POST', path, body: body.subarray(0, 100) })).status).toBe(404);
  });
});

describe('bodies', () => {
  it('may be as large as the limit, and not a byte larger, told before or not', async () => {
    const stand = await openStand();
    const padded = (bytes: number): Buffer => Buffer.from('{}'.padEnd(bytes));
    const headers = { 'content-type': 'application/json' };
    const wish = { method: 'POST', path: '/v2/pools/chat/start', headers };
    expect((await ask(stand, { ...wish, body: padded(64 * 1024) })).status).toBe(202);
    const tooLarge = { status: 413, json: { error: { code: 'PAYLOAD_TOO_LARGE' } } };
    expect(await ask(stand, { ...wish, body: padded(64 * 1024 + 1) })).toMatchObject(tooLarge);
    const chunked = { ...headers, 'transfer-encoding': 'chunked' };
    expect((await ask(stand, { ...wish, headers: chunked, body: padded(64 * 1024) })).status).toBe(202);
    expect(await ask(stand, { ...wish, headers: chunked, body: padded(64 * 1024 + 1) })).toMatchObject(tooLarge);
    expect(await ask(stand, { ...wish, headers: chunked, body: padded(300 * 1024) })).toMatchObject(tooLarge);
    expect(stand.asked).toHaveLength(2);
  });

  it('need their content type; without a body there need be none', async () => {
    const stand = await openStand();
    const wish = { method: 'POST', path: '/v2/pools/chat/start' };
    expect((await ask(stand, wish)).status).toBe(202);
    for (const type of ['application/json', 'Application/JSON; charset=utf-8', 'application/json ;x=y'])
      expect((await ask(stand, { ...wish, headers: { 'content-type': type }, body: '{}' })).status).toBe(202);
    for (const type of ['text/plain', 'application/jsonp', 'application/x-www-form-urlencoded'])
      expect(await ask(stand, { ...wish, headers: { 'content-type': type }, body: '{}' })).toMatchObject({
        status: 415,
        json: {
          error: {
            code: 'UNSUPPORTED_MEDIA_TYPE',
            message: expect.stringContaining(`not "${type}"`),
            hint: expect.stringContaining("-H 'content-type: "),
          },
        },
      });
    expect(await ask(stand, { ...wish, body: '{}' })).toMatchObject({ status: 415 });
  });

  test.each([
    ['no JSON', '{"now":', 'it is not JSON, it begins with "{"now":"'],
    ['blank', ' \r\n', 'it is not JSON, it begins with ""'],
    ['bytes', '\u0000\u0001\u001b[31m', 'it is not JSON'],
    ['a list', '[]', 'it must be a JSON object, not []'],
    ['null', 'null', 'it must be a JSON object, not null'],
    ['a text', '"start"', 'it must be a JSON object, not "start"'],
    ['an unknown field', '{"noww":true}', 'cannot use the field "noww": it is not known here'],
    ['a field of every object', '{"constructor":1}', 'cannot use the field "constructor"'],
    ['__proto__', '{"__proto__":{"now":true}}', 'cannot use the field "__proto__"'],
    ['a wrong type', '{"now":"yes"}', 'cannot use "now": it must be true or false, not "yes"'],
    [
      'a negative count',
      '{"deadline_ms":-1}',
      'cannot use "deadline_ms": it must be a whole number of milliseconds, 0 or more, not -1',
    ],
    ['a broken count', '{"deadline_ms":1.5}', 'not 1.5'],
    ['a count beyond all', '{"deadline_ms":1e400}', 'cannot use "deadline_ms"'],
    ['no replica id', '{"replica_id":"r01"}', 'cannot use "replica_id": it must be a replica id such as "r0", not "r01"'],
  ])('that are %s are refused with what was wanted and what was given', async (_, body, message) => {
    const stand = await openStand();
    const reply = await ask(stand, {
      method: 'POST',
      path: '/v2/pools/chat/restart',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(reply).toMatchObject({ status: 400, json: { error: { code: 'INVALID_PARAMS', pool_id: 'chat', retriable: false } } });
    expect(reply.json?.error.message).toContain(message);
    expect(reply.json?.error.message).not.toMatch(/[\u0000-\u001f]/);
    expect(stand.asked).toEqual([]);
  });

  it('take null for a field that is left out', async () => {
    const stand = await openStand();
    expect((await post(stand, '/v2/pools/chat/start', { replica_id: null, deadline_ms: null })).status).toBe(202);
    expect(stand.asked).toMatchObject([{ verb: 'start', replicaId: null }]);
  });

  it('that break off are no bug of ours', async () => {
    const stand = await openStand();
    const head =
      'POST /v2/pools/chat/start HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{"now"';
    for (const end of ['destroy', 'end', 'resetAndDestroy'] as const) {
      const wire = await dial(stand, head);
      wire.socket[end === 'resetAndDestroy' ? 'destroy' : end]();
      await until(() => wire.socket.closed || wire.socket.destroyed);
    }
    expect((await ask(stand, { path: '/health' })).status).toBe(200);
    expect(stand.asked).toEqual([]);
  });
});

describe('correlation ids', () => {
  it('are echoed, and stand in what the request causes', async () => {
    const stand = await openStand();
    const longest = 'a'.repeat(128);
    for (const id of ['a', 'Trace.1:2_3-4', longest]) {
      const { headers } = await post(stand, '/v2/pools/chat/stop', {}, { 'x-correlation-id': id });
      expect(headers['x-correlation-id']).toBe(id);
      expect(stand.asked.at(-1)).toMatchObject({ correlationId: id });
    }
  });

  it('are made where there is none, or none that may be used, on refusals too', async () => {
    const stand = await openStand();
    const seen = new Set<unknown>();
    for (const headers of [
      {},
      { 'x-correlation-id': '' },
      { 'x-correlation-id': 'a b' },
      { 'x-correlation-id': 'é' },
      { 'x-correlation-id': 'a'.repeat(129) },
    ]) {
      for (const path of ['/health', '/nowhere', '/v2/pools/none']) {
        const reply = await ask(stand, { path, headers });
        expect(reply.headers['x-correlation-id']).toMatch(uuid);
        seen.add(reply.headers['x-correlation-id']);
      }
    }
    expect(seen.size).toBe(15);
  });
});

describe('the socket', () => {
  it('is ours alone, and takes the place of what a dead supervisor left', async () => {
    const dir = await scratchDir();
    const socketPath = join(dir, 'left.sock');
    await writeFile(socketPath, 'no socket');
    const umask = process.umask();
    const server = await openApi({ socketPath, service: {} as never, onError: () => {} });
    const found = await lstat(socketPath);
    expect(found.isSocket()).toBe(true);
    expect(found.mode & 0o777).toBe(0o600);
    expect(process.umask()).toBe(umask);
    await server.close();
    await expect(lstat(socketPath)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('cannot be opened where there is no place for it', async () => {
    const dir = await scratchDir();
    await expect(
      openApi({ socketPath: join(dir, 'no/such/dir.sock'), service: {} as never, onError: () => {} }),
    ).rejects.toMatchObject({ code: 'LISTEN_FAILED', message: expect.stringContaining('no/such/dir.sock') });
    await mkdir(join(dir, 'taken.sock'));
    await expect(openApi({ socketPath: join(dir, 'taken.sock'), service: {} as never, onError: () => {} })).rejects.toThrow();
  });

  it('is made again when somebody takes it away, or puts another in its place, and old connections live on', async () => {
    const stand = await openStand();
    const wire = await dial(stand, 'GET /v2/events HTTP/1.1\r\nHost: a\r\n\r\n');
    await wire.hears(/poolctl events/);
    await unlink(stand.socketPath);
    await stand.server.restore();
    expect(await healthy(stand)).toBe(true);
    const stranger = createServer();
    const elsewhere = join(stand.dir, 'stranger.sock');
    await new Promise<void>((resolve) => stranger.listen(elsewhere, resolve));
    const { ino } = await lstat(elsewhere);
    await rename(elsewhere, stand.socketPath);
    await stand.server.restore();
    expect((await lstat(stand.socketPath)).ino).not.toBe(ino);
    expect(await healthy(stand)).toBe(true);
    stranger.close();
    expect(wire.socket.destroyed).toBe(false);
    await stand.server.close();
    await wire.all();
  });
});

describe('closing', () => {
  it('ends streams and waits, idle connections and half requests, and leaves no listener', async () => {
    const stand = await openStand({
      operationEnded: (_, __, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(null))),
    });
    const keepAlive = await dial(stand, 'GET /health HTTP/1.1\r\nHost: a\r\n\r\n');
    await keepAlive.hears(/"ok"/);
    const half = await dial(stand, 'GET /health HTTP/1.1\r\nHos');
    const events = await dial(stand, 'GET /v2/events HTTP/1.1\r\nHost: a\r\n\r\n');
    await events.hears(/poolctl events/);
    const waiting = ask(stand, { path: '/v2/operations/op-1?wait_ms=60000' });
    await until(() => stand.listeners() === 1);
    await ask(stand, { path: '/health' });
    await stand.server.close();
    expect(stand.listeners()).toBe(0);
    expect(await events.all()).toMatch(/\r\n0\r\n\r\n$/);
    await Promise.all([half.all(), keepAlive.all()]);
    expect(await waiting).toMatchObject({ status: 404 });
    await expect(ask(stand, { path: '/health' })).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('tells a bug as INTERNAL, without its text, and goes on', async () => {
    const stand = await openStand({
      devices: () => {
        throw new Error('secret: hunter2');
      },
    });
    const reply = await ask(stand, { path: '/v2/devices' });
    expect(reply).toMatchObject({ status: 500, json: { error: { code: 'INTERNAL', retriable: false } } });
    expect(reply.text).not.toContain('hunter2');
    await until(() => stand.bugs.length > 0);
    expect(stand.bugs.splice(0)).toMatchObject([{ message: 'secret: hunter2' }]);
    expect((await ask(stand, { path: '/health' })).status).toBe(200);
  });
});
