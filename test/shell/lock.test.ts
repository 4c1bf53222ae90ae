import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { clientSocket } from '../../src/host/paths.js';
import { findProgram } from '../../src/host/programs.js';
import { type LockWish, lockSupervisor, readHolder } from '../../src/shell/lock.js';
import { killGroup, scratchDir } from '../host/scratch.js';
import { bundle } from '../rig/bundle.js';

const uid = process.getuid?.() ?? 0;
const flock = await findProgram('flock', process.env.PATH, '/');
const outfile = fileURLToPath(new URL(`../../.tmp/lock-racer-${process.pid}.mjs`, import.meta.url));

beforeAll(async () => {
  const contents = `import { lockSupervisor } from '${fileURLToPath(new URL('../../src/shell/lock.ts', import.meta.url))}';
const wish = JSON.parse(process.argv[2]);
try {
  const lock = await lockSupervisor({ ...wish, pid: process.pid, startedAt: new Date() });
  process.stdout.write('locked\\n');
  process.stdin.resume().once('end', () => lock.release().then(() => process.exit()));
} catch (error) {
  process.stdout.write(JSON.stringify({ code: error.code, message: error.message, ...error.more }) + '\\n');
}`;
  await bundle(contents, outfile);
});
afterAll(() => rm(outfile, { force: true }));

async function wishFor(more: Partial<LockWish> = {}): Promise<LockWish> {
  const stateDir = await scratchDir();
  return {
    stateDir,
    lock: join(stateDir, 'supervisor.lock'),
    socket: join(stateDir, 'poolctl.sock'),
    pid: process.pid,
    uid,
    startedAt: new Date(0),
    flock,
    ...more,
  };
}

/** A supervisor of its own; answers its first line: "locked", or the error. It ends when its stdin does. */
async function racer(wish: LockWish): Promise<{ readonly child: ChildProcess; readonly said: string }> {
  const child = spawn(process.execPath, [outfile, JSON.stringify(wish)], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, said: chunk.toString().trim() };
}

test.each([
  ['by flock', flock],
  ['without flock, by a name in the kernel', null],
])('of five who start at once exactly one has it, and the others name it: %s', async (_, how) => {
  const wish = await wishFor({ flock: how });
  const racers = await Promise.all(Array.from({ length: 5 }, () => racer(wish)));
  const winners = racers.filter(({ said }) => said === 'locked');
  expect(winners).toHaveLength(1);
  for (const { said } of racers.filter(({ said }) => said !== 'locked')) {
    expect(JSON.parse(said)).toMatchObject({
      code: 'ALREADY_RUNNING',
      message: `cannot start a supervisor: pid ${winners[0]?.child.pid} already runs in "${wish.stateDir}"`,
      why: expect.stringContaining(wish.socket),
      extra: { pid: winners[0]?.child.pid, socket: wish.socket },
    });
  }
});

test.each([
  ['by flock', flock],
  ['by a name in the kernel', null],
])('a holder that is killed holds nothing any more, and the next starts at once: %s', async (_, how) => {
  const wish = await wishFor({ flock: how });
  const first = await racer(wish);
  expect(first.said).toBe('locked');
  const gone = once(first.child, 'exit');
  first.child.kill('SIGKILL');
  await gone;
  expect((await racer(wish)).said).toBe('locked');
});

test('children do not inherit the lock', async () => {
  const wish = await wishFor();
  const lock = await lockSupervisor(wish);
  const child = spawn('sleep', ['600'], { stdio: 'ignore', detached: true });
  onTestFinished(() => void child.kill('SIGKILL'));
  await lock.release();
  await (await lockSupervisor(wish)).release();
});

test('the lock names its holder; clients follow it; after a clean end it names nobody', async () => {
  const socket = join(await scratchDir(), 'elsewhere', 'p.sock');
  const wish = await wishFor({ socket });
  const lock = await lockSupervisor(wish);
  expect(await readHolder(wish.lock)).toEqual({
    pid: process.pid,
    startTicks: expect.any(Number),
    startedAt: '1970-01-01T00:00:00.000Z',
    socket,
  });
  expect((await stat(wish.lock)).mode & 0o777).toBe(0o600);
  const client = (): string => clientSocket({ stateDir: wish.stateDir }, {}, { cwd: '/', home: '/' });
  expect(client()).toBe(socket);
  await lock.release();
  expect([await readHolder(wish.lock), await readFile(wish.lock, 'utf8'), client()]).toEqual([
    null,
    '',
    join(wish.stateDir, 'poolctl.sock'),
  ]);
});

test('the name of a dead holder is nobody', async () => {
  const wish = await wishFor();
  await writeFile(wish.lock, JSON.stringify({ pid: process.pid, start_ticks: 1, started_at: 'then', socket: '/s' }));
  expect(await readHolder(wish.lock)).toBeNull();
  await (await lockSupervisor(wish)).release();
});

test('two state directories that mean one socket: the second is refused, and the first keeps it', async () => {
  const dir = await scratchDir();
  const socket = join(dir, 'p.sock');
  const first = await lockSupervisor(await wishFor({ socket }));
  const second = await wishFor({ socket });
  await expect(lockSupervisor(second)).rejects.toMatchObject({
    code: 'ALREADY_RUNNING',
    message: expect.stringContaining(`on "${socket}"`),
  });
  await first.release();
  const again = await lockSupervisor(second);
  await again.release();
  await expect(stat(`${socket}.lock`)).rejects.toThrow('ENOENT');
});

test('a socket that somebody serves is refused, a dead one is cleared away, a file that is none is left', async () => {
  const wish = await wishFor();
  const server = createServer().listen(wish.socket);
  await once(server, 'listening');
  await expect(lockSupervisor(wish)).rejects.toMatchObject({ code: 'ALREADY_RUNNING' });
  expect((await stat(wish.socket)).isSocket()).toBe(true);
  await new Promise((resolve) => server.close(resolve));

  const child = spawn(process.execPath, [
    '-e',
    `require('node:net').createServer().listen(${JSON.stringify(wish.socket)}, () => process.kill(process.pid, 'SIGKILL'))`,
  ]);
  await once(child, 'exit');
  expect((await stat(wish.socket)).isSocket()).toBe(true);
  const lock = await lockSupervisor(wish);
  await expect(stat(wish.socket)).rejects.toThrow('ENOENT');
  await lock.release();

  await writeFile(wish.socket, 'precious');
  await expect(lockSupervisor(wish)).rejects.toMatchObject({ code: 'USAGE' });
  expect(await readFile(wish.socket, 'utf8')).toBe('precious');
  await rm(wish.socket);
  await (await lockSupervisor(wish)).release();
});

test.each([
  ['by flock', flock],
  ['by a name in the kernel', null],
])(
  'what is taken away is taken again: directory, lock, and the place of a socket elsewhere; nobody gets in between: %s',
  async (_, how) => {
    const elsewhere = join(await scratchDir(), 'runtime');
    const wish = await wishFor({ flock: how, socket: join(elsewhere, 'p.sock') });
    const lock = await lockSupervisor(wish);
    expect(await lock.retake()).toBe(false);
    for (const gone of [wish.lock, wish.stateDir, elsewhere]) {
      await rm(gone, { recursive: true });
      await mkdir(wish.stateDir, { recursive: true, mode: 0o700 });
      expect(JSON.parse((await racer(wish)).said)).toMatchObject({ code: 'ALREADY_RUNNING' });
      await rm(gone, { recursive: true, force: true });
      expect(await lock.retake()).toBe(true);
      expect(await readHolder(wish.lock)).toMatchObject({ pid: process.pid, socket: wish.socket });
      expect((await stat(wish.stateDir)).mode & 0o777).toBe(0o700);
      expect((await stat(elsewhere)).mode & 0o777).toBe(0o700);
      expect(JSON.parse((await racer(wish)).said)).toMatchObject({ code: 'ALREADY_RUNNING' });
    }
    await lock.release();
    await (await lockSupervisor(wish)).release();
  },
);

test('a directory that another has by now is not written to, and its socket is left to him', async () => {
  const wish = await wishFor();
  const lock = await lockSupervisor(wish);
  await rm(wish.stateDir, { recursive: true });
  await mkdir(wish.stateDir, { mode: 0o700 });
  await writeFile(wish.socket, 'of another');
  // One in another network namespace does not see the name that keeps others out.
  const stranger = spawn('flock', ['-x', wish.lock, 'sh', '-c', 'echo locked; exec sleep 600'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => killGroup(stranger.pid ?? 0));
  await once(stranger.stdout, 'data');
  await expect(lock.retake()).rejects.toMatchObject({ code: 'ALREADY_RUNNING' });
  expect(await readFile(wish.lock, 'utf8')).toBe('');
  await lock.release();
  expect(await readFile(wish.socket, 'utf8')).toBe('of another');
});
