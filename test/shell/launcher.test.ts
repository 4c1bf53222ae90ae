import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { ExitEvidence } from '../../src/core/facts.js';
import { findProgram } from '../../src/host/programs.js';
import { lookUpUser, readOurselves } from '../../src/host/users.js';
import { launchChain } from '../../src/shell/launch-chain.js';
import { type LaunchOrder, launchEngine } from '../../src/shell/launcher.js';
import { loopTurns } from '../../src/shell/loop-turns.js';
import { standingFiles } from '../../src/shell/standing-files.js';
import { killGroup, scratchDir, until } from '../host/scratch.js';
import { bundle } from '../rig/bundle.js';
import { exitOf, unmade } from '../rig/facts.js';

const isolate = { noNewPrivs: true, dropCapabilities: true, dieWithSupervisor: false };
const isRoot = process.getuid?.() === 0;

async function order(argv: readonly string[], more: Partial<LaunchOrder> = {}): Promise<LaunchOrder> {
  const dir = await scratchDir();
  return {
    key: 'chat/r0',
    incarnation: 3,
    chain: [],
    argv,
    env: { PATH: process.env.PATH ?? '' },
    cwd: dir,
    logPath: join(dir, 'logs', 'chat', 'r0.log'),
    logs: { maxSizeBytes: 50 * 2 ** 20, keep: 5 },
    pidFile: join(dir, 'run', 'chat.r0.pid'),
    ...more,
  };
}

async function chainOf(user: string | null = null): Promise<readonly string[]> {
  const chain = launchChain(
    { isolate, user: user === null ? null : await lookUpUser(user) },
    await readOurselves(),
    await findProgram('setpriv', process.env.PATH, '/'),
  );
  if (!chain.ok) throw new Error(chain.error);
  return chain.value;
}

/** Launches, and answers what became of it; the process is killed at the test's end. */
async function launch(of: LaunchOrder): Promise<{
  readonly made: Awaited<ReturnType<typeof launchEngine>>;
  readonly exit: Promise<ExitEvidence>;
  /** What could not be kept, or could (null). */
  readonly stored: readonly (readonly [string, string | null])[];
}> {
  const stored: (readonly [string, string | null])[] = [];
  let tell: (exit: ExitEvidence) => void = () => undefined;
  const exit = new Promise<ExitEvidence>((resolve) => {
    tell = resolve;
  });
  const made = await launchEngine(
    of,
    {
      files: standingFiles((_, error) => expect(error).toBeNull()),
      inTurn: loopTurns(),
      wallMs: () => Date.UTC(2026, 0, 2, 3, 4, 5),
      onStorage: (...told) => stored.push(told),
    },
    (evidence) => tell(evidence),
  );
  if (made.ok) onTestFinished(() => killGroup(made.value.pid));
  return { made, exit, stored };
}

async function running(of: LaunchOrder): Promise<{ readonly pid: number; readonly exit: Promise<ExitEvidence> }> {
  const { made, exit } = await launch(of);
  if (!made.ok) throw new Error(made.error.spawnError?.text);
  await until(() => readFileSync(of.logPath, 'utf8').includes('up\n'));
  return { pid: made.value.pid, exit };
}

test('the log begins with the incarnation, then the words of the engine, both streams; each launch appends', async () => {
  const of = await order(['/bin/sh', '-c', 'echo out; echo err >&2; exit 7']);
  const first = await launch(of);
  expect(await first.exit).toEqual(exitOf({ code: 7, lastLines: ['out', 'err'] }));
  const text = await readFile(of.logPath, 'utf8');
  expect(text).toBe('--- poolctl: chat/r0 incarnation 3 2026-01-02T03:04:05.000Z\nout\nerr\n');
  const second = await launch({ ...of, incarnation: 4, argv: ['/bin/sh', '-c', 'echo later'] });
  expect(second.made).toMatchObject({ ok: true, value: { logOffset: text.length } });
  expect((await second.exit).lastLines).toEqual(['later']);
  expect(await readFile(of.logPath, 'utf8')).toBe(`${text}--- poolctl: chat/r0 incarnation 4 2026-01-02T03:04:05.000Z\nlater\n`);
});

test('log and pid file are for us alone; the pid file is there when the launch is told, and gone with the process', async () => {
  const of = await order(['/bin/sh', '-c', 'echo up; exec sleep 600']);
  const { pid, exit } = await running(of);
  expect(await readFile(of.pidFile, 'utf8')).toBe(`${pid}\n`);
  for (const [path, mode] of [
    [of.logPath, 0o600],
    [join(of.logPath, '..'), 0o700],
    [of.pidFile, 0o600],
    [join(of.pidFile, '..'), 0o700],
  ] as const) {
    expect((await stat(path)).mode & 0o777).toBe(mode);
  }
  process.kill(pid, 'SIGKILL');
  expect(await exit).toMatchObject({ code: null, signal: 'SIGKILL' });
  await expect(stat(of.pidFile)).rejects.toThrow('ENOENT');
});

test('a process of its own session and group, with nothing open but /dev/null and its log, whatever we were started with', async () => {
  const dir = await scratchDir();
  const script = await programIn(
    dir,
    `import { closeInheritedDescriptors } from '${src('host/descriptors.ts')}';
import { launchEngine } from '${src('shell/launcher.ts')}';
import { loopTurns } from '${src('shell/loop-turns.ts')}';
import { standingFiles } from '${src('shell/standing-files.ts')}';
const [chain, dir] = [JSON.parse(process.argv[2]), process.argv[3]];
const closed = closeInheritedDescriptors();
const order = { key: 'chat/r0', incarnation: 1, chain, argv: ['/bin/sh', '-c', 'echo up; exec sleep 600'], env: {}, cwd: '/', logPath: dir + '/r0.log', logs: { maxSizeBytes: 1e9, keep: 5 }, pidFile: dir + '/r0.pid' };
const made = await launchEngine(order, { files: standingFiles((_, error) => error && console.error(error)), inTurn: loopTurns(), wallMs: () => 0, onStorage: () => {} }, () => {});
process.stdout.write(JSON.stringify({ closed, self: process.pid, ...made.value }));
process.exit();`,
  );
  const stray = openSync('/etc/passwd', 'r');
  onTestFinished(() => closeSync(stray));
  const stdio: ('ignore' | 'pipe' | 'inherit' | number)[] = [
    'ignore',
    'pipe',
    'inherit',
    ...Array<'ignore'>(60).fill('ignore'),
    stray,
  ];
  const { stdout } = spawnSync(process.execPath, [script, JSON.stringify(await chainOf()), dir], { stdio, encoding: 'utf8' });
  const { closed, self, pid } = JSON.parse(stdout) as { closed: number[]; self: number; pid: number };
  onTestFinished(() => killGroup(pid));
  expect(closed).toContain(63);
  const log = join(dir, 'r0.log');
  await until(() => readFileSync(log, 'utf8').includes('up\n'));
  expect(readdirSync(`/proc/${pid}/fd`).map((fd) => [fd, readlinkSync(`/proc/${pid}/fd/${fd}`)])).toEqual([
    ['0', '/dev/null'],
    ['1', log],
    ['2', log],
  ]);
  const flags = Number.parseInt(/flags:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/fdinfo/1`, 'utf8'))?.[1] ?? '0', 8);
  expect(flags & 0o2000).toBe(0o2000);
  const [, , group, session] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  expect([group, session]).toEqual([String(pid), String(pid)]);
  expect(self).not.toBe(pid);
});

test('no new privileges, no capabilities, umask 077, first in line for the OOM killer; ours are as before', async () => {
  const before = { umask: process.umask(), score: readFileSync('/proc/self/oom_score_adj', 'utf8') };
  const { pid } = await running(await order(['/bin/sh', '-c', 'echo up; exec sleep 600'], { chain: await chainOf() }));
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  expect(status).toMatch(/^NoNewPrivs:\t1$/m);
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) expect(status).toMatch(new RegExp(`^${set}:\\t0{16}$`, 'm'));
  if ((await readOurselves()).canDropBounds) expect(status).toMatch(/^CapBnd:\t0{16}$/m);
  expect(status).toMatch(/^Umask:\t0077$/m);
  expect(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8')).toBe('300\n');
  expect({ umask: process.umask(), score: readFileSync('/proc/self/oom_score_adj', 'utf8') }).toEqual(before);
});

test('what is isolated needs setpriv, and what is not needs nothing', async () => {
  const us = { uid: 0, gids: [0], capable: true, canDropBounds: true };
  const none = { noNewPrivs: false, dropCapabilities: false, dieWithSupervisor: false };
  const user = { name: 'llm', uid: 7, gid: 8, gids: [8, 44] };
  expect(launchChain({ isolate: none, user: null }, us, null)).toEqual({ ok: true, value: [] });
  expect(
    launchChain({ isolate: { ...none, dropCapabilities: true }, user: null }, { ...us, uid: 1000, capable: false }, null),
  ).toEqual({ ok: true, value: [] });
  expect(launchChain({ isolate, user: null }, us, null)).toEqual({
    ok: false,
    error: expect.stringContaining('isolate.no_new_privs'),
  });
  expect(launchChain({ isolate: none, user }, us, null)).toEqual({ ok: false, error: expect.stringContaining('user: llm') });
  expect(launchChain({ isolate, user }, { ...us, canDropBounds: false }, '/sp')).toEqual({
    ok: true,
    value: [
      '/sp',
      '--no-new-privs',
      '--inh-caps=-all',
      '--ambient-caps=-all',
      '--reuid',
      '7',
      '--regid',
      '8',
      '--groups',
      '8,44',
      '--',
    ],
  });
  expect(launchChain({ isolate: { ...none, dieWithSupervisor: true }, user: null }, us, '/sp')).toEqual({
    ok: true,
    value: ['/sp', '--pdeathsig', 'KILL', '--'],
  });
});

test.runIf(isRoot)('another user, with its groups, writing to a log that it could not open', async () => {
  const of = await order(['/bin/sh', '-c', 'id -u; id -G; echo up; exec sleep 600'], {
    chain: await chainOf('nobody'),
    cwd: '/',
  });
  const { pid } = await running(of);
  const id = (flag: string): string => execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' });
  expect(await readFile(of.logPath, 'utf8')).toContain(`\n${id('-u')}${id('-G')}up\n`);
  expect((await stat(`/proc/${pid}`)).uid).toBe(Number(id('-u')));
});

test('arguments and environment arrive as they are', async () => {
  const odd = ['', ' a  b ', '$HOME', '"\'\\', 'ä\n', '--', '-x=1'];
  const of = await order(
    [process.execPath, '-e', 'console.log(JSON.stringify([process.argv.slice(1), process.env]))', '--', ...odd],
    {
      chain: await chainOf(),
      env: { 'ODD.name-%%': '1', EMPTY: '', POOLCTL_INSTANCE: 'i' },
    },
  );
  const { exit } = await launch(of);
  expect((await exit).code).toBe(0);
  const said = (await readFile(of.logPath, 'utf8')).split('\n')[1] ?? '';
  expect(JSON.parse(said)).toEqual([odd, of.env]);
});

test('an exit is told when the process ends, not when its output does', async () => {
  const of = await order(['/bin/sh', '-c', 'sleep 600 & echo $!; exit 7']);
  const { exit } = await launch(of);
  const { code, lastLines } = await exit;
  expect(code).toBe(7);
  expect(process.kill(Number(lastLines[0]), 0)).toBe(true);
});

test('an exit right after the launch is not lost: the listener is there before the first await', async () => {
  const exits = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const { exit } = await launch(await order(['/bin/true']));
      return (await exit).code;
    }),
  );
  expect(exits).toEqual(Array(40).fill(0));
});

const spawnErrors: readonly [string, (dir: string) => Partial<LaunchOrder>, string, string][] = [
  [
    'a missing program',
    () => ({ argv: ['/nope/engine'] }),
    'ENOENT',
    'cannot start "/nope/engine": there is no such file or directory',
  ],
  ['one that is not executable', (dir) => ({ argv: [join(dir, 'file')] }), 'EACCES', 'no permission'],
  ['a directory as the program', (dir) => ({ argv: [dir] }), 'EACCES', 'no permission'],
  ['a missing working directory', (dir) => ({ cwd: join(dir, 'gone') }), 'ENOENT', 'cannot start in the directory "'],
  ['a file as the working directory', (dir) => ({ cwd: join(dir, 'file') }), 'ENOTDIR', 'cannot start in the directory "'],
  ['too many arguments', () => ({ argv: ['/bin/true', ...Array(40).fill('x'.repeat(100_000))] }), 'E2BIG', 'too long together'],
];

test.each(spawnErrors)('never begun, and why: %s', async (_, more, errno, text) => {
  const of = await order(['/bin/true']);
  await writeFile(join(of.cwd, 'file'), '', { mode: 0o644 });
  const { made } = await launch({ ...of, ...more(of.cwd) });
  expect(made).toEqual({
    ok: false,
    error: unmade(errno, expect.stringContaining(text)),
  });
  await expect(stat(of.pidFile)).rejects.toThrow('ENOENT');
});

test('an engine whose log cannot be opened runs without one, and that is told until it has one again', async () => {
  const of = await order(['/bin/sh', '-c', 'echo said; exit 3']);
  const logPath = join(of.cwd, 'file', 'r0.log');
  await writeFile(join(of.cwd, 'file'), '');
  const first = await launch({ ...of, logPath });
  expect((await first.exit).code).toBe(3);
  expect((await first.exit).lastLines).toEqual([]);
  expect(first.stored).toEqual([
    [logPath, expect.stringMatching(/^cannot write the log ".*": ENOTDIR.*; its engine runs without one$/)],
  ]);
  await rm(join(of.cwd, 'file'));
  const second = await launch({ ...of, logPath });
  expect((await second.exit).lastLines).toEqual(['said']);
  expect(second.stored).toEqual([[logPath, null]]);
});

test('the limits of the process itself are told apart: too many files, too many processes', async () => {
  const dir = await scratchDir();
  const script = await programIn(
    dir,
    `import { openSync } from 'node:fs';
import { launchEngine } from '${src('shell/launcher.ts')}';
import { loopTurns } from '${src('shell/loop-turns.ts')}';
import { standingFiles } from '${src('shell/standing-files.ts')}';
const [dir, what] = process.argv.slice(2);
const world = { files: standingFiles((_, error) => error && console.error(error)), inTurn: loopTurns(), wallMs: () => 0, onStorage: () => {} };
const order = (n) => ({ key: 'chat/r0', incarnation: n, chain: [], argv: ['/bin/sleep', '600'], env: {}, cwd: '/', logPath: dir + '/' + n + '.log', logs: { maxSizeBytes: 1e9, keep: 5 }, pidFile: dir + '/' + n + '.pid' });
const pids = [];
let failed = null;
try { while (what === 'files') openSync('/dev/null'); } catch {}
for (let n = 1; n <= 60 && failed === null; n++) {
  const made = await launchEngine(order(n), world, () => {});
  if (made.ok) pids.push(made.value.pid); else failed = made.error.spawnError;
}
for (const pid of pids) process.kill(-pid, 'SIGKILL');
process.stdout.write(JSON.stringify(failed));`,
  );
  await chmod(dir, 0o777);
  const limited = (limit: string, what: string, as: readonly string[]): unknown => {
    const [program = '', ...args] = [...as, 'prlimit', limit, '--', process.execPath, script, dir, what];
    return JSON.parse(execFileSync(program, args, { encoding: 'utf8', cwd: '/' }));
  };
  expect(limited('--nofile=40:40', 'files', ['env'])).toEqual({
    errno: 'EMFILE',
    text: expect.stringContaining('too many open files'),
  });
  const asOther = isRoot ? ['setpriv', '--reuid', '54321', '--regid', '54321', '--clear-groups', '--'] : ['env'];
  const most = (isRoot ? 0 : ownThreads()) + 25;
  expect(limited(`--nproc=${most}:${most}`, 'processes', asOther)).toEqual({
    errno: 'EAGAIN',
    text: expect.stringContaining('too many processes'),
  });
});

function src(path: string): string {
  return fileURLToPath(new URL(`../../src/${path}`, import.meta.url));
}

/** Readable by any user that a test becomes. */
async function programIn(dir: string, contents: string): Promise<string> {
  const outfile = await bundle(contents, join(dir, 'program.mjs'));
  await chmod(outfile, 0o644);
  return outfile;
}

/** The limit of processes counts the threads of all processes of a user. */
function ownThreads(): number {
  const owned = readdirSync('/proc').filter(
    (name) => /^\d+$/.test(name) && statSync(`/proc/${name}`, { throwIfNoEntry: false })?.uid === process.getuid?.(),
  );
  return owned.reduce((sum, name) => sum + (existsSync(`/proc/${name}/task`) ? readdirSync(`/proc/${name}/task`).length : 0), 0);
}
