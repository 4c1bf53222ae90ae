/** The supervisor's answers as a client gets them: real server, real socket, the core behind it, hands on paper. */

import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Client } from '../../src/api/client.js';
import { type ApiServer, openApi } from '../../src/api/server.js';
import { supervisorPaths } from '../../src/host/paths.js';
import { systemClock } from '../../src/shell/clock.js';
import { type Hands, makePerform } from '../../src/shell/perform.js';
import { makeRuntime, type Runtime } from '../../src/shell/runtime.js';
import { makeMetrics } from '../../src/telemetry/metrics.js';
import { makeNews } from '../../src/up/news.js';
import { makeService } from '../../src/up/service.js';
import { parseExposition } from '../rig/exposition.js';
import { exitOf, identityOf, probeResult } from '../rig/facts.js';
import { begun, inventoryOf, poolSpec } from '../rig/specs.js';

let dir: string;
let server: ApiServer;
let client: Client;
let runtime: Runtime;
/** What is to be on disk is there once it resolves. */
let disk: Promise<void>;
const bugs: unknown[] = [];

beforeEach(async () => {
  disk = Promise.resolve();
  dir = mkdtempSync(join(tmpdir(), 'poolctl-service-'));
  const paths = supervisorPaths({ stateDir: dir }, {}, { cwd: dir, home: dir });
  const clock = systemClock();
  const exits = new Map<number, () => void>();
  const hands: Hands = {
    record: async () => {},
    touch: () => {},
    verify: async () => ({ obstacles: [], name: null, about: null, modelBytes: null, hostTotalBytes: null }),
    check: async () => ({ obstacles: [], startupDeadlineMs: 60_000, portKnownFree: true, modelBytes: null, listed: true }),
    spawn: async ({ instance, port }, { exited }) => {
      exits.set(port, () => exited(exitOf({ code: 0 }), true));
      return { ok: true, value: identityOf(port, instance) };
    },
    seek: async () => null,
    adopt: async () => false,
    probe: async () => probeResult({ description: { engineVersion: 'b1', slotsTotal: 4, ctxMax: 4_096 } }),
    generate: async () => ({ verdict: 'unknown', detail: 'not asked' }),
    poll: async () => ({ inflight: 0, canTell: true, counters: null }),
    observe: async () => ({ devices: [], tool: 'none', note: null, processes: null, askedAt: 0 }),
    signal: ({ port }) => exits.get(port)?.(),
    sweep: async () => [],
    writeHandoff: () => {},
    removeHandoff: () => {},
    end: () => {},
  };
  const restored = begun({ inventory: inventoryOf(poolSpec('chat', 2)), now: clock.now() });
  runtime = makeRuntime(restored, clock, makePerform(hands));
  const news = makeNews({ start: 'boot1', wallMs: () => clock.wallMs(), journalPath: join(dir, 'events.jsonl') });
  runtime.onEvent((event) => news.publish(event));
  const metrics = makeMetrics({
    view: () => service.status(),
    memory: async () => ({ residentBytes: new Map(), availableBytes: 1, totalBytes: 2 }),
  });
  runtime.onEvent((event) => metrics.count(event));
  const service = makeService({
    recorded: () => disk,
    readModel: (model) => ({ ok: true, value: model }),
    reread: async () => ({ inventory: null, problems: [], file: 'pools.yaml', devices: null }),
    version: '1.2.3',
    runtime,
    clock,
    news,
    paths,
    supervisor: () => ({
      version: '1.2.3',
      pid: process.pid,
      started_at: new Date().toISOString(),
      uptime_seconds: 0,
      socket: paths.socket,
      listen: null,
      inventory: '/etc/pools.yaml',
      state_dir: dir,
      containment: 'group',
      event_loop_lag_ms: 0,
      unsaved: [],
    }),
    metrics: () => metrics.text(),
  });
  server = await openApi({ socketPath: paths.socket, service, onError: (error) => bugs.push(error) });
  client = new Client({ socketPath: paths.socket, doing: 'test' });
});

afterEach(async () => {
  runtime.close();
  await server.close();
  rmSync(dir, { recursive: true, force: true });
  expect(bugs).toEqual([]);
});

const allReady = () =>
  new Promise<void>((resolve) => {
    let left = 2;
    const end = runtime.onEvent(({ event }) => {
      if (event !== 'replica.ready') return;
      left -= 1;
      if (left > 0) return;
      end();
      resolve();
    });
    runtime.give({ type: 'woke' });
  });

it('shows pools as they are', async () => {
  await allReady();
  const status = await client.status();
  expect(status).toMatchObject({ api_version: 'v2', stale: false, pools: [{ pool_id: 'chat', state: 'ready', slots_total: 8 }] });
  expect(status.pools[0]?.replicas.map(({ replica_id, url }) => `${replica_id} ${url}`)).toEqual([
    'r0 http://127.0.0.1:18100',
    'r1 http://127.0.0.1:18101',
  ]);
});

it('stops by an operation that a client can wait for, and starts again', async () => {
  await allReady();
  const stop = await client.act('stop', 'chat', {});
  expect(await client.operation(stop.operation_id, 5_000)).toMatchObject({
    state: 'succeeded',
    outcome: 'stopped',
    changed: true,
  });
  expect((await client.status()).pools[0]).toMatchObject({ state: 'stopped', live: false, ready: false });
  const again = await client.act('stop', 'chat', {});
  expect(again).toMatchObject({ changed: false });
  const start = await client.act('start', 'chat', { replica_id: 'r1' });
  expect(await client.operation(start.operation_id, 5_000)).toMatchObject({ state: 'succeeded', outcome: 'ready' });
  expect((await client.status()).pools[0]?.replicas.map(({ state, goal }) => `${state} ${goal}`)).toEqual([
    'stopped down',
    'ready up',
  ]);
});

it('tells that an operation has ended when that is on disk', async () => {
  await allReady();
  let written = (): void => {};
  disk = new Promise((resolve) => {
    written = resolve;
  });
  const finished = new Promise<void>((resolve) => {
    runtime.onEvent(({ event }) => event === 'operation.finished' && resolve());
  });
  const asked = { verb: 'stop', poolId: 'chat', replicaId: null, correlationId: null } as const;
  const answer = runtime.give({ type: 'requested', ...asked });
  if (answer?.ok !== true || !('operationId' in answer)) throw new Error('it was refused');
  const told: unknown[] = [];
  const waited = client.operation(answer.operationId, 5_000).then((operation) => told.push(operation.outcome));
  await finished;
  await client.status();
  expect(told).toEqual([]);
  written();
  await waited;
  expect(told).toEqual(['stopped']);
});

it('counts what the core tells, for Prometheus', async () => {
  await allReady();
  // The engines of this stand never end their requests, so a drain would wait for ever.
  const restart = await client.act('restart', 'chat', { replica_id: 'r1' });
  await client.operation(restart.operation_id, 5_000);
  const families = parseExposition(await scrape());
  const shown = (name: string, replica: string, more = '') =>
    families.get(name)?.samples.get(`${name}{pool_id="chat",replica_id="${replica}",engine="command"${more}}`)?.value;
  expect([shown('preload_success_total', 'r0'), shown('preload_success_total', 'r1')]).toEqual([1, 2]);
  expect([shown('restart_total', 'r0', ',reason="operator"'), shown('restart_total', 'r1', ',reason="operator"')]).toEqual([
    0, 1,
  ]);
  expect(shown('readiness_transitions_total', 'r1', ',to="ready"')).toBe(2);
  expect(shown('readiness_transitions_total', 'r1', ',to="draining"')).toBe(1);
  expect(shown('replica_crashes_total', 'r1')).toBe(0);
  expect([shown('slots_total', 'r0'), shown('slots_free', 'r0')]).toEqual([4, 4]);
  expect(families.get('vram_total_bytes')?.samples.size).toBe(0);
});

function scrape(): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: join(dir, 'poolctl.sock'), path: '/metrics', agent: false }, (response) => {
      text(response).then(resolve, reject);
    });
    asked.on('error', reject).end();
  });
}

it('names a pool that is not there', async () => {
  await expect(client.act('start', 'chta', {})).rejects.toMatchObject({ code: 'POOL_NOT_FOUND' });
});
