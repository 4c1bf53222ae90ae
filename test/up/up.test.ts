/** A whole supervisor in this process: lock, registry, API, real engines, and the next supervisor after it. */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { begin } from './begun.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'poolctl-up-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('runs engines, says so, refuses a second supervisor, brings back what dies, and leaves nothing', async () => {
  const first = begin(dir);
  await first.seen(2, 'replica.ready');
  const status = await first.client.status();
  expect(status.pools[0]).toMatchObject({ state: 'ready', engine: 'command', slots_total: 2 });
  expect(readdirSync(join(dir, 'handoff'))).toHaveLength(2);
  await expect(begin(dir).exit).rejects.toMatchObject({ code: 'ALREADY_RUNNING' });

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

  const second = begin(dir);
  await second.seen(2, 'replica.ready');
  const again = (await second.client.status()).pools[0]?.replicas[0];
  expect(again).toMatchObject({ incarnation: 3, restarts_total: 1, crashes_total: 1, restart_count: 0 });
  second.signals.emit('SIGINT', 'SIGINT');
  expect(await second.exit).toBe(0);
});
