import { expect, it, onTestFinished } from 'vitest';
import { memoryReader, residentBytes } from '../../src/host/memory.js';
import { readStat, sweepProcesses } from '../../src/host/proc.js';
import { runScript, until } from './scratch.js';

/** Holds 64 MiB, and says so. */
const hog = `"${process.execPath}" -e 'globalThis.kept = Buffer.alloc(64 * 2 ** 20, 1); setInterval(() => {}, 1e6)'`;
const mebibyte = 2 ** 20;

const bytesOf = async (...pids: number[]) => residentBytes(pids, await sweepProcesses());

it('an engine has the memory of its whole tree: its children, and those that have left its group', async () => {
  const alone = await runScript('echo ready; exec sleep 600');
  const parent = await runScript(`${hog} & setsid ${hog} & echo stray $! ready; wait`);
  const stray = Number(/stray (\d+)/.exec(parent.output())?.[1]);
  onTestFinished(() => void process.kill(stray, 'SIGKILL'));
  const own = (await bytesOf(alone.pid)).get(alone.pid) ?? 0;
  expect(own).toBeGreaterThan(0);
  expect(own).toBeLessThan(20 * mebibyte);
  // It makes a session of its own, and stays a child: the shell's own number is not its group's.
  await until(async () => (readStat(stray)?.session === stray ? true : null));
  const both = await until(async () => {
    const bytes = (await bytesOf(parent.pid)).get(parent.pid) ?? 0;
    return bytes > 128 * mebibyte ? bytes : null;
  });
  expect(both).toBeLessThan(600 * mebibyte);
});

it('who is of the group counts also when its parent has gone', async () => {
  const { pid } = await runScript(`(${hog} &) ; echo ready; exec sleep 600`);
  await until(async () => (((await bytesOf(pid)).get(pid) ?? 0) > 64 * mebibyte ? true : null));
});

it('each has its own, and who is gone has none', async () => {
  const [one, other] = await Promise.all([runScript('echo ready; exec sleep 600'), runScript('echo ready; exec sleep 600')]);
  process.kill(other.pid, 'SIGKILL');
  await until(async () => ((await bytesOf(other.pid)).size === 0 ? true : null));
  expect([...(await bytesOf(one.pid, other.pid)).keys()]).toEqual([one.pid]);
});

it('the machine has more memory than it can give', async () => {
  const { totalBytes, availableBytes, residentBytes: resident } = await memoryReader(sweepProcesses)([process.pid]);
  expect(totalBytes).toBeGreaterThan(availableBytes ?? Number.POSITIVE_INFINITY);
  expect(availableBytes).toBeGreaterThan(0);
  expect(resident.size).toBe(0);
});

it('a look that fails costs the engines alone', async () => {
  const read = memoryReader(() => Promise.reject(new Error('EMFILE')));
  expect(await read([process.pid])).toMatchObject({ residentBytes: new Map(), totalBytes: expect.any(Number) });
});
