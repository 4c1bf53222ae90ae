import { execFile } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { isAlive, readStat, ticksSinceBoot } from '../../src/host/proc.js';
import { makeProcesses, marksOf, signalGroup, signalProcess } from '../../src/shell/processes.js';
import { killGroup, type Running, runScript, scratchDir, until } from '../host/scratch.js';
import { identityOf } from '../rig/facts.js';

const execFileAsync = promisify(execFile);
const nowhere = '/nowhere/r0.log';
const seatOf = ({ pid, startTicks }: Running, instance = 'i') => identityOf(pid, instance, { startTicks });

function exitOf({ child }: Running): Promise<{ readonly code: number | null; readonly signal: string | null }> {
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
}

test('a group member that ignores TERM outlives its leader, is seen, and is killed', async () => {
  const processes = makeProcesses(process.pid);
  const running = await runScript('trap "exit 0" TERM; (trap "" TERM; echo ready; sleep 600) & wait');
  const marks = marksOf(seatOf(running), nowhere);
  const exit = exitOf(running);
  expect(signalGroup(seatOf(running), 'SIGTERM')).toBe('sent');
  expect(await exit).toEqual({ code: 0, signal: null });
  expect(processes.isEmpty(seatOf(running))).toBe(false);
  expect((await processes.survivors(marks)).length).toBeGreaterThan(0);
  await processes.killTree(marks);
  await until(async () => (await processes.survivors(marks)).length === 0);
});

test('a tree with strays of every kind is killed at one stroke: by descent, by instance, by log', async () => {
  const processes = makeProcesses(process.pid);
  const logPath = join(await scratchDir(), 'r0.log');
  const running = await runScript(
    'setsid sleep 600 & (setsid sleep 601 & exit 0); (env -i setsid sleep 602 & exit 0); sleep 603 & wait',
    { env: { POOLCTL_INSTANCE: 'i-strays' }, log: openSync(logPath, 'a') },
  );
  const marks = marksOf(seatOf(running, 'i-strays'), logPath);
  const tree = await until(async () => {
    const found = await processes.survivors(marks);
    return found.filter(({ comm }) => comm === 'sleep').length === 4 && found;
  });
  expect(await processes.killTree(marks)).toHaveLength(3);
  await until(() => tree.every((each) => !isAlive(each)));
  expect(await processes.survivors(marks)).toEqual([]);
  expect(await processes.killSurvivors(marks)).toEqual([]);
});

test('beside a successor that writes to the same log, what began before it is a stray: by its instance, or by the log where the environment was wiped', async () => {
  const processes = makeProcesses(process.pid);
  const logPath = join(await scratchDir(), 'r0.log');
  const dead = await runScript('setsid sleep 600 & env -i setsid sleep 601 & sleep 602 & wait', {
    env: { POOLCTL_INSTANCE: 'i-1' },
    log: openSync(logPath, 'a'),
  });
  const all = await until(async () => {
    const found = await processes.survivors(marksOf(seatOf(dead, 'i-1'), logPath));
    return found.filter(({ comm }) => comm === 'sleep').length === 3 && found;
  });
  // Whoever began in the very tick in which it ends cannot be told from a successor.
  const bornBy = ticksSinceBoot();
  await until(() => ticksSinceBoot() > bornBy);
  process.kill(dead.pid, 'SIGKILL');
  const endedTicks = ticksSinceBoot();
  await until(() => ticksSinceBoot() > endedTicks);
  const successor = await runScript('exec sleep 602', { env: { POOLCTL_INSTANCE: 'i-2' }, log: openSync(logPath, 'a') });
  await until(() => !isAlive(dead));
  const killed = await processes.killSurvivors(marksOf(seatOf(dead, 'i-1'), logPath, { strays: { endedTicks } }));
  expect(killed).toEqual(all.filter(({ comm }) => comm === 'sleep').map(({ pid }) => pid));
  expect(isAlive(successor)).toBe(true);
});

test('what a living leader forked while its tree was looked at goes too: its descendants are followed down', async () => {
  const script = fileURLToPath(new URL('../../dist/helpers/tree-kill.js', import.meta.url));
  const asked: number[] = [];
  const processes = makeProcesses(process.pid, async (pid) => {
    asked.push(pid);
    await execFileAsync(process.execPath, [script, String(pid)]);
  });
  const logPath = join(await scratchDir(), 'r0.log');
  const leader = await runScript('setsid sh -c "sleep 600; exit" & wait', { log: openSync(logPath, 'a') });
  const marks = marksOf(seatOf(leader), logPath);
  const tree = await until(async () => {
    const found = await processes.survivors(marks);
    return found.some(({ comm }) => comm === 'sleep') && found;
  });
  expect(await processes.killTree(marks)).toHaveLength(2);
  expect(asked).toEqual([leader.pid]);
  await until(() => tree.every((each) => !isAlive(each)));
  // Without strays nobody is asked: the group's own signal is enough, and is there at once.
  const plain = await runScript('echo ready; sleep 600');
  await processes.killTree(marksOf(seatOf(plain), `${logPath}-none`));
  expect(asked).toHaveLength(1);
});

test('a stopped group gets its TERM only with the CONT after it', async () => {
  // No shell that forks: stopped inside a vfork its parent would be in state D, not T.
  const polite = 'process.on("SIGTERM", () => process.exit(5)); console.log("ready"); setInterval(() => {}, 1000)';
  const running = await runScript(`exec "${process.execPath}" -e '${polite}'`);
  process.kill(-running.pid, 'SIGSTOP');
  await until(() => readStat(running.pid)?.state === 'T');
  const exit = exitOf(running);
  signalGroup(seatOf(running), 'SIGTERM', { andContinue: true });
  expect(await exit).toEqual({ code: 5, signal: null });
});

test('a number with another start time is never signalled', async () => {
  const stranger = await runScript('echo ready; exec sleep 600');
  const wrong = identityOf(stranger.pid, 'i', { startTicks: stranger.startTicks - 1 });
  expect(signalGroup(wrong, 'SIGKILL')).toBe('gone');
  expect(makeProcesses(process.pid).isEmpty(wrong)).toBe(true);
  const stat = readStat(stranger.pid);
  if (stat === null) throw new Error('the stranger is gone');
  expect(signalProcess({ ...stat, startTicks: stat.startTicks + 1 }, 'SIGKILL')).toBe('gone');
  await makeProcesses(process.pid).killTree(marksOf(wrong, nowhere));
  expect(isAlive(stranger)).toBe(true);
});

test('an empty group is empty at once, and signals to it find nobody', async () => {
  const processes = makeProcesses(process.pid);
  const running = await runScript('echo ready; exec sleep 600');
  expect(processes.isEmpty(seatOf(running))).toBe(false);
  const exit = exitOf(running);
  killGroup(running.pid);
  await exit;
  expect(processes.isEmpty(seatOf(running))).toBe(true);
  expect(signalGroup(seatOf(running), 'SIGTERM')).toBe('gone');
});

test('those who ask in one turn share one walk, and each gets its own tree', async () => {
  const processes = makeProcesses(process.pid);
  const [a, b] = await Promise.all(
    ['i-a', 'i-b'].map((instance) => runScript('echo ready; exec sleep 600', { env: { POOLCTL_INSTANCE: instance } })),
  );
  if (a === undefined || b === undefined) throw new Error('not started');
  const walks = [processes.sweep(), processes.sweep()];
  expect(await walks[0]).toBe(await walks[1]);
  const trees = await Promise.all(
    [marksOf(seatOf(a, 'i-a'), nowhere), marksOf(seatOf(b, 'i-b'), nowhere)].map((marks) => processes.survivors(marks)),
  );
  expect(trees.map((tree) => tree.map(({ pid }) => pid))).toEqual([[a.pid], [b.pid]]);
});
