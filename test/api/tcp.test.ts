/** The API on TCP: the same as on the socket for those who may ask, and nothing for the others. */

import { createServer } from 'node:net';
import { describe, expect, it, test } from 'vitest';
import { fixedToken, type Token } from '../../src/api/bearer.js';
import { openTcp } from '../../src/api/listen.js';
import { routes } from '../../src/api/routes.js';
import { ask, askTcp, dial, dialTcp, eventLine, openStand, type Wire } from './stand.js';

const given = fixedToken('s3cret') as { readonly token: Token };
const withToken = { tcp: { token: given.token } };
const authorized = { authorization: 'Bearer s3cret' };

test('without a token, every route answers as on the socket', async () => {
  const stand = await openStand({ tcp: {} });
  for (const path of ['/health', '/metrics', '/v2/pools', '/v2/pools/chat', '/v2/meta/capabilities', '/v2/pools/nix', '/nix']) {
    const [there, here] = [await askTcp(stand, { path }), await ask(stand, { path })];
    expect([there.status, there.text]).toEqual([here.status, here.text]);
    expect(there.headers['x-content-type-options']).toBe('nosniff');
  }
  const headers = { 'content-type': 'application/json', 'x-correlation-id': 'trace-1' };
  const started = await askTcp(stand, { method: 'POST', path: '/v2/pools/chat/start', headers, body: '{"replica_id":"r0"}' });
  expect(started).toMatchObject({ status: 202, headers: { 'x-correlation-id': 'trace-1' } });
  expect(stand.asked).toMatchObject([{ verb: 'start', replicaId: 'r0', correlationId: 'trace-1' }]);
});

describe('with a token', () => {
  it.each([
    ['none', {}, 'cannot use the API: no token was sent'],
    ['a wrong one', { authorization: 'Bearer wrong' }, 'cannot use the API: the token is wrong'],
    ['a beginning of it', { authorization: 'Bearer s3cre' }, 'cannot use the API: the token is wrong'],
    ['a password', { authorization: 'Basic czNjcmV0' }, 'cannot use the API: no token was sent'],
  ])('whoever sends %s is told nothing, on any route', async (_, headers, message) => {
    const stand = await openStand(withToken);
    for (const { method, path } of [...routes, { method: 'GET', path: '/nowhere' }, { method: 'PUT', path: '/health' }]) {
      const reply = await askTcp(stand, { method, path: path.replaceAll(/\{\w+\}/g, 'chat'), headers });
      expect(reply, path).toMatchObject({
        status: 401,
        headers: { 'www-authenticate': 'Bearer', connection: 'close' },
        json: { error: { code: 'UNAUTHORIZED', message, retriable: false } },
      });
      expect(reply.text).not.toContain('s3cret');
    }
    expect(stand.asked).toEqual([]);
  });

  it('whoever has it is answered, on a connection that stays', async () => {
    const stand = await openStand(withToken);
    const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: bearer s3cret\r\n\r\n`;
    const heard = await (await dialTcp(stand, `${get('/health')}${get('/v2/meta/capabilities')}`)).hears(/"engines":\[\]/);
    expect([...heard.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(['200', '200']);
  });

  it('the socket needs none, and takes no notice of one', async () => {
    const stand = await openStand(withToken);
    expect((await ask(stand, { path: '/v2/pools' })).status).toBe(200);
    expect(
      (await ask(stand, { path: '/v2/pools', headers: { authorization: 'Bearer wrong', host: 'evil.example' } })).status,
    ).toBe(200);
  });

  it('a body is not read of whoever may not send one', async () => {
    const stand = await openStand(withToken);
    const head =
      'POST /v2/shutdown HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n{';
    const heard = await (await dialTcp(stand, head)).all();
    expect(heard).toMatch(/^HTTP\/1\.1 401 /);
  });

  it('where it cannot be had, nobody is let in, and is told why', async () => {
    const token: Token = { check: async () => ({ ok: false, trouble: 'there is no such file' }) };
    const stand = await openStand({ tcp: { token } });
    expect(await askTcp(stand, { path: '/health', headers: authorized })).toMatchObject({
      status: 401,
      json: { error: { code: 'UNAUTHORIZED', why: 'its token_file cannot be used: there is no such file' } },
    });
  });
});

describe('pages that a browser shows', () => {
  it('cannot ask, whatever they ask for, and are allowed nothing', async () => {
    const stand = await openStand({ tcp: {} });
    for (const method of ['GET', 'POST', 'OPTIONS', 'DELETE'])
      for (const origin of ['http://evil.example', 'null', 'http://localhost:3000']) {
        const headers = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' };
        const reply = await askTcp(stand, { method, path: '/v2/shutdown', headers });
        expect(reply).toMatchObject({ status: 403, json: { error: { code: 'FORBIDDEN_ORIGIN', retriable: false } } });
        expect(Object.keys(reply.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
      }
    expect(stand.asked).toEqual([]);
    const preflight = await askTcp(stand, { method: 'OPTIONS', path: '/v2/shutdown' });
    expect(preflight).toMatchObject({ status: 405, headers: { allow: 'POST' } });
  });

  it('cannot reach it by a name of their own that points here, with the token or without', async () => {
    for (const tcp of [{}, withToken.tcp]) {
      const stand = await openStand({ tcp });
      const headers = { ...authorized, host: `evil.example:${stand.port}`, origin: `http://evil.example:${stand.port}` };
      expect(await askTcp(stand, { path: '/v2/pools', headers })).toMatchObject({
        status: 403,
        json: { error: { code: 'FORBIDDEN_ORIGIN', message: expect.stringContaining('evil.example') } },
      });
    }
  });

  it('are not helped by a second Host, or by none', async () => {
    const stand = await openStand({ tcp: {} });
    for (const hosts of ['', 'Host: 127.0.0.1\r\nHost: evil.example\r\n']) {
      const heard = await (await dialTcp(stand, `GET /health HTTP/1.1\r\n${hosts}Connection: close\r\n\r\n`)).all();
      expect(heard).toMatch(/^HTTP\/1\.1 400 /);
      expect(heard).toContain('must have one Host header');
    }
  });
});

describe('bounds', () => {
  it('of bodies, heads and nonsense are those of the socket', async () => {
    const stand = await openStand({ tcp: {} });
    const headers = { 'content-type': 'application/json' };
    const body = '{}'.padEnd(64 * 1024 + 1);
    expect((await askTcp(stand, { method: 'POST', path: '/v2/pools/chat/start', headers, body })).status).toBe(413);
    expect(await (await dialTcp(stand, 'good morning\r\n\r\n')).all()).toMatch(/^HTTP\/1\.1 400 /);
    const long = `GET /health HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`;
    expect(await (await dialTcp(stand, long)).all()).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('of connections: a crowd on TCP keeps nobody from the socket', async () => {
    const stand = await openStand({ tcp: {} });
    const crowd: Wire[] = [];
    for (let n = 0; n < 256; n += 1) crowd.push(await dialTcp(stand));
    expect(await (await dialTcp(stand, 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n')).all()).toBe('');
    expect((await ask(stand, { path: '/health' })).status).toBe(200);
    const [one] = crowd;
    one?.socket.destroy();
    const again = async (): Promise<number> =>
      askTcp(stand, { path: '/health' }).then(
        ({ status }) => status,
        () => again(),
      );
    expect(await again()).toBe(200);
  });
});

test('streams come over TCP as well, and end with the server', async () => {
  const stand = await openStand({ ...withToken, eventsSince: async (id) => (id === 'boot-1' ? [eventLine(2)] : null) });
  const head = 'GET /v2/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer s3cret\r\nLast-Event-ID: boot-1\r\n\r\n';
  const wire = await dialTcp(stand, head);
  await wire.hears(/id: boot-2/);
  stand.publish(eventLine(3));
  await wire.hears(/id: boot-3/);
  const onSocket = await dial(stand, 'GET /v2/events HTTP/1.1\r\n\r\n');
  await onSocket.hears(/poolctl events/);
  expect(stand.listeners()).toBe(2);
});

describe('the address', () => {
  const options = { token: null, machine: 'box', onError: () => {} };

  it('that is taken names who has it', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const holder = async (host: string, at: number): Promise<string> => `pid 7 (${host}:${at})`;
    for (const host of ['127.0.0.1', 'localhost'])
      await expect(openTcp({ ...options, holder, address: { host, port } })).rejects.toMatchObject({
        code: 'LISTEN_FAILED',
        message: `cannot listen on ${host}:${port}: the port is held by pid 7 (127.0.0.1:${port})`,
      });
    await new Promise((resolve) => other.close(resolve));
  });

  it('that is none of this machine is refused', async () => {
    const address = { host: '192.0.2.1', port: 9200 };
    await expect(openTcp({ ...options, holder: async () => null, address })).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: 'cannot listen on 192.0.2.1:9200: the host is no address of this machine',
      more: { exit: 1 },
    });
  });

  it('keeps whoever comes before there is anybody to answer', async () => {
    const api = await openTcp({ ...options, holder: async () => null, address: { host: 'localhost', port: 0 } });
    const port = Number(/^localhost:(\d+)$/.exec(api.listen)?.[1]);
    const wire = await dialTcp({ port }, 'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    api.serve({ version: '1.2.3' } as never);
    expect(await wire.all()).toContain('"version":"1.2.3"');
    await api.close();
  });
});
