/** Another version takes over from one that was told to leave its engines, and from one that was killed. */

import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Json, program, Rig } from '../rig/poolctl.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
  rig.inventory(`version: 1
supervisor: { ports: 30790-30799 }
defaults: { restart: { backoff: { initial: 50ms, min: 50ms, jitter: 0 } }, health: { startup_interval: 50ms } }
pools:
  chat: { engine: demo, device_masks: [cpu, cpu], args: [--load-time, "50"] }
`);
});
afterEach(() => rig.end());

/** Of these sources, under another number. */
async function otherVersion(): Promise<string> {
  const outdir = join(rig.dir, 'other');
  const build = fileURLToPath(new URL('../../scripts/build.mjs', import.meta.url));
  await promisify(execFile)(process.execPath, [build, '--outdir', outdir, '--version', '0.0.1-other']);
  return outdir;
}

async function ready(): Promise<Json> {
  expect((await rig.run('wait', 'chat', '--for', 'ready', '--timeout', '30s')).status).toBe(0);
  return rig.json('status');
}
const whoServes = ({ pools }: Json): Json => pools[0].replicas.map(({ pid, incarnation }: Json) => [pid, incarnation]);

it('an upgrade keeps every engine: down --keep-engines, the other version, up; the version before may be gone by then', async () => {
  const other = await otherVersion();
  rig.program = join(other, 'bin', 'poolctl.js');
  const first = await rig.up();
  const before = await ready();
  process.kill(before.pools[0].replicas[0].pid, 'SIGKILL');
  while ((await rig.json('status', 'chat/r0')).pools[0].replicas[0].incarnation !== 2) await ready();
  const then = await ready();
  expect(then.supervisor.version).toBe('0.0.1-other');
  const lease = await rig.json('lease', 'acquire', 'chat', '--ttl', '1h');
  expect((await rig.run('down', '--keep-engines')).status).toBe(0);
  expect(await first.ended).toBe(0);
  rmSync(other, { recursive: true });

  rig.program = program;
  const second = await rig.up();
  const now = await ready();
  expect(now.supervisor.version).not.toBe('0.0.1-other');
  expect(whoServes(now)).toEqual(whoServes(then));
  expect(now.pools[0].replicas.map(({ adopted }: Json) => adopted)).toEqual([true, true]);
  expect(now.pools[0]).toMatchObject({ restarts_total: 1, crashes_total: 1 });
  // What it wrote before is read on, and so is what the other one had granted.
  const events = (await rig.run('events')).stdout;
  expect(events.match(/poolctl started/g)).toHaveLength(2);
  expect(second.stderr()).toContain(lease.lease_id);
  const restarted = await rig.run('restart', 'chat/r1');
  expect(restarted.status, restarted.stderr).toBe(0);
  expect((await rig.run('down')).status).toBe(0);
  expect(await second.ended).toBe(0);
  expect(rig.processes()).toEqual([]);
});

it('a supervisor that was killed in the middle of an upgrade is followed by the other version as by its own', async () => {
  await rig.up();
  const before = await ready();
  rig.program = join(await otherVersion(), 'bin', 'poolctl.js');
  // A client of another version is answered all the same.
  expect(whoServes(await rig.json('status'))).toEqual(whoServes(before));
  process.kill(before.supervisor.pid, 'SIGKILL');
  await rig.up();
  expect(whoServes(await ready())).toEqual(whoServes(before));
});
