/** A whole supervisor in this process: lock, registry, API, real engines, and the next supervisor after it. */

import { EventEmitter } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Client } from '../../src/api/client.js';
import type { EventLine } from '../../src/api/wire.js';
import { supervisorPaths } from '../../src/host/paths.js';
import type { News } from '../../src/up/news.js';
import { up } from '../../src/up.js';
import { inventoryOf, poolSpec, supervisorSpec } from '../rig/specs.js';

const engine = `require('node:http').createServer((q, s) => s.end()).listen(Number(process.argv[1]), '127.0.0.1')`;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'poolctl-up-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function begin() {
  const { health, restart } = poolSpec('chat', 1);
  const spec = poolSpec('chat', 2, {
    command: [process.execPath, '-e', engine, '${PORT}'],
    health: { ...health, startupIntervalMs: 20 },
    restart: { ...restart, backoff: { ...restart.backoff, initialMs: 20, minMs: 0 } },
  });
  const inventory = { ...inventoryOf(spec), supervisor: { ...supervisorSpec, ports: { from: 29_100, to: 29_199 } } };
  const paths = supervisorPaths({ stateDir: dir }, {}, { cwd: dir, home: dir });
  const signals = new EventEmitter();
  const bugs: unknown[] = [];
  let news: News | null = null;
  const lines: EventLine[] = [];
  const waiting = new Set<() => void>();
  const exit = up(
    {
      inventory,
      devices: { devices: [], tool: 'none', note: null },
      paths,
      named: [],
      exitOnAllFailed: false,
      version: '0.0.0',
      demoScript: '',
      treeKillScript: '',
      redactArgs: (args) => args,
    },
    {
      pid: process.pid,
      uid: process.getuid?.() ?? 0,
      env: process.env,
      signals,
      lostTerminal: () => false,
      face(look) {
        news = look.news;
        news.onLine((line) => {
          lines.push(line);
          for (const look of waiting) look();
        });
        return { stopping: () => undefined, close: () => undefined };
      },
      onBug: (error) => bugs.push(error),
    },
  );
  const seen = (count: number, event: string) =>
    new Promise<readonly EventLine[]>((resolve) => {
      const look = (): void => {
        const found = lines.filter((line) => line.event === event);
        if (found.length < count) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  return { exit, signals, seen, bugs, client: new Client({ socketPath: paths.socket, doing: 'test' }), paths };
}

it('runs engines, says so, refuses a second supervisor, brings back what dies, and leaves nothing', async () => {
  const first = begin();
  await first.seen(2, 'replica.ready');
  const status = await first.client.status();
  expect(status.pools[0]).toMatchObject({ state: 'ready', engine: 'command', slots_total: 2 });
  expect(readdirSync(join(dir, 'handoff'))).toHaveLength(2);
  await expect(begin().exit).rejects.toMatchObject({ code: 'ALREADY_RUNNING' });

  const pid = status.pools[0]?.replicas[0]?.pid ?? 0;
  process.kill(pid, 'SIGKILL');
  await first.seen(3, 'replica.ready');
  const after = (await first.client.status()).pools[0]?.replicas[0];
  expect(after).toMatchObject({ state: 'ready', restart_count: 1, last_exit: { signal: 'SIGKILL', code: null } });
  expect(after?.pid).not.toBe(pid);

  first.signals.emit('SIGTERM', 'SIGTERM');
  expect(await first.exit).toBe(0);
  expect([readdirSync(join(dir, 'handoff')), readdirSync(join(dir, 'run')), existsSync(first.paths.socket), first.bugs]).toEqual([
    [],
    [],
    false,
    [],
  ]);
  const events = readFileSync(first.paths.journal, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).event);
  expect(events).toEqual(
    expect.arrayContaining(['supervisor.started', 'replica.crashed', 'replica.backoff', 'supervisor.stopped']),
  );

  const second = begin();
  await second.seen(2, 'replica.ready');
  const again = (await second.client.status()).pools[0]?.replicas[0];
  expect(again).toMatchObject({ incarnation: 3, restarts_total: 1, crashes_total: 1, restart_count: 0 });
  second.signals.emit('SIGINT', 'SIGINT');
  expect(await second.exit).toBe(0);
});
