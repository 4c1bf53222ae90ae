import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Door } from '../../src/shell/probes.js';
import type { ProbeClock } from '../../src/shell/time-limit.js';
import { askForToken } from '../../src/shell/token.js';

const clock: ProbeClock = { now: () => performance.now(), wallMs: () => Date.now() };
const question = { path: '/completion', body: { prompt: 'a', n_predict: 1 } };

async function serve(server: Server): Promise<Door> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port, timeoutMs: 5000 };
}

test('what is posted is the request, as JSON, and a whole answer is a token', async () => {
  const asked: unknown[] = [];
  const server = createHttp(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    asked.push([request.method, request.url, request.headers['content-type'], JSON.parse(body)]);
    response.write('{"content":');
    setImmediate(() => response.end('" a"}'));
  });
  expect(await askForToken(await serve(server), question, clock)).toEqual({
    verdict: 'ok',
    detail: 'HTTP 200',
    silent: false,
  });
  expect(asked).toEqual([['POST', '/completion', 'application/json', question.body]]);
});

test.each([
  [500, 'failed'],
  [502, 'failed'],
  [503, 'unknown'],
  [429, 'unknown'],
  [401, 'unknown'],
  [403, 'unknown'],
  [404, 'unknown'],
  [501, 'unknown'],
  [302, 'unknown'],
])('HTTP %i is %s', async (status, verdict) => {
  const door = await serve(createHttp((_, response) => void response.writeHead(status).end('{}')));
  expect(await askForToken(door, question, clock)).toEqual({ verdict, detail: `HTTP ${status}`, silent: false });
});

test('no answer, half an answer, and nobody', async () => {
  const silent = await serve(createServer((socket) => socket.on('error', () => undefined)));
  expect(await askForToken({ ...silent, timeoutMs: 30 }, question, clock)).toEqual({
    verdict: 'failed',
    detail: 'no answer in 30ms',
    silent: true,
  });
  const begun = createHttp((_, response) => void response.writeHead(200, { 'content-length': 99 }).write('{"content"'));
  expect(await askForToken({ ...(await serve(begun)), timeoutMs: 60 }, question, clock)).toMatchObject({ verdict: 'failed' });
  const cut = createHttp((request, response) => {
    response.writeHead(200, { 'content-length': 99 }).write('{"content"', () => request.socket.destroy());
  });
  expect(await askForToken(await serve(cut), question, clock)).toMatchObject({ verdict: 'failed' });
  const gone = createServer();
  const door = await serve(gone);
  await new Promise((resolve) => gone.close(resolve));
  expect(await askForToken(door, question, clock)).toEqual({ verdict: 'failed', detail: 'connection refused', silent: false });
});

test('what was missed over a stall or a sleep says nothing', async () => {
  const silent = await serve(createServer((socket) => socket.on('error', () => undefined)));
  let shiftMs = 0;
  const slept = { now: clock.now, wallMs: () => clock.wallMs() + shiftMs };
  const asleep = askForToken({ ...silent, timeoutMs: 60 }, question, slept);
  shiftMs = 6000;
  expect(await asleep).toEqual({ verdict: 'unknown', detail: 'the machine slept', silent: false });
  shiftMs = 0;
  const held = { now: () => clock.now() + shiftMs, wallMs: () => clock.wallMs() + shiftMs };
  const stalled = askForToken({ ...silent, timeoutMs: 60 }, question, held);
  shiftMs = 1001;
  expect(await stalled).toEqual({ verdict: 'unknown', detail: 'poolctl itself was held up', silent: false });
});
