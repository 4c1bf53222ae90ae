/** Engines and starters that misbehave as they have elsewhere, under a real supervisor. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Json, Rig } from '../rig/poolctl.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.end());

/** One pool `chat` of one command, with the program in `engine.mjs`. */
function engine(program: string, command = '[node, engine.mjs, "${PORT}"]', more = ''): void {
  writeFileSync(join(rig.dir, 'engine.mjs'), program);
  rig.inventory(`version: 1
supervisor: { ports: 30820-30829 }
defaults: { restart: { backoff: { initial: 50ms, min: 50ms, jitter: 0 } }, health: { startup_interval: 50ms } }
pools:
  chat: { engine: command, command: ${command}, device_masks: [cpu], workdir: ., ${more} }
`);
}
const server = `import { createServer } from 'node:http';
import { spawn } from 'node:child_process';
createServer((_, response) => response.end('ok')).listen(Number(process.argv[2]), '127.0.0.1');
`;
const replica = async (): Promise<Json> => (await rig.json('status')).pools[0].replicas[0];
async function until(look: (replica: Json) => boolean): Promise<Json> {
  for (;;) {
    const seen = await replica();
    if (look(seen)) return seen;
    await sleep(20);
  }
}
const ready = (): Promise<Json> => until(({ state }) => state === 'ready');
/** The engines' processes: all of the rig's but its supervisor and those that only ask it. */
const engines = (): readonly string[] =>
  rig.processes().flatMap((pid) => {
    const line = commandOf(pid);
    return line.includes(rig.program) || line === '' ? [] : [line];
  });
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

it('a stop while an engine warms up, before it heeds signals, takes the workers along that it has forked', async () => {
  engine(
    `import { spawn } from 'node:child_process';
for (const detached of [false, true, true]) spawn('sleep', ['77777'], { stdio: 'ignore', detached });
setInterval(() => {}, 1000);`,
  );
  await rig.up();
  await until(({ state }) => state === 'starting');
  while (engines().filter((line) => line === 'sleep 77777').length < 3) await sleep(20);
  const stopped = await rig.run('stop', 'chat');
  expect(stopped.status, stopped.stderr).toBe(0);
  expect(engines()).toEqual([]);
  expect(await replica()).toMatchObject({ state: 'stopped', crashes_total: 0 });
});

it('a restart through a chain of wrappers ends the server at its end, and the next one gets the port', async () => {
  // Neither shell becomes its child, as scripts of package managers do.
  engine(server, `[sh, -c, 'sh -c "node engine.mjs \${PORT}; true"; true']`);
  await rig.up();
  const before = await ready();
  expect(engines()).toHaveLength(3);
  for (const how of [
    ['restart', 'chat'],
    ['restart', 'chat', '--now'],
  ]) {
    const restarted = await rig.run(...how);
    expect(restarted.status, restarted.stderr).toBe(0);
    expect(engines()).toHaveLength(3);
  }
  expect((await replica()).port).toBe(before.port);
  expect(readFileSync(join(rig.state, 'logs', 'chat', 'r0.log'), 'utf8')).not.toContain('EADDRINUSE');
  expect((await rig.run('stop', 'chat')).status).toBe(0);
  expect(engines()).toEqual([]);
});

it('a log that is deleted in the middle of a flood holds up nobody; that it is lost is told, until the next launch', async () => {
  engine(`${server}setInterval(() => process.stdout.write(('x'.repeat(99) + '\\n').repeat(200)), 1);`);
  await rig.up();
  const before = await ready();
  const log = join(rig.state, 'logs', 'chat', 'r0.log');
  rmSync(log);
  const unsaved = async (): Promise<Json> => (await rig.json('status')).supervisor.unsaved;
  while ((await unsaved()).length === 0) await sleep(50);
  expect(await unsaved()).toEqual([{ what: log, reason: expect.stringContaining('was taken away') }]);
  await until(({ last_heartbeat_ms }) => last_heartbeat_ms > before.last_heartbeat_ms);
  expect(await replica()).toMatchObject({ state: 'ready', pid: before.pid });
  process.kill(before.pid, 'SIGKILL');
  await until(({ state, incarnation }) => state === 'ready' && incarnation === 2);
  expect([existsSync(log), await unsaved()]).toEqual([true, []]);
  expect((await rig.run('drain', 'chat')).status).toBe(0);
});

/** `up` of this line, by a shell in a group of its own. */
function started(file: string, ...args: readonly string[]): ChildProcess {
  const env = { ...rig.env, SHELL: '/bin/sh', NODE: process.execPath, PROGRAM: rig.program };
  return spawn(file, args, { cwd: rig.dir, env, stdio: ['ignore', 'pipe', 'ignore'], detached: true });
}

it('a terminal that is closed ends the supervisor that began on it, with its engines, in order', async () => {
  engine(server);
  const terminal = started('script', '-qefc', 'exec "$NODE" "$PROGRAM" up', '/dev/null');
  while ((await rig.run('wait', 'chat', '--for', 'ready', '--timeout', '20s')).status !== 0) await sleep(50);
  process.kill(terminal.pid ?? 0, 'SIGKILL');
  while (rig.processes().length > 0) await sleep(20);
  const { stdout } = await rig.run('events');
  expect(stdout).toMatch(/chat\/r0 stopped[\s\S]*poolctl stopped/);
  expect(JSON.parse(readFileSync(join(rig.state, 'state.json'), 'utf8'))).toMatchObject({ ended: 'clean' });
});

it('a reader who goes after the first line (up 2>&1 | head -1) ends no supervisor', async () => {
  engine(server);
  const shell = started('sh', '-c', '"$NODE" "$PROGRAM" up --log-level debug 2>&1 | head -1');
  const closed = once(shell, 'close');
  const [line] = (await once(shell.stdout ?? shell, 'data')) as [Buffer];
  expect(line.toString()).toContain('supervisor.started');
  while ((await rig.run('wait', 'chat', '--for', 'ready', '--timeout', '20s')).status !== 0) await sleep(50);
  const before = await replica();
  process.kill(before.pid, 'SIGKILL');
  await until(({ state, incarnation }) => state === 'ready' && incarnation === 2);
  expect((await rig.run('down')).status).toBe(0);
  await closed;
});
