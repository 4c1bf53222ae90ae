/** The kernel's files as a test writes them: its counters, a control group of an engine's own, and records of its log. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { watchKernel } from '../../src/host/kernel.js';
import { descendantsOf } from '../../src/host/kernel-evidence.js';
import { openKernelLog } from '../../src/host/kernel-log.js';
import { makePulse } from '../../src/host/pulse.js';
import { scratchDir } from './scratch.js';

const killed = { code: null, signal: 'SIGKILL', devices: [] };

/** `seen`: the first sample has been taken. */
async function machine(
  files: Readonly<Record<string, string>> = {},
  journal: (() => Promise<string | null>) | null = null,
  namespace = 'pid:[4026532000]',
) {
  const dir = await scratchDir();
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  };
  write('proc/vmstat', vmstat(3));
  write('proc/self/cgroup', '0::/user.slice\n');
  for (const [name, text] of Object.entries(files)) write(name, text);
  mkdirSync(join(dir, 'proc/self/ns'));
  symlinkSync(namespace, join(dir, 'proc/self/ns/pid'));
  let shiftMs = 0;
  const now = (): number => performance.now() + shiftMs;
  const log = openKernelLog({ path: join(dir, 'kmsg'), journal, now });
  const heard: string[] = [];
  const kernel = watchKernel({ proc: join(dir, 'proc'), cgroups: join(dir, 'cgroup'), log }, now, makePulse(5_000), ({ text }) =>
    heard.push(text),
  );
  onTestFinished(() => kernel.close());
  const seen = async (...pids: readonly number[]): Promise<void> => {
    for (const pid of pids) kernel.watch(pid, null);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  };
  const later = (ms: number): void => {
    shiftMs += ms;
  };
  return {
    dir,
    kernel,
    heard,
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
  expect(await kernel.evidence({ pid: 814, code: 1, signal: null, devices: [] })).toEqual([]);
  expect(await kernel.evidence({ pid: 814, code: null, signal: 'SIGTERM', devices: [] })).toEqual([]);
  later(10_001);
  expect(await kernel.evidence({ ...killed, pid: 815 })).toEqual([]);
});

test.each([
  ['names another one: it was not the kernel', 'pid:[4026531836]', 4, []],
  ['names another one, and one of two is not accounted for', 'pid:[4026531836]', 5, [{ source: 'machine' }]],
  ["names another one, by a pid that is none of this container's", 'pid:[4026532000]', 4, [{ source: 'machine' }]],
])('an engine that was killed when the kernel killed somebody, and the log %s', async (_, namespace, kills, expected) => {
  const { kernel, write, seen, record } = await machine({ kmsg: '' }, null, namespace);
  await seen(812, 813);
  write('proc/vmstat', vmstat(kills));
  record(killLine(4711));
  expect(await kernel.evidence({ ...killed, pid: 812 })).toMatchObject(expected);
  expect(await kernel.evidence({ ...killed, code: 137, signal: null, pid: 813 })).toMatchObject([{ source: 'machine' }]);
});

const events = (kills: number, limited = kills): string => `low 0\noom ${limited}\noom_kill ${kills}\noom_group_kill 0\n`;

test.each([
  ['unified', '0::/user.slice/engine.scope\n', '0::/user.slice\n', 'cgroup/user.slice/engine.scope/memory.events'],
  ['older', '4:cpu,memory:/engine\n0::/\n', '4:cpu,memory:/\n0::/\n', 'cgroup/memory/engine/memory.oom_control'],
])('the counter of a control group of its own, in the %s hierarchy', async (_, own, ours, file) => {
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

test('in a leaf there is nobody but the engine: the kill of a worker is its end too, and who had no memory left is told apart', async () => {
  const { dir, kernel, write } = await machine({ 'proc/812/cgroup': '0::/unit\n', 'proc/self/cgroup': '0::/unit\n' });
  const leaf = (name: string): string => {
    write(`${name}/memory.events`, events(1));
    return join(dir, name);
  };
  const rose = 'oom_kill of its control group rose from 1 to 2';
  const ended = { code: 1, signal: null, devices: [] };
  kernel.watch(812, leaf('a'));
  kernel.watch(813, leaf('b'));
  kernel.watch(814, leaf('c'));
  write('a/memory.events', events(2, 1));
  write('b/memory.events', events(2, 2));
  expect(await kernel.evidence({ ...ended, pid: 812 })).toEqual([{ kind: 'oom', source: 'kernel', text: rose }]);
  expect(await kernel.evidence({ ...ended, pid: 813 })).toEqual([{ kind: 'oom', source: 'cgroup', text: rose }]);
  expect(await kernel.evidence({ ...ended, pid: 814 })).toEqual([]);
});

test('a leaf that counts no memory leaves it to the other sources', async () => {
  const file = 'cgroup/memory/engine/memory.oom_control';
  const { dir, kernel, write, seen } = await machine({
    'proc/812/cgroup': '4:memory:/engine\n0::/leaf\n',
    [file]: 'oom_kill_disable 0\nunder_oom 0\noom_kill 0\n',
  });
  kernel.watch(812, join(dir, 'leaf'));
  await seen();
  write(file, 'oom_kill 1\n');
  expect(await kernel.evidence({ ...killed, pid: 812 })).toMatchObject([{ source: 'cgroup' }]);
});

test("the kernel's log names the process, but not in what was there before", async () => {
  const { kernel, write, seen, record, later } = await machine({ kmsg: `6,1,5,-;${killLine(812)}\n` });
  await seen(812, 813);
  record(killLine(813));
  write('proc/vmstat', vmstat(4));
  expect(await kernel.evidence({ ...killed, pid: 813 })).toMatchObject([
    { source: 'kernel', text: killLine(813) },
    { source: 'machine' },
  ]);
  expect(await kernel.evidence({ ...killed, pid: 812 })).toMatchObject([{ source: 'machine' }]);
  later(10_001);
  await seen(814);
  expect(await kernel.evidence({ ...killed, pid: 813, devices: [null] })).toEqual([]);
});

test("an Xid is evidence for an engine with a GPU, unless it is another's", async () => {
  const { kernel, seen, record } = await machine({ kmsg: '', 'proc/900/stat': '' });
  await seen(812);
  const crashed = { pid: 812, code: 1, signal: null, devices: [null] };
  record("NVRM: Xid (PCI:0000:65:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.");
  record('NVRM: Xid (PCI:0000:65:00): 31, pid=812, name=python, Ch 00000008');
  record('NVRM: Xid (PCI:0000:65:00): 43, pid=777, name=python, Ch 00000008');
  record('NVRM: Xid (PCI:0000:66:00): 13, pid=900, name=other, Graphics Exception');
  const found = await kernel.evidence(crashed);
  expect(found.map((each) => each.kind === 'xid' && each.xid)).toEqual([79, 31, 43]);
  expect(await kernel.evidence({ ...crashed, devices: [] })).toEqual([]);
});

test.each([
  [['0000:65:00'], [79, 31, 13]],
  [['0000:66:00'], [94, 31, 13]],
  [
    ['0000:66:00', '0000:65:00'],
    [79, 94, 31, 13],
  ],
  [['0000:68:00'], [31, 13]],
  [
    ['0000:68:00', null],
    [79, 94, 31, 13],
  ],
])("an Xid of another device is another's, unless it names a process of this one: with %j, %j", async (devices, xids) => {
  const { kernel, seen, record } = await machine({ kmsg: '', 'proc/812/task/812/children': '820 ' });
  await seen(812);
  record("NVRM: Xid (PCI:0000:65:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.");
  record('NVRM: Xid (PCI:0000:66:00 GPU-I:05): 94, pid=777, name=python, Contained');
  record('NVRM: Xid (PCI:0000:67:00): 31, pid=820, name=python, Ch 00000008');
  record('NVRM: Xid (PCI:0000:67:00): 13, pid=812, name=python, Graphics Exception');
  const found = await kernel.evidence({ pid: 812, code: 1, signal: null, devices });
  expect(found.map((each) => each.kind === 'xid' && each.xid)).toEqual(xids);
});

test('the kill of a worker is why its engine died, however that ended; the kill of a stranger is not', async () => {
  const { kernel, write, seen, record } = await machine({
    kmsg: '',
    'proc/812/task/812/children': '820 821 ',
    'proc/821/task/821/children': '822 ',
    'proc/813/task/813/children': '823 ',
  });
  await seen(812, 813, 814);
  record(killLine(822));
  write('proc/vmstat', vmstat(4));
  const failed = { code: 1, signal: null, devices: [] };
  expect(await kernel.evidence({ ...failed, pid: 812 })).toEqual([{ kind: 'oom', source: 'kernel', text: killLine(822) }]);
  expect(await kernel.evidence({ ...failed, pid: 813 })).toEqual([]);
  expect(await kernel.evidence({ ...failed, pid: 814 })).toEqual([]);
});

test('a counter is found however much stands before it', async () => {
  const { kernel, write, seen } = await machine();
  const others = 'numa_hit 123456\n'.repeat(1_000);
  write('proc/vmstat', others + vmstat(3));
  await seen(812);
  write('proc/vmstat', others + vmstat(4));
  expect(await kernel.evidence({ ...killed, pid: 812 })).toMatchObject([
    { source: 'machine', text: expect.stringContaining('from 3 to 4') },
  ]);
});

test('of many engines some are looked at each time, and all in turn', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const pids = Array.from({ length: 25 }, (_, n) => 1_001 + n);
  const { kernel, write, seen, record } = await machine({ kmsg: '', 'proc/1025/task/1025/children': '2025 ' });
  await seen(...pids);
  vi.advanceTimersByTime(20_000);
  record(killLine(2_025));
  write('proc/vmstat', vmstat(4));
  const failed = { code: 1, signal: null, devices: [] };
  expect(await kernel.evidence({ ...failed, pid: 1_025 })).toMatchObject([{ source: 'kernel' }]);
  expect(await kernel.evidence({ ...failed, pid: 1_001 })).toEqual([]);
});

test('descendants are a bounded number, also where the kernel tells of a ring of them', async () => {
  const children = Array.from({ length: 500 }, (_, n) => 1_000 + n).join(' ');
  const { write, dir } = await machine({ 'proc/1000/task/1000/children': '812 ' });
  write('proc/812/task/812/children', children);
  expect(descendantsOf(812, join(dir, 'proc')).size).toBe(64);
  expect([...descendantsOf(1_000, join(dir, 'proc'))].slice(0, 3)).toEqual([812, 1_001, 1_002]);
  expect(descendantsOf(999, join(dir, 'proc')).size).toBe(0);
});

test('the descendants of a real process are found where the kernel lists them', async () => {
  const shell = spawn('sh', ['-c', 'sh -c "sleep 600 & echo \\$!; wait" & wait'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const { pid } = shell;
  if (pid === undefined) throw new Error('no shell');
  onTestFinished(() => void process.kill(-pid, 'SIGKILL'));
  const [said] = (await once(shell.stdout, 'data')) as [Buffer];
  const found = descendantsOf(pid, '/proc');
  expect(found).toContain(Number(said.toString()));
  expect(found.size).toBe(2);
});

test('each line of a GPU is told once, by a look or by the search for a cause, without any engine too', async () => {
  const { kernel, heard, seen, record } = await machine({ kmsg: '6,1,5,-;NVRM: Xid (PCI:0000:65:00): 62, pid=1\n' });
  await seen();
  const fault = 'NVRM: Xid (PCI:0000:65:00): 31, pid=812, name=python, Ch 00000008';
  const hang = 'amdgpu 0000:0a:00.0: amdgpu: GPU reset begin!';
  record(fault);
  record(killLine(812));
  record('usb 1-1: new high-speed USB device number 7');
  kernel.look();
  expect(heard).toEqual([fault]);
  record(hang);
  await seen(812);
  await kernel.evidence({ pid: 812, code: 1, signal: null, devices: [null] });
  kernel.look();
  expect(heard).toEqual([fault, hang]);
});

test('the journal is asked after an exit only, and what it repeats is told once', async () => {
  const fault = 'NVRM: Xid (PCI:0000:65:00): 31, pid=812, name=python, Ch 00000008';
  const reset = 'amdgpu 0000:0a:00.0: amdgpu: GPU reset(3) succeeded!';
  let answer = `${fault}\nsomething else`;
  const { kernel, heard, seen } = await machine({}, async () => answer);
  await seen(812, 813, 814);
  kernel.look();
  expect(heard).toEqual([]);
  const crashed = { code: 1, signal: null, devices: [null] };
  expect(await kernel.evidence({ ...crashed, pid: 812 })).toMatchObject([{ kind: 'xid', xid: 31 }]);
  answer = `${fault}\n${reset}`;
  expect(await kernel.evidence({ ...crashed, pid: 813 })).toMatchObject([{ kind: 'xid', xid: 31 }]);
  expect(heard).toEqual([fault, reset]);
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
  expect(await kernel.evidence({ ...killed, pid: 812 })).toMatchObject([{ source: 'kernel' }, { source: 'machine' }]);
  answer = null;
  expect(await kernel.evidence({ ...killed, pid: 813 })).toMatchObject([{ source: 'machine' }]);
  expect(await kernel.evidence({ ...killed, pid: 813 })).toMatchObject([{ source: 'machine' }]);
  expect(asked).toBe(2);
});
