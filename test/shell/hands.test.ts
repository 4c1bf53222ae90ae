/** The core and the real hands together, on real processes: the main job without the command line. */

import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { isAlive, readStat } from '../../src/host/proc.js';
import { makeProcesses } from '../../src/shell/processes.js';
import { quick, supervise, told } from './supervise.js';

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

const run = (port: number, ...more: string[]) => [process.execPath, '-e', engine, String(port), ...more];

it('brings an engine to ready, back after kill -9 with a new pid, and leaves nothing behind', async () => {
  const { runtime, files, broken, unasked, end } = supervise(quick(), (port) => run(port));
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
  expect(unasked).toEqual([]);
  expect(runtime.state().pools.get('chat')?.replicas[0]).toMatchObject({ restartCount: 1, crashCount: 1 });

  const seat = readStat(again.pid ?? 0);
  await end();
  expect(seat !== null && isAlive(seat)).toBe(false);
  expect([existsSync(files.pid), existsSync(files.handoff), broken]).toEqual([false, false, []]);
  // It was told to end: why it did is no question.
  expect(unasked).toEqual([again.pid]);
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
