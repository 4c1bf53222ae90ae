import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { ask, checkHealth, type Door } from '../../src/shell/probes.js';
import type { ProbeClock } from '../../src/shell/time-limit.js';

const clock: ProbeClock = { now: () => performance.now(), wallMs: () => Date.now() };

async function serve(server: Server, host = '127.0.0.1'): Promise<Door> {
  server.listen(0, host);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { host, port: (server.address() as AddressInfo).port, timeoutMs: 5000 };
}

/** Answers each connection with these bytes, once it has been asked, and leaves it open. */
function answering(...pieces: readonly string[]): Server {
  return createServer((socket: Socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      for (const piece of pieces) socket.write(piece);
    });
  });
}

test.each<[string, string, string]>([
  ['HTTP/1.1 200 OK\r\n\r\n', 'ok', 'HTTP 200'],
  ['HTTP/1.0 200 OK\r\nContent-Length: 99\r\n\r\n{"half', 'ok', 'HTTP 200'],
  ['HTTP/1.1 200\r\n\r\n', 'ok', 'HTTP 200'],
  ['HTTP/1.1 204 No Content\n\n', 'ok', 'HTTP 204'],
  ['HTTP/1.1 503 Service Unavailable\r\n\r\n', 'loading', 'HTTP 503'],
  ['HTTP/1.1 500 Internal Server Error\r\n\r\n', 'failed', 'HTTP 500'],
  ['HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n', 'failed', 'HTTP 302'],
  ['HTTP/1.1 404 Not Found\r\n\r\n', 'failed', 'HTTP 404'],
  ['HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\n\r\n', 'ok', 'HTTP 200'],
  ['SSH-2.0-OpenSSH_9.2\r\n', 'failed', 'an answer that is not HTTP'],
  ['\0\x01\x02\x03\x04\x05', 'failed', 'an answer that is not HTTP'],
  [`HTTP/1.1 ${'x'.repeat(20_000)}`, 'failed', 'an answer that is not HTTP'],
])('%j is %s', async (answer, verdict, detail) => {
  const door = await serve(answering(answer));
  expect(await checkHealth(door, '/health', clock)).toEqual({ verdict, detail, said: saidIn(detail) });
});

test('an answer that comes in pieces is put together', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write('HTTP/1.');
      setImmediate(() => socket.write('1 20'));
      setImmediate(() => setImmediate(() => socket.write('0 OK\r\n\r\n')));
    });
  });
  expect((await checkHealth(await serve(server), '/health', clock)).verdict).toBe('ok');
});

test('what it asks is what a server expects', async () => {
  const asked: unknown[] = [];
  const server = createHttp((request, response) => {
    asked.push([request.method, request.url, request.headers.host, request.headers.connection]);
    response.end('{}');
  });
  const door = await serve(server, '::1');
  expect((await checkHealth({ ...door, host: '[::1]' }, '/v1/health?x=1', clock)).verdict).toBe('ok');
  expect(asked).toEqual([['GET', '/v1/health?x=1', `[::1]:${door.port}`, 'close']]);
});

test('a wildcard host is asked at home', async () => {
  const door = await serve(answering('HTTP/1.1 200 OK\r\n\r\n'), '0.0.0.0');
  expect((await checkHealth(door, '/health', clock)).verdict).toBe('ok');
});

test('refused, closed without a word, and silent', async () => {
  const silent = await serve(createServer((socket) => socket.on('error', () => undefined)));
  expect(await checkHealth({ ...silent, timeoutMs: 30 }, '/health', clock)).toEqual({
    verdict: 'failed',
    detail: 'no answer in 30ms',
    said: null,
  });
  const curt = await serve(createServer((socket) => socket.end()));
  expect(await checkHealth(curt, '/health', clock)).toMatchObject({
    verdict: 'failed',
    detail: expect.stringMatching(/connection (closed without an answer|reset)/),
  });
  const server = createServer();
  const gone = await serve(server);
  await new Promise((resolve) => server.close(resolve));
  expect(await checkHealth(gone, '/health', clock)).toEqual({
    verdict: 'failed',
    detail: 'connection refused',
    said: 'refused',
  });
  expect(await checkHealth({ ...gone, host: 'no-such-host.invalid' }, '/health', clock)).toMatchObject({ verdict: 'failed' });
});

/** Real time, and what a test adds to it while a probe is out. */
function shiftedClock() {
  const shift = { ms: 0, wallMs: 0 };
  const late: ProbeClock = { now: () => performance.now() + shift.ms, wallMs: () => Date.now() + shift.ms + shift.wallMs };
  return { shift, late };
}

/** Connections are accepted, and something happens to our clock; then the answer comes, or none. */
function answeringLate(happen: () => void, answer: string | null): Server {
  return createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      happen();
      if (answer !== null) socket.write(answer);
    });
  });
}

test.each([
  ['no answer, and nothing else', { ms: 0, wallMs: 0 }, null, 'failed'],
  ['no answer over a stall of less than a second', { ms: 300, wallMs: 0 }, null, 'failed'],
  ['no answer over a stall', { ms: 1001, wallMs: 0 }, null, 'unknown'],
  ['no answer, and a clock that was set by some seconds', { ms: 0, wallMs: 4000 }, null, 'failed'],
  ['no answer over a sleep', { ms: 0, wallMs: 6000 }, null, 'unknown'],
  ['500 over a stall', { ms: 1001, wallMs: 0 }, 'HTTP/1.1 500 No\r\n\r\n', 'unknown'],
  ['503 over a sleep', { ms: 0, wallMs: 3_600_000 }, 'HTTP/1.1 503 No\r\n\r\n', 'unknown'],
  ['200 over a stall', { ms: 60_000, wallMs: 0 }, 'HTTP/1.1 200 OK\r\n\r\n', 'ok'],
])('%s', async (_, by, answer, verdict) => {
  const { shift, late } = shiftedClock();
  const door = await serve(answeringLate(() => Object.assign(shift, by), answer));
  const told = await checkHealth({ ...door, timeoutMs: answer === null ? 60 : 5000 }, '/', late);
  expect(told.verdict).toBe(verdict);
  if (verdict === 'unknown') expect(told.detail).toBe(by.ms > 0 ? 'poolctl itself was held up' : 'the machine slept');
});

test('a loop that really hung in the middle of a probe, and was back in time for its end', async () => {
  const door = await serve(answeringLate(hang, null));
  expect(await checkHealth({ ...door, timeoutMs: 1800 }, '/', clock)).toEqual({
    verdict: 'unknown',
    detail: 'poolctl itself was held up',
    said: null,
  });
});

function hang(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1100);
}

function saidIn(detail: string): number | null {
  const status = /^HTTP (\d+)$/.exec(detail)?.[1];
  return status === undefined ? null : Number(status);
}

test('a question is read from a whole body, chunked or not, and nothing else is an answer', async () => {
  let body: string | number = '{"slots":4}';
  const server = createHttp((request, response) => {
    if (typeof body === 'number') return void response.writeHead(body).end('{"slots":4}');
    if (request.url === '/chunked') response.write(body.slice(0, 3));
    response.end(request.url === '/chunked' ? body.slice(3) : body);
  });
  const door = await serve(server);
  const read = (text: string): unknown => (JSON.parse(text) as { slots?: number }).slots ?? null;
  expect(await ask(door, { path: '/plain', read })).toBe(4);
  expect(await ask(door, { path: '/chunked', read })).toBe(4);
  body = 'not json';
  expect(await ask(door, { path: '/plain', read })).toBeNull();
  body = JSON.stringify({ slots: 4, filler: 'x'.repeat(1024 * 1024) });
  expect(await ask(door, { path: '/plain', read })).toBeNull();
  body = 501;
  expect(await ask(door, { path: '/plain', read })).toBeNull();
  const silent = await serve(createServer((socket) => socket.on('error', () => undefined)));
  expect(await ask({ ...silent, timeoutMs: 20 }, { path: '/plain', read })).toBeNull();
  const cut = await serve(answering('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"slots":4}'));
  expect(await ask({ ...cut, timeoutMs: 20 }, { path: '/plain', read })).toBeNull();
  server.close();
  expect(await ask({ ...door, port: 1 }, { path: '/plain', read })).toBeNull();
});
