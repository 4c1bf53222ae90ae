import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import {
  bootId,
  bytesRead,
  describeProcess,
  descriptorTarget,
  environValue,
  isAlive,
  memoryAvailableBytes,
  parseStat,
  readStat,
  sweepProcesses,
} from '../../src/host/proc.js';
import fc from '../rig/chance.js';
import { runScript, until } from './scratch.js';

test('a stat line is read whatever the name of the program holds', () => {
  const fields = fc.record({
    comm: fc.string({ maxLength: 15 }),
    state: fc.constantFrom('R', 'S', 'D', 'Z', 'T', 'X'),
    ppid: fc.nat(),
    pgrp: fc.nat(),
    session: fc.nat(),
    start: fc.nat(),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4_194_304 }), fields, (pid, { comm, state, ppid, pgrp, session, start }) => {
      const text = `${pid} (${comm}) ${state} ${ppid} ${pgrp} ${session} 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 ${start} 100 200\n`;
      expect(parseStat(text)).toEqual({ pid, comm, state, ppid, pgrp, session, startTicks: start });
    }),
  );
});

test.each(['', 'x', '1 (a', '1 (a) S', 'a (b) S 1 1 1'])('%j is no stat line', (text) => {
  expect(parseStat(text)).toBeNull();
});

test('a process is itself by number and start time', async () => {
  const { pid, startTicks } = await runScript('echo ready; exec sleep 600');
  expect(isAlive({ pid, startTicks })).toBe(true);
  expect(isAlive({ pid, startTicks: startTicks + 1 })).toBe(false);
  expect(readStat(pid)).toMatchObject({ pgrp: pid, session: pid, ppid: process.pid });
});

test('a zombie is dead, although a signal still reaches its number', async () => {
  // exec: the parent becomes a sleep, which never asks for its child; a shell may, so the child ends only then.
  const { pid } = await runScript(
    'sh -c \'until [ "$(cat /proc/$PPID/comm)" = sleep ]; do :; done\' & echo ready; exec sleep 600',
  );
  const zombie = await until(async () =>
    [...(await sweepProcesses()).values()].find(({ ppid, state }) => ppid === pid && state === 'Z'),
  );
  expect(process.kill(zombie.pid, 0)).toBe(true);
  expect(isAlive(zombie)).toBe(false);
});

test('the sweep holds the living', async () => {
  const { pid } = await runScript('echo ready; exec sleep 600');
  const sweep = await sweepProcesses();
  expect(sweep.get(pid)?.comm).toBe('sleep');
  expect(sweep.get(process.pid)?.pid).toBe(process.pid);
});

test('a variable of another process, the last of the same beginning too', async () => {
  const { pid } = await runScript('echo ready; exec sleep 600', {
    env: { POOLCTL_INSTANCE_X: 'wrong', POOLCTL_INSTANCE: 'i-7=8' },
  });
  expect(await environValue(pid, 'POOLCTL_INSTANCE')).toBe('i-7=8');
  expect(await environValue(pid, 'POOLCTL')).toBeNull();
});

test('processes that are gone answer with nothing', async () => {
  const child = spawn('true');
  await new Promise((resolve) => child.once('exit', resolve));
  const pid = child.pid ?? 0;
  expect(readStat(pid)).toBeNull();
  expect(await environValue(pid, 'PATH')).toBeNull();
  expect(descriptorTarget(pid, 1)).toBeNull();
  expect(await bytesRead(pid)).toBeNull();
  expect(describeProcess(pid)).toBe(`pid ${pid}`);
});

test('people are told the number and the name', async () => {
  const { pid } = await runScript('echo ready; exec sleep 600');
  expect(describeProcess(pid)).toBe(`pid ${pid} (sleep)`);
  expect(describeProcess(process.pid)).toMatch(/^pid \d+ \(node/);
});

test('the machine tells its boot and its memory', async () => {
  expect(await bootId()).toMatch(/^[0-9a-f-]{36}$/);
  expect(await memoryAvailableBytes()).toBeGreaterThan(1024 * 1024);
  expect(await bytesRead(process.pid)).toBeGreaterThan(0);
});
