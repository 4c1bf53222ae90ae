/** What the kernel says of an exit, put in where this machine says nothing: a whole supervisor, real engines that really die. */

import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Device } from '../../src/core/model.js';
import type { KernelSources } from '../../src/host/kernel.js';
import { openKernelLog } from '../../src/host/kernel-log.js';
import { begin } from './begun.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'poolctl-kernel-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const silent = { catchUp: () => undefined, follow: () => undefined, close: () => undefined };

/** A kernel's log that says what is in `lines` by the time it is asked. */
function saying(lines: string[]): KernelSources {
  const recent = async () => lines.map((text) => ({ at: performance.now(), text }));
  return { proc: '/proc', cgroups: '/nowhere', log: { ...silent, recent } };
}

const gpu: Device = {
  index: '0',
  uuid: 'GPU-0',
  name: 'a GPU',
  vendor: 'nvidia',
  vramTotalBytes: null,
  vramFreeBytes: null,
  computeCapability: null,
  utilizationPercent: null,
  temperatureCelsius: null,
  powerWatts: null,
  mig: false,
  pciAddress: null,
  eccErrors: null,
  ailment: null,
  tellsRecovery: false,
};

it('a GPU that fell off the bus is a driver state that only a reboot cures: broken at once, told by status, event and metric', async () => {
  const lines: string[] = [];
  const masks = [{ kind: 'list', written: '0', ids: ['0'] }] as const;
  const supervisor = begin(dir, { ports: 29_200, masks, devices: [gpu], kernel: saying(lines) });
  await supervisor.seen(1, 'replica.ready');
  const pid = (await supervisor.client.status()).pools[0]?.replicas[0]?.pid ?? 0;
  lines.push(`NVRM: Xid (PCI:0000:65:00): 79, pid=${pid}, name=engine, GPU has fallen off the bus.`);
  process.kill(pid, 'SIGABRT');

  expect((await supervisor.seen(1, 'replica.crashed'))[0]).toMatchObject({ crash_class: 'driver', signal: 'SIGABRT' });
  await supervisor.seen(1, 'replica.broken');
  expect((await supervisor.client.status()).pools[0]?.replicas[0]).toMatchObject({
    state: 'broken',
    last_exit: { class: 'driver', code: null, signal: 'SIGABRT', restartable: false },
    breaker: { state: 'closed', cuda: { state: 'open' } },
    why: expect.stringContaining('only a reboot cures this'),
  });
  supervisor.signals.emit('SIGTERM', 'SIGTERM');
  expect(await supervisor.exit).toBe(0);
});

it('an engine that somebody killed is told from one that the kernel killed for want of memory', async () => {
  const lines: string[] = [];
  const counters = join(dir, 'vmstat');
  writeFileSync(counters, 'oom_kill 3\n');
  const supervisor = begin(join(dir, 'state'), { ports: 29_200, kernel: { ...saying(lines), proc: dir } });
  await supervisor.seen(2, 'replica.ready');
  const [r0, r1] = (await supervisor.client.status()).pools[0]?.replicas ?? [];
  process.kill(r1?.pid ?? 0, 'SIGKILL');
  expect(await supervisor.seen(1, 'replica.crashed')).toMatchObject([
    { replica_id: 'r1', crash_class: 'unknown', level: 'error' },
  ]);

  writeFileSync(counters, 'oom_kill 4\n');
  lines.push(`Out of memory: Killed process ${r0?.pid} (engine) total-vm:1048576kB, anon-rss:524288kB`);
  process.kill(r0?.pid ?? 0, 'SIGKILL');
  const [, killed] = await supervisor.seen(2, 'replica.crashed');
  expect(killed).toMatchObject({
    replica_id: 'r0',
    crash_class: 'host_oom',
    level: 'critical',
    last_error: expect.stringContaining('Out of memory: Killed process'),
  });
  supervisor.signals.emit('SIGTERM', 'SIGTERM');
  expect(await supervisor.exit).toBe(0);
});

it('that an engine has ended is told at once, however long it takes to find out why', async () => {
  let answer: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const recent = () => asked.then(() => []);
  const kernel = { proc: '/proc', cgroups: '/nowhere', log: { ...silent, recent } };
  const masks = [{ kind: 'list', written: '0', ids: ['0'] }] as const;
  const supervisor = begin(dir, { ports: 29_200, masks, devices: [gpu], kernel });
  await supervisor.seen(1, 'replica.ready');
  const pid = (await supervisor.client.status()).pools[0]?.replicas[0]?.pid ?? 0;
  process.kill(pid, 'SIGSEGV');

  await supervisor.seen(1, 'replica.stopping');
  expect((await supervisor.client.status()).pools[0]?.replicas[0]).toMatchObject({
    state: 'stopping',
    live: false,
    ready: false,
    why: 'has ended; why is being found out',
  });
  expect(readdirSync(join(dir, 'handoff'))).toEqual([]);
  answer();
  expect(await supervisor.seen(1, 'replica.crashed')).toMatchObject([
    { signal: 'SIGSEGV', crash_class: 'crash', crash_count: 1 },
  ]);
  await supervisor.seen(2, 'replica.ready');
  supervisor.signals.emit('SIGTERM', 'SIGTERM');
  expect(await supervisor.exit).toBe(0);
});

it('what the kernel writes of a GPU is told while its engine lives, and keeps the next one off it', async () => {
  const kmsg = join(dir, 'kmsg');
  writeFileSync(kmsg, '4,1,5,-;NVRM: Xid (PCI:0000:65:00): 62, pid=1, of the past\n');
  const log = openKernelLog({ path: kmsg, journal: null, now: () => performance.now() });
  const masks = [{ kind: 'list', written: '0', ids: ['0'] }] as const;
  const devices = [{ ...gpu, pciAddress: '0000:65:00' }];
  const supervisor = begin(join(dir, 'state'), {
    ports: 30_200,
    masks,
    devices,
    kernel: { proc: '/proc', cgroups: '/nowhere', log },
  });
  await supervisor.seen(1, 'replica.ready');
  const { pid } = (await supervisor.client.status()).pools[0]?.replicas[0] ?? {};
  appendFileSync(kmsg, '4,2,6,-;NVRM: Xid (PCI:0000:65:00): 31, pid=1, name=other, Ch 00000008\n'.repeat(50));
  expect(await supervisor.seen(1, 'device.error')).toMatchObject([
    { device: 'GPU-0', reason: 'reported a page fault of a program (Xid 31)' },
  ]);

  appendFileSync(kmsg, `4,3,7,-;NVRM: Xid (PCI:0000:65:00): 79, pid=${pid}, name=engine, GPU has fallen off the bus.\n`);
  process.kill(pid ?? 0, 'SIGABRT');
  expect(await supervisor.seen(1, 'device.unhealthy')).toMatchObject([
    { device: 'GPU-0', reason: 'has fallen off the bus (Xid 79)' },
  ]);
  await supervisor.seen(1, 'replica.broken');
  expect((await supervisor.seen(1, 'device.error')).length).toBe(1);
  supervisor.signals.emit('SIGTERM', 'SIGTERM');
  expect(await supervisor.exit).toBe(0);
});
