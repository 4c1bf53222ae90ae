/** `poolctl doctor` on machines that are well, and on those that are not. What this machine itself is like is no matter here. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Check } from '../../src/checkup/check.js';
import { fakeNvidiaSmi } from '../rig/fake-nvidia-smi.js';
import { Rig } from '../rig/poolctl.js';
import { fakeLlamaServer } from '../rig/programs.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.end());

async function checks(...args: string[]): Promise<Readonly<Record<string, Check>>> {
  const { stdout, status, stderr } = await rig.run('doctor', '--json', ...args);
  expect(stderr).toBe('');
  const found = (JSON.parse(stdout) as { readonly checks: readonly Check[] }).checks;
  expect(status).toBe(found.every(({ ok }) => ok) ? 0 : 3);
  for (const each of found) expect(Object.keys(each)).toEqual(['name', 'ok', 'detail', 'hint']);
  return Object.fromEntries(found.map((each) => [each.name, each]));
}

/** Of this rig's own directory. Others on this machine may have left theirs. */
const ours = /chat\/r\d: pid/;

const demo = 'version: 1\nsupervisor: { ports: 30710-30719 }\npools:\n  chat: { engine: demo, device_masks: [cpu, cpu] }\n';

it('works with nothing there, and with a supervisor that runs', async () => {
  expect(await checks()).toMatchObject({
    supervisor: { ok: true, hint: 'poolctl up' },
    'state-dir': { ok: true, detail: `${rig.state}, which poolctl up will make` },
    socket: { ok: true },
    inventory: { ok: true, hint: 'poolctl init' },
    containment: { detail: expect.stringMatching(/^(group|cgroup): /) },
    disk: { detail: expect.stringContaining(rig.dir) },
  });
  rig.inventory(demo);
  const { child } = await rig.up();
  await rig.run('wait', 'all', '--for', 'ready', '--timeout', '30s');
  expect(await checks()).toMatchObject({
    supervisor: { ok: true, detail: expect.stringContaining(`pid ${child.pid}, version `) },
    socket: { ok: true, detail: join(rig.state, 'poolctl.sock') },
    leftovers: { detail: expect.not.stringMatching(ours) },
    inventory: { ok: true, detail: 'pools.yaml, 1 pool' },
    ports: { ok: true, detail: '8 of 30710-30719 are free, and 0 replicas that do not run need one' },
    engines: { ok: true, detail: 'the demo engine, which comes with poolctl' },
  });
  const { stdout, stderr } = await rig.run('doctor');
  expect(stdout).toMatch(/^CHECK +OK +DETAIL\ndriver +yes +/);
  expect(stderr).toMatch(/(all \d+ checks are well|\d+ of \d+ checks are not well)\n$/);
});

it('finds engines whose supervisor was killed, and who has the ports', async () => {
  rig.inventory(demo);
  const { child, ended } = await rig.up();
  await rig.run('wait', 'all', '--for', 'ready', '--timeout', '30s');
  const pids = (await rig.json('status')).pools[0].replicas.map(({ pid }: { pid: number }) => pid);
  child.kill('SIGKILL');
  await ended;
  expect(await checks()).toMatchObject({
    supervisor: { ok: true },
    leftovers: {
      ok: false,
      detail: expect.stringContaining(`run without a supervisor: chat/r0: pid ${pids[0]}; chat/r1: pid ${pids[1]}`),
      hint: expect.stringMatching(/^poolctl up takes them over/),
    },
  });
  // Another directory is somebody else's matter, and is told all the same.
  expect((await checks('--state-dir', join(rig.dir, 'other'))).leftovers?.detail).toMatch(
    /^run without a supervisor: \S+ of \/\S+: pid \d+/,
  );
});

it('tells who holds a port, what is not there, and what others may use', async () => {
  const stranger = createServer().listen(0, '127.0.0.1');
  await once(stranger, 'listening');
  const { port } = stranger.address() as { readonly port: number };
  const bin = join(rig.dir, 'bin');
  fakeLlamaServer(bin);
  const { env } = await fakeNvidiaSmi(
    join(rig.dir, 'gpus'),
    { fail: { code: 9, text: 'Failed to initialize NVML: Driver/library version mismatch' } },
    `${bin}:${rig.env.PATH}`,
  );
  Object.assign(rig.env, env);
  rig.inventory(`version: 1
pools:
  held: { engine: demo, device_masks: [cpu], port: ${port} }
  llama: { model: m.gguf, device_masks: [cpu], args: [--mlock] }
  nowhere: { engine: command, command: [/nowhere/engine, "\${PORT}"], device_masks: [cpu] }
`);
  mkdirSync(rig.state);
  chmodSync(rig.state, 0o755);
  writeFileSync(join(rig.state, 'poolctl.sock'), 'no socket');
  expect(await checks()).toMatchObject({
    driver: { ok: false, detail: expect.stringContaining('nvidia-smi') },
    'state-dir': { ok: false, hint: `chmod 700 ${rig.state}` },
    socket: { ok: false, detail: expect.stringContaining('is no socket') },
    ports: { ok: false, detail: `${port} of held/r0: held by pid ${process.pid} (node)` },
    engines: { ok: false, detail: '/nowhere/engine (nowhere): there is no such file' },
  });
  rig.inventory('version: 1\npools:\n  llama: { model: m.gguf, device_masks: [cpu] }\n');
  expect((await checks()).engines).toMatchObject({ ok: true, detail: 'llama-server b6710-c392e509 (llama)' });
  rig.inventory('version: 2\n');
  expect((await checks()).inventory).toMatchObject({ ok: false, hint: 'poolctl check' });
  expect((await checks('--file', 'nowhere.yaml')).inventory).toMatchObject({ ok: false });
  expect((await checks('--socket', `/${'x'.repeat(120)}`)).socket).toMatchObject({
    ok: false,
    detail: expect.stringContaining('at most 107'),
  });
  stranger.close();
});

it('tells of a supervisor that does not answer', async () => {
  rig.inventory(demo);
  const { child } = await rig.up();
  child.kill('SIGSTOP');
  const found = await checks();
  child.kill('SIGCONT');
  expect(found.supervisor).toMatchObject({
    ok: false,
    detail: expect.stringContaining(`pid ${child.pid} has the state directory, and does not answer`),
  });
  expect(found.leftovers?.detail).not.toMatch(ours);
});

it('counts only what carries an instance as an engine', async () => {
  const innocent = spawn('sleep', ['600'], { env: { ...rig.env, POOLCTL_INSTANCE: 'x' }, stdio: 'ignore' });
  await once(innocent, 'spawn');
  expect((await checks()).leftovers?.detail).not.toContain(String(innocent.pid));
  innocent.kill();
});
