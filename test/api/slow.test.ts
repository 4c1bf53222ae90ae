/** Clients that never finish what they began: told so, hung up on, and in nobody's way. */

import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { refuseMalformed } from '../../src/api/malformed.js';
import { scratchDir, until } from '../host/scratch.js';
import { ask, dial, openStand, type Wire } from './stand.js';

test('a head, or a body, that does not come to its end in time', async () => {
  const socketPath = join(await scratchDir(), 'slow.sock');
  const limits = { headersTimeout: 40, requestTimeout: 80, connectionsCheckingInterval: 20 };
  const server = createServer(limits, (request) => void request.resume().on('error', () => {}));
  refuseMalformed(server);
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  onTestFinished(() => closed(server));
  for (const text of ['GET /health HTTP/1.1\r\nHos', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{"a"']) {
    const heard = await (await dial({ socketPath }, text)).all();
    expect(heard).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nx-correlation-id: /);
    expect(heard).toContain('it did not come whole in time');
  }
});

test('many half requests, and connections that say nothing, keep nobody else out', async () => {
  const stand = await openStand();
  const halves: Wire[] = [];
  for (let n = 0; n < 100; n += 1) halves.push(await dial(stand, n % 2 === 0 ? '' : 'GET /health HTTP/1.1\r\n'));
  expect((await ask(stand, { path: '/health' })).status).toBe(200);
  expect(halves.every(({ socket }) => !socket.destroyed)).toBe(true);
});

test('requests that come in a row on one connection are answered in their order', async () => {
  const stand = await openStand();
  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const wire = await dial(stand, `${get('/health')}${get('/v2/pools/none')}${get('/v2/meta/capabilities')}`);
  const heard = await wire.hears(/"engines":\[\]/);
  expect([...heard.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(['200', '404', '200']);
});

test('a body that breaks off behind a request that is not answered yet is no bug of ours', async () => {
  let asked = 0;
  const stand = await openStand({
    operationEnded: (_, __, signal) => {
      asked += 1;
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve(null)));
    },
  });
  const wire = await dial(
    stand,
    'GET /v2/operations/op-1?wait_ms=60000 HTTP/1.1\r\nHost: a\r\n\r\nPOST /v2/pools/chat/start HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n{"now"',
  );
  await until(() => asked === 1);
  wire.socket.destroy();
  await until(() => wire.socket.closed);
  // By then the server has heard of it, and of what it made of it.
  expect((await ask(stand, { path: '/health' })).status).toBe(200);
  expect(stand.asked).toEqual([]);
});

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
