/** What an engine says of itself, over HTTP: in the order of the questions, as far as it answers. */

import { createServer, type RequestListener } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { adapters } from '../../src/engines/index.js';
import { describeEngine } from '../../src/shell/describe.js';
import type { Door } from '../../src/shell/probes.js';
import { launchOf } from './launches.js';

async function engine(answer: RequestListener): Promise<Door> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { host: '127.0.0.1', port: (server.address() as { readonly port: number }).port, timeoutMs: 5_000 };
}

const asking = (...describe: (typeof adapters)['demo']['describe'][number][]) => ({ ...adapters.demo, describe });
const { spec } = launchOf({ engine: 'demo' });
const read = (body: string) => JSON.parse(body) as Record<string, never>;

it('takes the first word on each thing, and leaves the rest unknown', async () => {
  const asked: string[] = [];
  const door = await engine((request, response) => {
    asked.push(request.url ?? '');
    response.end(request.url === '/one' ? '{"engineVersion":"b1"}' : '{"engineVersion":"b2","slotsTotal":4}');
  });
  expect(await describeEngine(asking({ path: '/one', read }, { path: '/two', read }), spec, door)).toEqual({
    engineVersion: 'b1',
    slotsTotal: 4,
    ctxMax: null,
  });
  expect(asked).toEqual(['/one', '/two']);
});

it('takes the inventory’s word on slots before the engine’s', async () => {
  const door = await engine((_, response) => response.end('{"slotsTotal":4}'));
  expect(await describeEngine(asking({ path: '/', read }), { ...spec, slots: 9 }, door)).toMatchObject({ slotsTotal: 9 });
});

it('passes over questions that are not answered, or not with an answer', async () => {
  const door = await engine((request, response) => {
    if (request.url === '/gone') return void request.socket.destroy();
    if (request.url === '/error') response.writeHead(500).end('{"engineVersion":"no"}');
    else response.end(request.url === '/unread' ? 'not for us' : '{"ctxMax":2048}');
  });
  const questions = [
    { path: '/gone', read },
    { path: '/error', read },
    { path: '/unread', read: () => null },
    { path: '/last', read },
  ];
  expect(await describeEngine(asking(...questions), spec, door)).toEqual({ engineVersion: null, slotsTotal: null, ctxMax: 2048 });
});

it('asks nothing of an engine that has nothing to say', async () => {
  const nobody = { host: '127.0.0.1', port: 1, timeoutMs: 1 };
  expect(await describeEngine(adapters.command, launchOf().spec, nobody)).toEqual({
    engineVersion: null,
    slotsTotal: 1,
    ctxMax: null,
  });
});
