/** The client against real servers: ours, none, and some that are not ours. */

import { chmod, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import { Client } from '../../src/api/client.js';
import { type ClientOptions, NoAnswer } from '../../src/api/connection.js';
import { scratchDir, until } from '../host/scratch.js';
import { eventLine, openStand, running } from './stand.js';

const clientOf = ({ socketPath }: { readonly socketPath: string }, more: Partial<ClientOptions> = {}): Client =>
  new Client({ socketPath, doing: 'do it', ...more });

/** Whoever connects is sent this, and hung up on. */
async function stranger(...texts: readonly string[]): Promise<{ readonly socketPath: string }> {
  const socketPath = join(await scratchDir(), 'stranger.sock');
  const server: Server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(texts.join('')));
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  onTestFinished(() => void server.close());
  return { socketPath };
}

/** Takes every connection and says nothing, as a process that is stopped does. */
async function silent(): Promise<{ readonly socketPath: string }> {
  const socketPath = join(await scratchDir(), 'silent.sock');
  const server: Server = createServer((socket) => socket.on('error', () => {}).resume());
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  onTestFinished(() => void server.close());
  return { socketPath };
}

const answer = (status: number, body: string): string =>
  `HTTP/1.1 ${status} X\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

describe('with one that says nothing', () => {
  it('gives up, and says what it is', async () => {
    const client = clientOf(await silent(), { answerMs: 20 });
    const gaveUp = await client.status().catch((error: unknown) => error);
    expect(gaveUp).toBeInstanceOf(NoAnswer);
    expect(gaveUp).toMatchObject({ code: 'NO_SUPERVISOR', message: 'cannot do it: the supervisor does not answer' });
    await expect(client.act('drain', 'chat', {})).rejects.toBeInstanceOf(NoAnswer);
    await expect(client.events(null, new AbortController().signal)).rejects.toBeInstanceOf(NoAnswer);
  });

  it('gives it the time that the question allows, and a stream as long as it likes', async () => {
    const begunAt = performance.now();
    await expect(clientOf(await silent(), { answerMs: 20 }).operation('op-1', 200)).rejects.toBeInstanceOf(NoAnswer);
    expect(performance.now() - begunAt).toBeGreaterThan(200);

    const stand = await openStand();
    const ending = new AbortController();
    const events = await clientOf(stand, { answerMs: 1_000 }).events(null, ending.signal);
    const heard = events.next();
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    stand.publish(eventLine(1));
    expect((await heard).value).toEqual(eventLine(1));
    ending.abort();
  });
});

describe('with a supervisor', () => {
  it('asks, and is answered', async () => {
    const stand = await openStand();
    const client = clientOf(stand, { correlationId: 'trace-1' });
    expect(client.socketPath).toBe(stand.socketPath);
    expect((await client.status()).pools.map(({ pool_id }) => pool_id)).toEqual(['chat', 'code']);
    expect(await client.devices()).toEqual({ devices: [], note: null });
    expect(await client.act('restart', 'chat', { replica_id: 'r1', now: undefined })).toEqual(running);
    expect(await client.operation('op-1', 10.4)).toEqual(running);
    expect(await client.shutdown({})).toEqual(running);
    expect(stand.asked).toMatchObject([
      { verb: 'restart', poolId: 'chat', replicaId: 'r1', correlationId: 'trace-1' },
      { type: 'shutdown-requested', correlationId: 'trace-1' },
    ]);
  });

  it('throws a refusal with its code, hint and whatever else it says', async () => {
    const refusal = {
      code: 'OPERATION_IN_PROGRESS',
      message: 'cannot start "chat": a stop is running',
      retryAfterMs: 1_500,
    } as const;
    const client = clientOf(await openStand({ answer: { ok: false, refusal } }));
    await expect(client.act('start', 'chat', {})).rejects.toMatchObject({
      name: 'PoolctlError',
      code: 'OPERATION_IN_PROGRESS',
      message: 'cannot start "chat": a stop is running',
      more: { extra: { pool_id: 'chat', retriable: true, retry_after_ms: 1_500 } },
    });
    await expect(client.act('stop', '../code', {})).rejects.toMatchObject({
      code: 'POOL_NOT_FOUND',
      more: { hint: 'pools: chat, code' },
    });
    await expect(client.operation('no/such?id', 0)).rejects.toMatchObject({ code: 'OPERATION_NOT_FOUND' });
  });

  it('hears everything that happens after it has been let in, and ends with the server', async () => {
    const stand = await openStand();
    const heard: unknown[] = [];
    const stream = await clientOf(stand).events(null, new AbortController().signal);
    stand.publish(eventLine(1), eventLine(2, { human: '模型' }));
    for await (const line of stream) {
      heard.push(line);
      if (heard.length === 2) void stand.server.close();
    }
    expect(heard).toEqual([eventLine(1), eventLine(2, { human: '模型' })]);
  });

  it('leaves no listener behind when it stops listening, or is told to', async () => {
    const stand = await openStand({ eventsSince: async () => [eventLine(2)] });
    const stop = new AbortController();
    const told = await clientOf(stand).events('boot-1', stop.signal);
    expect((await told.next()).value).toEqual(eventLine(2));
    const hung = told.next();
    stop.abort();
    expect(await hung).toMatchObject({ done: true });
    const left = await clientOf(stand).events('boot-1', new AbortController().signal);
    for await (const line of left) {
      expect(line.id).toBe('boot-2');
      break;
    }
    await until(() => stand.listeners() === 0);
    const over = await clientOf(stand).events(null, stop.signal);
    expect(await over.next()).toEqual({ done: true, value: undefined });
    expect(stand.listeners()).toBe(0);
  });

  it('gives up a wait when it is told to', async () => {
    const stop = new AbortController();
    const stand = await openStand({
      operationEnded: (_, __, signal) => {
        queueMicrotask(() => stop.abort());
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve(null)));
      },
    });
    await expect(clientOf(stand).operation('op-1', 60_000, stop.signal)).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('without a supervisor', () => {
  it('says where it looked, and what to type', async () => {
    const dir = await scratchDir();
    const socketPath = join(dir, 'none.sock');
    const none = { code: 'NO_SUPERVISOR', message: 'cannot do it: no poolctl supervisor is running' };
    await expect(clientOf({ socketPath }).status()).rejects.toMatchObject({
      ...none,
      more: { why: `nothing listens on ${socketPath}`, hint: 'poolctl up' },
    });
    await writeFile(socketPath, 'a file');
    await expect(clientOf({ socketPath }).status()).rejects.toMatchObject(none);
    await expect(
      clientOf({ socketPath: join(socketPath, 'below') }).events(null, new AbortController().signal),
    ).rejects.toMatchObject(none);
  });

  it('says that a socket is not ours to use', async () => {
    const stand = await openStand();
    const refused = expect.objectContaining({
      code: 'NO_SUPERVISOR',
      message: "cannot do it: the supervisor's socket is not ours to use",
    });
    // Root may use any socket, so it becomes somebody else for the moment.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    else await chmod(stand.socketPath, 0o000);
    const said = await clientOf(stand)
      .status()
      .catch((error: unknown) => error)
      .finally(() => isRoot && process.seteuid?.(0));
    expect(said).toEqual(refused);
  });

  test.each([
    ['hangs up at once', []],
    ['hangs up within the head', ['HTTP/1.1 200 OK\r\nContent-Le']],
    ['hangs up within the body', ['HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"api_ver']],
    ['does not speak HTTP', ['220 mail.example ESMTP\r\n']],
  ])('says that it went away where it %s', async (_, texts) => {
    await expect(clientOf(await stranger(...texts)).status()).rejects.toMatchObject({
      code: 'NO_SUPERVISOR',
      message: 'cannot do it: the supervisor went away',
      more: { hint: 'poolctl status' },
    });
  });
});

describe('with somebody else', () => {
  it('does not take another version of the API for ours, nor an answer that is none', async () => {
    for (const body of ['{"api_version":"v3"}', '{}', 'null', 'hello', '[]'])
      await expect(clientOf(await stranger(answer(200, body))).status()).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
  });

  test.each(['', '<html>', 'null', '{"error":null}', '{"error":"no"}', '{"error":{"code":"X"}}'])(
    'makes nothing of a refusal that reads %j',
    async (body) => {
      await expect(clientOf(await stranger(answer(502, body))).devices()).rejects.toMatchObject({
        code: 'INTERNAL',
        message: 'cannot do it: the supervisor answered 502 and nothing that can be read',
      });
    },
  );

  it('keeps the words of a refusal whose code it does not know', async () => {
    const body = '{"error":{"code":"TOO_TIRED","message":"cannot start: too tired","hint":7}}';
    await expect(clientOf(await stranger(answer(503, body))).act('start', 'a', {})).rejects.toMatchObject({
      code: 'OPERATION_FAILED',
      message: 'cannot start: too tired',
    });
  });

  it('passes over what is no event, and ends quietly where the stream breaks', async () => {
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
    const text = 'data: nothing\n\ndata: 7\n\ndata: {"id":"a-1"}\n\ndata: {"id"';
    const stream = await clientOf(await stranger(`${head}${text.length.toString(16)}\r\n${text}\r\n`)).events(
      null,
      new AbortController().signal,
    );
    const heard = [];
    for await (const line of stream) heard.push(line);
    expect(heard).toEqual([{ id: 'a-1' }]);
  });
});
