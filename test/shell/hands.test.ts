/** The core and the real hands together, on real processes: the main job without the command line. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Event } from '../../src/core/messages.js';
import type { PoolSpec } from '../../src/core/model.js';
import { supervisorPaths } from '../../src/host/paths.js';
import { isAlive, readStat } from '../../src/host/proc.js';
import { watchExits } from '../../src/shell/adoption.js';
import { systemClock } from '../../src/shell/clock.js';
import { makeHands, type Preflight } from '../../src/shell/hands.js';
import { makeListeners } from '../../src/shell/listener.js';
import { makePerform } from '../../src/shell/perform.js';
import { makePidFiles } from '../../src/shell/pid-files.js';
import { makeProcesses } from '../../src/shell/processes.js';
import { makeRuntime, type Runtime } from '../../src/shell/runtime.js';
import { begun, inventoryOf, poolSpec, supervisorSpec } from '../rig/specs.js';

/** Loads for a moment (503), then serves; says what it is told to when it dies. */
const engine = `
const http = require('node:http');
let loading = true;
setTimeout(() => { loading = false; }, 100);
http.createServer((request, response) => {
  response.statusCode = loading ? 503 : 200;
  response.end();
}).listen(Number(process.argv[1]), '127.0.0.1');
console.error('engine says hello');
if (process.argv[2] === 'deaf') process.on('SIGTERM', () => {});
`;

let dir: string;
const ends: (() => Promise<void>)[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'poolctl-hands-'));
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  rmSync(dir, { recursive: true, force: true });
});

function supervise(spec: PoolSpec, argvOf: (port: number) => readonly string[]) {
  const paths = supervisorPaths({ stateDir: dir }, {}, { cwd: dir, home: dir });
  const clock = systemClock();
  const processes = makeProcesses(process.pid);
  const broken: string[] = [];
  const preflight: Preflight = async (launch) => ({
    obstacles: [],
    startupDeadlineMs: 20_000,
    portKnownFree: true,
    prepared: {
      chain: [],
      argv: argvOf(launch.port),
      env: { PATH: process.env.PATH ?? '', POOLCTL_INSTANCE: launch.instance },
      cwd: dir,
      modelPath: null,
      shownArgs: [],
    },
  });
  let endWith: (exit: number) => void = () => {};
  const ended = new Promise<number>((resolve) => {
    endWith = resolve;
  });
  const hands = makeHands({
    paths,
    clock,
    processes,
    listeners: makeListeners(processes),
    pidFiles: makePidFiles((text) => broken.push(text)),
    exits: watchExits(),
    preflight,
    record: async () => {},
    onStorage: (_, error) => void (error === null || broken.push(error)),
    end: (exit) => endWith(exit),
  });
  const restored = begun({
    inventory: { ...inventoryOf(spec), supervisor: { ...supervisorSpec, ports: { from: 28_100, to: 28_999 } } },
    now: clock.now(),
  });
  const runtime = makeRuntime(restored, clock, makePerform(hands));
  const end = async (): Promise<void> => {
    runtime.give({ type: 'shutdown-requested', because: 'the test ends', kill: true, exit: 0, correlationId: null });
    await ended;
  };
  ends.push(end);
  return {
    runtime,
    broken,
    end,
    files: { pid: join(dir, 'run/chat.r0.pid'), handoff: join(dir, 'handoff/chat.r0.json'), log: join(dir, 'logs/chat/r0.log') },
  };
}

const told = (runtime: Runtime, name: Event['event']) =>
  new Promise<Event>((resolve) => {
    const stop = runtime.onEvent((event) => {
      if (event.event !== name) return;
      stop();
      resolve(event);
    });
  });

const quick = (more: Partial<PoolSpec> = {}): PoolSpec => {
  const { health, restart } = poolSpec('chat', 1);
  return poolSpec('chat', 1, {
    health: { ...health, startupIntervalMs: 20, intervalMs: 50 },
    restart: { ...restart, backoff: { ...restart.backoff, initialMs: 20, minMs: 0 } },
    ...more,
  });
};
const run = (port: number, ...more: string[]) => [process.execPath, '-e', engine, String(port), ...more];

it('brings an engine to ready, back after kill -9 with a new pid, and leaves nothing behind', async () => {
  const { runtime, files, broken, end } = supervise(quick(), (port) => run(port));
  const first = told(runtime, 'replica.ready');
  runtime.give({ type: 'woke' });
  const { pid = 0, url } = await first;
  expect(readFileSync(files.pid, 'utf8')).toBe(`${pid}\n`);
  expect(JSON.parse(readFileSync(files.handoff, 'utf8'))).toMatchObject({ pool_id: 'chat', replica_id: 'r0', pid, url });
  expect(readFileSync(files.log, 'utf8')).toMatch(/^--- poolctl: chat\/r0 incarnation 1 .*\nengine says hello\n/);

  const crashed = told(runtime, 'replica.crashed').then((event) => ({ ...event, handoff: existsSync(files.handoff) }));
  const second = told(runtime, 'replica.ready');
  process.kill(pid, 'SIGKILL');
  expect(await crashed).toMatchObject({ signal: 'SIGKILL', exit_code: null, handoff: false, last_lines: ['engine says hello'] });
  const again = await second;
  expect(again.pid).not.toBe(pid);
  expect(runtime.state().pools.get('chat')?.replicas[0]).toMatchObject({ restartCount: 1, crashCount: 1 });

  const seat = readStat(again.pid ?? 0);
  await end();
  expect(seat !== null && isAlive(seat)).toBe(false);
  expect([existsSync(files.pid), existsSync(files.handoff), broken]).toEqual([false, false, []]);
});

it('kills what does not hear SIGTERM, and then says stopped', async () => {
  const { runtime } = supervise(quick({ stop: { signal: 'SIGTERM', graceMs: 100 } }), (port) => run(port, 'deaf'));
  const ready = told(runtime, 'replica.ready');
  runtime.give({ type: 'woke' });
  const seat = readStat((await ready).pid ?? 0);
  const stopped = told(runtime, 'replica.stopped');
  runtime.give({ type: 'requested', verb: 'stop', poolId: 'chat', replicaId: null, correlationId: null });
  await stopped;
  expect(seat !== null && isAlive(seat)).toBe(false);
  expect(runtime.state().pools.get('chat')?.replicas[0]).toMatchObject({
    crashCount: 0,
    lastExit: { signal: 'SIGKILL', class: 'graceful' },
  });
});

it('finds and ends a member that outlives its leader, in the group or out of it', async () => {
  const forked = `(trap "" TERM; exec sleep 3210) & setsid sleep 3211 & exec "$0" "$@"`;
  const { runtime } = supervise(quick({ stop: { signal: 'SIGTERM', graceMs: 200 } }), (port) => [
    '/bin/sh',
    '-c',
    forked,
    ...run(port),
  ]);
  const ready = told(runtime, 'replica.ready');
  runtime.give({ type: 'woke' });
  const { pid = 0 } = await ready;
  const processes = makeProcesses(process.pid);
  const replica = runtime.state().pools.get('chat')?.replicas[0];
  if (replica?.life.state !== 'ready') throw new Error('not ready');
  const { startTicks, instance } = replica.life.engine.identity;
  const marks = { leader: { pid, startTicks }, watched: true, instance, logPath: null };
  expect((await processes.survivors(marks)).length).toBe(3);
  const stopped = told(runtime, 'replica.stopped');
  runtime.give({ type: 'requested', verb: 'stop', poolId: 'chat', replicaId: null, correlationId: null });
  await stopped;
  expect(await processes.survivors(marks)).toEqual([]);
});

it('fails a program that is not there at once, with the reason', async () => {
  const { runtime } = supervise(quick(), () => ['/no/such/engine']);
  const failed = told(runtime, 'replica.failed');
  runtime.give({ type: 'woke' });
  expect(await failed).toMatchObject({ level: 'error' });
  expect((await failed).last_error).toContain('cannot start "/no/such/engine": there is no such file or directory');
});
