/** A supervisor that the kernel does not let run for a while: a machine under load, a debugger, SIGSTOP. */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ask } from '../rig/demo-engine.js';
import { Rig } from '../rig/poolctl.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.end());

const inventory = `version: 1
supervisor: { ports: 27400-27499 }
pools:
  chat:
    engine: demo
    args: [--load-time, "0"]
    device_masks: [cpu, cpu]
    health: { interval: 300ms, timeout: 200ms, failure_threshold: 2, restart_after: 6s }
  slow:
    engine: demo
    autostart: false
    args: [--load-time, "7s"]
    device_masks: [cpu]
    health: { startup_interval: 300ms, timeout: 200ms, startup_deadline: 6s }
`;

type Shown = { readonly state: string; readonly pid: number; readonly port: number; readonly restarts_total: number };
const replicas = async (): Promise<readonly Shown[]> =>
  (await rig.json('status')).pools.flatMap((pool: { readonly replicas: readonly Shown[] }) => pool.replicas);

it('restarts nobody for what it missed: neither who served, nor who was sick, nor who loaded', async () => {
  rig.inventory(inventory);
  const { child } = await rig.up();
  await rig.run('wait', 'chat', '--for', 'ready', '--timeout', '20s');
  const [, sick] = await replicas();
  await ask(sick?.port ?? 0, 'POST', '/demo/hang');
  await expect.poll(async () => (await replicas())[1]?.state, { interval: 20 }).toBe('unhealthy');
  await rig.run('start', 'slow', '--no-wait');
  await expect.poll(async () => (await replicas())[2]?.state, { interval: 20 }).toBe('starting');
  const before = await replicas();

  child.kill('SIGSTOP');
  await ask(sick?.port ?? 0, 'POST', '/demo/healthy');
  const silent = rig.run('status');
  const impatient = rig.run('wait', 'chat', '--for', 'ready', '--timeout', '1s');
  const examined = rig.run('doctor');
  // Every patience and every deadline passes.
  await sleep(8_000);
  const noAnswer = expect.stringMatching(/the supervisor does not answer/);
  expect(await impatient).toMatchObject({ status: 6, stderr: noAnswer });
  expect((await examined).stdout).toMatch(/supervisor +no +pid \d+ has the state directory, and does not answer/);
  // Whoever is asked for nothing else shows what was written last.
  expect(await silent).toMatchObject({ status: 6, stdout: expect.stringMatching(/chat\/r0 +ready\?/), stderr: noAnswer });
  child.kill('SIGCONT');

  expect(await rig.run('wait', 'all', '--for', 'ready', '--timeout', '20s')).toMatchObject({ status: 0 });
  const after = await replicas();
  expect(after.map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid));
  expect(after.map(({ restarts_total: restarts }) => restarts)).toEqual([0, 0, 0]);
  const misses = (await rig.run('events', '--json')).stdout.split('\n').filter((line) => line.includes('"replica.unhealthy"'));
  expect(misses.length).toBe(1);
});
