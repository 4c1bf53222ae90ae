/** Questions to real demo engines that are sick in one way or another. */

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import type { Launch } from '../../src/core/messages.js';
import type { PoolSpec } from '../../src/core/model.js';
import { readStat } from '../../src/host/proc.js';
import { makeListeners } from '../../src/shell/listener.js';
import { makeMeters } from '../../src/shell/meters.js';
import { makeProbing } from '../../src/shell/probing.js';
import { makeProcesses, marksOf } from '../../src/shell/processes.js';
import { buildDemoEngine, type DemoEngine, startDemoEngine } from '../rig/demo-engine.js';
import { poolSpec } from '../rig/specs.js';
import { launchOf } from './launches.js';

let directory: string;
let script: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'probing-'));
  script = await buildDemoEngine(join(directory, 'engine.mjs'));
});
afterAll(() => rm(directory, { recursive: true }));

const { health } = poolSpec('chat', 1);
const quick = { ...health, timeoutMs: 100 };
const sick = { prove: false, describe: false, work: true };

/** Time as the probes see it: a test lets a second pass, since the meters are read once in that time. */
function probing() {
  const shift = { ms: 0 };
  const processes = makeProcesses(process.pid);
  const hands = makeProbing({
    clock: { now: () => performance.now() + shift.ms, wallMs: () => Date.now() + shift.ms },
    processes,
    listeners: makeListeners(processes),
    marksOf: (_, identity) => marksOf(identity, '/no/log'),
    logOf: () => '/no/log',
  });
  const secondLater = (): void => {
    shift.ms += 1_000;
  };
  return { hands, secondLater };
}

async function engine(...flags: readonly string[]): Promise<DemoEngine> {
  const started = await startDemoEngine(script, '--load-time', '0', '--token-time', '5ms', ...flags);
  await started.logged('listening on');
  return started;
}

const identityOf = ({ pid }: DemoEngine) => ({ pid, startTicks: readStat(pid)?.startTicks ?? 0, instance: 'i-1', logOffset: 0 });
const launchAt = (port: number, more: Partial<PoolSpec> = {}): Launch =>
  launchOf({ engine: 'demo', health: quick, ...more }, { port });

it('sees the work of an engine whose /health hangs', async () => {
  const { hands, secondLater } = probing();
  const demo = await engine('--order', 'hang-health');
  const answer = demo.post('/completion', { n_predict: 1_000_000 }).catch(() => null);
  await expect.poll(async () => (await demo.get('/metrics')).body, { interval: 5 }).toContain('requests_processing 1');
  const first = await hands.probe(launchAt(demo.port), identityOf(demo), sick);
  expect(first).toMatchObject({ verdict: 'failed', detail: 'no answer in 100ms', dead: false, work: { inflight: 1 } });
  const later = async () => {
    secondLater();
    return (await hands.probe(launchAt(demo.port), identityOf(demo), sick)).work;
  };
  // On a busy machine an answer may come too late to tell of work.
  await expect.poll(async () => (await later())?.decoded ?? 0).toBeGreaterThan(first.work?.decoded ?? Number.POSITIVE_INFINITY);
  await expect
    .poll(async () => (await later())?.cpuTicks ?? -1)
    .toBeGreaterThanOrEqual(first.work?.cpuTicks ?? Number.POSITIVE_INFINITY);
  await demo.post('/demo/exit');
  await answer;
});

it('sees none in one that hangs behind an open port', async () => {
  const { hands } = probing();
  const demo = await engine('--order', 'hang');
  const result = await hands.probe(launchAt(demo.port), identityOf(demo), sick);
  expect(result).toMatchObject({ verdict: 'failed', dead: false, work: { decoded: null, inflight: null } });
});

it('calls a living engine dead that refuses connections, or says that it is', async () => {
  const { hands } = probing();
  const demo = await engine('--order', 'dead');
  const launch = launchAt(demo.port);
  const probe = (wish = sick, asked = launch) => hands.probe(asked, identityOf(demo), wish);
  expect(await probe()).toMatchObject({ verdict: 'failed', detail: 'HTTP 500', dead: true });
  expect(await probe(sick, launchAt(demo.port, { health: { ...quick, path: '/health' } }))).toMatchObject({ dead: true });
  expect(await probe(sick, launchAt(demo.port, { engine: 'command' }))).toMatchObject({ verdict: 'failed', dead: false });
  await demo.post('/demo/healthy');
  await demo.post('/demo/unhealthy');
  expect(await probe()).toMatchObject({ verdict: 'loading', detail: 'HTTP 503', dead: false });
  await demo.post('/demo/refuse');
  expect(await probe()).toMatchObject({ verdict: 'failed', detail: 'connection refused', dead: true });
  // While it starts nobody listens yet.
  expect(await probe({ prove: true, describe: true, work: false })).toMatchObject({ detail: 'connection refused', dead: false });
  process.kill(demo.pid, 'SIGKILL');
  await demo.exited;
  expect(await probe()).toMatchObject({ detail: 'connection refused', dead: false });
});

it('gets a token from an engine that makes some, and none from a mute one', async () => {
  const { hands } = probing();
  const demo = await engine();
  expect(await hands.generate(launchAt(demo.port), 5_000)).toEqual({ verdict: 'ok', detail: 'HTTP 200' });
  await demo.post('/demo/mute');
  expect(await hands.generate(launchAt(demo.port), 60)).toEqual({ verdict: 'failed', detail: 'no answer in 60ms' });
  expect(await hands.probe(launchAt(demo.port), identityOf(demo), sick)).toMatchObject({ verdict: 'ok' });
  expect(await hands.generate(launchAt(demo.port, { engine: 'command' }), 60)).toMatchObject({ verdict: 'unknown' });
});

it('does not hold it against an engine that all its slots are busy', async () => {
  const { hands } = probing();
  const demo = await engine('--slots', '1');
  const answer = demo.post('/completion', { n_predict: 1_000_000 }).catch(() => null);
  await expect.poll(async () => (await demo.get('/metrics')).body, { interval: 5 }).toContain('requests_processing 1');
  expect(await hands.generate(launchAt(demo.port), 1_100)).toEqual({
    verdict: 'unknown',
    detail: 'no answer in 1.1s, but it answers others',
  });
  await demo.post('/demo/mute');
  await expect.poll(() => hands.generate(launchAt(demo.port), 1_100), { timeout: 30_000 }).toMatchObject({ verdict: 'failed' });
  await demo.post('/demo/exit');
  await answer;
});

it('reads the meters of an engine once a second, whoever asks', async () => {
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    const speed = `llamacpp:tokens_predicted_total ${asked * 10}\nllamacpp:tokens_predicted_seconds_total 0.5\n`;
    response.end(`llamacpp:requests_processing ${asked}\nllamacpp:requests_deferred 0\nllamacpp:n_decode_total 7\n${speed}`);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  let now = 5_000;
  const meters = makeMeters(() => now);
  const { port } = server.address() as AddressInfo;
  const read = (launch: Launch) => meters.read(launch, { host: '127.0.0.1', port, timeoutMs: 2_000 });
  const launch = launchAt(port);
  const counted = (tokens: number) => ({ tokens, tokenSeconds: 0.5, firstTokens: null, firstTokenSeconds: null });
  expect(await Promise.all([read(launch), read(launch)])).toEqual(
    Array(2).fill({ decoded: 7, inflight: 1, counters: counted(10) }),
  );
  now += 999;
  expect(await read(launch)).toMatchObject({ inflight: 1 });
  now += 1;
  expect(await read(launch)).toMatchObject({ inflight: 2 });
  expect(await read({ ...launch, instance: 'its successor' })).toMatchObject({ inflight: 3 });
  expect(await read({ ...launch, key: 'chat/r1' })).toMatchObject({ inflight: 4 });
  expect(await read(launchAt(port, { engine: 'command' }))).toEqual({ decoded: null, inflight: null, counters: null });
  expect(asked).toBe(4);
});

it('asks a llama-server for its requests and its speed by one request, at most once a second, and never for its slots', async () => {
  const asked: { readonly url: string | undefined; readonly at: number }[] = [];
  const page = [
    'requests_processing 1',
    'requests_deferred 2',
    'tokens_predicted_total 90',
    'tokens_predicted_seconds_total 4.5',
  ];
  const server = createServer(({ url }, response) => {
    asked.push({ url, at: now });
    response.end(page.map((line) => `llamacpp:${line}\n`).join(''));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  let now = 5_000;
  const processes = makeProcesses(process.pid);
  const hands = makeProbing({
    clock: { now: () => now, wallMs: () => now },
    processes,
    listeners: makeListeners(processes),
    marksOf: (_, identity) => marksOf(identity, '/no/log'),
    logOf: () => '/no/log',
  });
  const launch = launchOf({ engine: 'llamacpp' }, { port: (server.address() as AddressInfo).port });
  const counters = { tokens: 90, tokenSeconds: 4.5, firstTokens: null, firstTokenSeconds: null };
  for (let n = 0; n < 50; n += 1) {
    expect(await hands.poll(launch)).toEqual({ inflight: 3, counters, canTell: true });
    now += 100;
  }
  expect(asked).toEqual([5_000, 6_000, 7_000, 8_000, 9_000].map((at) => ({ url: '/metrics', at })));
});

it('knows that a program which is only a command counts nothing', async () => {
  const { hands } = probing();
  expect(await hands.poll(launchAt(1, { engine: 'command' }))).toEqual({ inflight: null, counters: null, canTell: false });
});
