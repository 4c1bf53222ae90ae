import { openSync } from 'node:fs';
import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type ProcessStat, sweepProcesses } from '../../src/host/proc.js';
import { type EngineMarks, findTrees, workersUnder } from '../../src/host/tree.js';
import { hasBecomeAnother, killGroup, type Running, runScript, scratchDir, until } from './scratch.js';

const nowhere = '/nowhere/r0.log';

async function pidsOf(marks: EngineMarks): Promise<readonly number[]> {
  const [tree = []] = await findTrees([marks], await sweepProcesses(), process.pid);
  return tree.map(({ pid }) => pid);
}

function marks({ pid, startTicks }: Pick<Running, 'pid' | 'startTicks'>, more: Partial<EngineMarks> = {}): EngineMarks {
  return { leader: { pid, startTicks }, watched: true, instance: 'none', logPath: nowhere, ...more };
}

/** The child that a script reports as "child N ready". */
function childOf({ output }: Running): number {
  return Number(/child (\d+)/.exec(output())?.[1]);
}

test('the group, and a descendant that has left it', async () => {
  const running = await runScript('sleep 600 & setsid sh -c "echo child \\$\\$ ready; exec sleep 601 >/dev/null" & wait');
  const child = childOf(running);
  await until(() => hasBecomeAnother(child));
  const found = await pidsOf(marks(running));
  expect(found).toHaveLength(3);
  expect(found).toContain(running.pid);
  expect(found).toContain(child);
  killGroup(child);
});

test('a grandchild with a session of its own, after its parent has gone, by the instance', async () => {
  const running = await runScript('setsid sh -c "echo child \\$\\$ ready; exec sleep 600 >/dev/null 2>&1" & wait', {
    env: { POOLCTL_INSTANCE: 'i-setsid' },
  });
  const child = childOf(running);
  await until(() => hasBecomeAnother(child));
  killGroup(running.pid);
  await until(async () => !(await pidsOf(marks(running, { instance: 'i-setsid' }))).includes(running.pid));
  expect(await pidsOf(marks(running, { instance: 'i-setsid' }))).toEqual([child]);
  expect(await pidsOf(marks(running, { instance: 'i-other' }))).toEqual([]);
  killGroup(child);
});

test('one with a wiped environment, by the log that it still writes to: under its name, renamed, through a symlink, deleted', async () => {
  const dir = await scratchDir();
  const log = join(dir, 'r0.log');
  const running = await runScript('env -i setsid sleep 600 & exit 0', { log: openSync(log, 'a') });
  const found = await until(async () => {
    const pids = await pidsOf({ leader: null, watched: false, instance: 'i', logPath: log });
    return pids.length === 1 && !pids.includes(running.pid) && pids;
  });
  await rename(log, `${log}.1`);
  expect(await pidsOf({ leader: null, watched: false, instance: 'i', logPath: log })).toEqual(found);
  await symlink(dir, `${dir}-link`);
  expect(await pidsOf({ leader: null, watched: false, instance: 'i', logPath: join(`${dir}-link`, 'r0.log') })).toEqual(found);
  expect(await pidsOf({ leader: null, watched: false, instance: 'i', logPath: join(dir, 'r1.log') })).toEqual([]);
  expect(await pidsOf({ leader: null, watched: false, instance: 'i', logPath: null })).toEqual([]);
  await rename(`${dir}-link`, join(dir, 'link'));
  for (const pid of found) killGroup(pid);
});

test('a number that belongs to somebody else by now leads nobody', async () => {
  const running = await runScript('sleep 600 & echo ready; wait');
  expect(await pidsOf(marks({ pid: running.pid, startTicks: running.startTicks - 1 }))).toEqual([]);
});

test('a group without its leader counts while it was watched, or when a member is known, and else not', async () => {
  const running = await runScript('sleep 600 >/dev/null 2>&1 & echo child $! ready', {
    env: { POOLCTL_INSTANCE: 'i-orphan' },
  });
  const child = childOf(running);
  await until(() => hasBecomeAnother(child));
  await until(async () => !(await sweepProcesses()).has(running.pid));
  expect(await pidsOf(marks(running))).toEqual([child]);
  expect(await pidsOf(marks(running, { watched: false }))).toEqual([]);
  expect(await pidsOf(marks(running, { watched: false, instance: 'i-orphan' }))).toEqual([child]);
  killGroup(running.pid);
});

test('nobody who started before the time that is given', async () => {
  const running = await runScript('echo ready; exec sleep 600', { env: { POOLCTL_INSTANCE: 'i-since' } });
  const by = (since: number): EngineMarks => ({ leader: null, watched: false, instance: 'i-since', logPath: null, since });
  expect(await pidsOf(by(running.startTicks))).toEqual([running.pid]);
  expect(await pidsOf(by(running.startTicks + 1))).toEqual([]);
});

test('never the supervisor itself, its ancestors, or the dead', async () => {
  const process1: ProcessStat = { pid: 50, comm: 'up', state: 'S', ppid: 40, pgrp: 40, session: 40, startTicks: 10 };
  const sweep = new Map([
    [40, { ...process1, pid: 40, ppid: 1 }],
    [50, process1],
    [60, { ...process1, pid: 60, ppid: 50, state: 'Z' }],
    [70, { ...process1, pid: 70, ppid: 50 }],
  ]);
  const [tree = []] = await findTrees(
    [{ leader: { pid: 40, startTicks: 10 }, watched: true, instance: 'none', logPath: null }],
    sweep,
    50,
  );
  expect(tree.map(({ pid }) => pid)).toEqual([70]);
});

test('who works below a directory, also where that is deleted, and nobody else', async () => {
  const dir = await scratchDir();
  const work = join(dir, 'work');
  await mkdir(join(work, 'chat', 'r0'), { recursive: true });
  const there = `cd ${work}/chat/r0; echo ready; exec sleep 600`;
  const engine = await runScript(there);
  await runScript('cd /; echo ready; exec sleep 600');
  const found = async () =>
    [...(await workersUnder(work, await sweepProcesses()))].map(([path, tree]) => [path, tree.map(({ pid }) => pid)]);
  expect(await found()).toEqual([[join(work, 'chat', 'r0'), [engine.pid]]]);
  expect(await workersUnder(join(dir, 'wor'), await sweepProcesses())).toEqual(new Map());
  await rm(join(work, 'chat'), { recursive: true });
  expect(await found()).toEqual([[join(work, 'chat', 'r0'), [engine.pid]]]);
});
