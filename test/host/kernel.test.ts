/** The kernel's files as a test writes them: its counters, a control group of an engine's own, and records of its log. */

import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { watchKernel } from '../../src/host/kernel.js';
import { openKernelLog } from '../../src/host/kernel-log.js';
import { scratchDir } from './scratch.js';

const killed = { code: null, signal: 'SIGKILL', onDevices: false };

/** `seen`: the first sample has been taken. */
async function machine(files: Readonly<Record<string, string>> = {}, journal: (() => Promise<string | null>) | null = null) {
  const dir = await scratchDir();
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  };
  write('proc/vmstat', vmstat(3));
  write('proc/self/cgroup', '0::/user.slice\n');
  for (const [name, text] of Object.entries(files)) write(name, text);
  let shiftMs = 0;
  const now = (): number => performance.now() + shiftMs;
  const log = openKernelLog({ path: join(dir, 'kmsg'), journal, now });
  const kernel = watchKernel({ proc: join(dir, 'proc'), cgroups: join(dir, 'cgroup'), log }, now);
  onTestFinished(() => kernel.close());
  const seen = async (...pids: readonly number[]): Promise<void> => {
    for (const pid of pids) kernel.watch(pid);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  };
  const later = (ms: number): void => {
    shiftMs += ms;
  };
  return {
    kernel,
    write,
    seen,
    later,
    record: (text: string) => appendFileSync(join(dir, 'kmsg'), `6,1,5,-;${text}\n DEVICE=x\n`),
  };
}

const vmstat = (kills: number): string => `nr_free_pages 12\noom_kill ${kills}\noom_killer 9\n`;
const killLine = (pid: number): string => `Out of memory: Killed process ${pid} (llama-server) total-vm:8kB, anon-rss:4kB, UID:0`;

test("a rise of the machine's counter is evidence of a SIGKILL in the same ten seconds, and of nothing else", async () => {
  const { kernel, write, seen, later } = await machine();
  await seen(812, 813, 814, 815);
  expect(await kernel.evidence({ ...killed, pid: 812 })).toEqual([]);
  write('proc/vmstat', vmstat(4));
  expect(await kernel.evidence({ ...killed, pid: 813 })).toEqual([
    { kind: 'oom', source: 'machine', text: 'oom_kill of the machine rose from 3 to 4 within 10 s' },
  ]);
  expect(await kernel.evidence({ pid: 814, code: 1, signal: null, onDevices: false })).toEqual([]);
  expect(await kernel.evidence({ pid: 814, code: null, signal: 'SIGTERM', onDevices: false })).toEqual([]);
  later(10_001);
  expect(await kernel.evidence({ ...killed, pid: 815 })).toEqual([]);
});

test.each([
  ['unified', '0::/user.slice/engine.scope\n', '0::/user.slice\n', 'cgroup/user.slice/engine.scope/memory.events'],
  ['older', '4:cpu,memory:/engine\n0::/\n', '4:cpu,memory:/\n0::/\n', 'cgroup/memory/engine/memory.oom_control'],
])('the counter of a control group of its own, in the %s hierarchy', async (_, own, ours, file) => {
  const events = (kills: number): string => `low 0\noom 1\noom_kill ${kills}\n`;
  const { kernel, write, seen } = await machine({ 'proc/812/cgroup': own, 'proc/self/cgroup': ours, [file]: events(0) });
  await seen(812);
  write(file, events(1));
  expect(await kernel.evidence({ ...killed, pid: 812 })).toEqual([
    { kind: 'oom', source: 'cgroup', text: 'oom_kill of its control group rose from 0 to 1' },
  ]);
  write('proc/813/cgroup', ours);
  await seen(813);
  write(file, events(2));
  expect(await kernel.evidence({ ...killed, pid: 813 })).toEqual([]);
});

test("the kernel's log names the process, but not in what was there before", async () => {
  const { kernel, write, seen, record, later } = await machine({ kmsg: `6,1,5,-;${killLine(812)}\n` });
  await seen(812, 813);
  record(killLine(813));
  write('proc/vmstat', vmstat(4));
  expect(await kernel.evidence({ ...killed, pid: 813 })).toMatchObject([
    { source: 'kernel-log', text: killLine(813) },
    { source: 'machine' },
  ]);
  expect(await kernel.evidence({ ...killed, pid: 812 })).toMatchObject([{ source: 'machine' }]);
  later(10_001);
  await seen(814);
  expect(await kernel.evidence({ ...killed, pid: 813, onDevices: true })).toEqual([]);
});

test("an Xid is evidence for an engine with a GPU, unless it is another's", async () => {
  const { kernel, seen, record } = await machine({ kmsg: '', 'proc/900/stat': '' });
  await seen(812);
  const crashed = { pid: 812, code: 1, signal: null, onDevices: true };
  record("NVRM: Xid (PCI:0000:65:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.");
  record('NVRM: Xid (PCI:0000:65:00): 31, pid=812, name=python, Ch 00000008');
  record('NVRM: Xid (PCI:0000:65:00): 43, pid=777, name=python, Ch 00000008');
  record('NVRM: Xid (PCI:0000:66:00): 13, pid=900, name=other, Graphics Exception');
  const found = await kernel.evidence(crashed);
  expect(found.map((each) => each.kind === 'xid' && each.xid)).toEqual([79, 31, 43]);
  expect(await kernel.evidence({ ...crashed, onDevices: false })).toEqual([]);
});

test('a log that may not be read is asked of the journal, only after a kill, and never again once that tells nothing', async () => {
  let asked = 0;
  let answer: string | null = `${killLine(812)}\nsomething else`;
  const { kernel, write, seen } = await machine({}, async () => {
    asked += 1;
    return answer;
  });
  await seen(812, 813);
  expect(await kernel.evidence({ ...killed, pid: 812 })).toEqual([]);
  expect(asked).toBe(0);
  write('proc/vmstat', vmstat(4));
  expect(await kernel.evidence({ ...killed, pid: 812 })).toMatchObject([{ source: 'kernel-log' }, { source: 'machine' }]);
  answer = null;
  expect(await kernel.evidence({ ...killed, pid: 813 })).toMatchObject([{ source: 'machine' }]);
  expect(await kernel.evidence({ ...killed, pid: 813 })).toMatchObject([{ source: 'machine' }]);
  expect(asked).toBe(2);
});
