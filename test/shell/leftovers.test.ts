import { openSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isAlive } from '../../src/host/proc.js';
import type { EngineMarks } from '../../src/host/tree.js';
import { type Leftover, type LeftoversWorld, stopLeftovers } from '../../src/shell/leftovers.js';
import { makeProcesses } from '../../src/shell/processes.js';
import { type Running, runScript, scratchDir, until } from '../host/scratch.js';
import { identityOf } from '../rig/facts.js';

const world: LeftoversWorld = { processes: makeProcesses(process.pid), now: () => performance.now() };

function record(running: Running | null, more: Partial<Leftover> = {}): Leftover {
  const identity = running === null ? null : identityOf(running.pid, 'none', { startTicks: running.startTicks });
  return {
    key: 'chat/r0',
    incarnation: 1,
    instance: 'none',
    identity,
    startedAt: { at: 0, wallMs: 0 },
    devices: [],
    port: 0,
    entry: '',
    logPath: '/nowhere/r0.log',
    stop: { signal: 'SIGTERM', graceMs: 5000 },
    ...more,
  };
}

test('an engine by its number and start time: TERM, and gone', async () => {
  const running = await runScript('trap "exit 4" TERM; echo ready; while :; do sleep 0.01; done');
  const exit = new Promise((resolve) => running.child.once('exit', resolve));
  expect(await stopLeftovers([record(running)], world)).toEqual({
    stopped: [{ key: 'chat/r0', pids: expect.arrayContaining([running.pid]) }],
    stuck: [],
  });
  expect(await exit).toBe(4);
});

test('one that ignores TERM is killed after its grace, its own signal first, and a stopped one too', async () => {
  const running = await runScript('trap "" TERM; trap "trap - INT" INT; echo ready; while :; do sleep 0.01; done');
  process.kill(-running.pid, 'SIGSTOP');
  const exit = new Promise((resolve) => running.child.once('exit', (_, signal) => resolve(signal)));
  const { stopped } = await stopLeftovers([record(running, { stop: { signal: 'SIGINT', graceMs: 50 } })], world);
  expect(stopped).toHaveLength(1);
  expect(await exit).toBe('SIGKILL');
});

test('an intent without a number, found by instance or by log', async () => {
  const byInstance = await runScript('echo ready; exec sleep 600', { env: { POOLCTL_INSTANCE: 'i-intent' } });
  const logPath = join(await scratchDir(), 'r1.log');
  const byLog = await runScript('exec sleep 600', { log: openSync(logPath, 'a') });
  const both = [record(null, { instance: 'i-intent' }), record(null, { key: 'chat/r1', logPath })];
  await until(
    async () => (await world.processes.survivors({ leader: null, watched: false, instance: 'none', logPath })).length === 1,
  );
  expect(await stopLeftovers(both, world)).toEqual({
    stopped: [
      { key: 'chat/r0', pids: [byInstance.pid] },
      { key: 'chat/r1', pids: [byLog.pid] },
    ],
    stuck: [],
  });
});

test('a stranger under a recorded number is left alone', async () => {
  const stranger = await runScript('echo ready; exec sleep 600', { env: { POOLCTL_INSTANCE: 'i-stranger' } });
  const identity = identityOf(stranger.pid, 'none', { startTicks: stranger.startTicks + 1 });
  expect(await stopLeftovers([record(stranger, { identity })], world)).toEqual({ stopped: [], stuck: [] });
  expect(isAlive(stranger)).toBe(true);
});

test('who would not die is told as stuck, with who is left', async () => {
  const running = await runScript('echo ready; exec sleep 600');
  const [stat] = await world.processes.survivors({ leader: running, watched: true, instance: 'none', logPath: null });
  if (stat === undefined) throw new Error('not found');
  // The seam to the kernel: a process that hangs in a driver cannot be made, one that is seen again and again can.
  const immortal = { survivors: (_: EngineMarks) => Promise.resolve([stat]) };
  const ended = await stopLeftovers([record(running, { stop: { signal: 'SIGTERM', graceMs: 0 } })], {
    ...world,
    processes: immortal,
    killWaitMs: 20,
  });
  expect(ended).toEqual({ stopped: [], stuck: [{ key: 'chat/r0', pids: [running.pid] }] });
});
