/** The lock that dies with its holder, by the program and without it. */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { findProgram } from '../../src/host/programs.js';
import { type FileLock, lockFile } from '../../src/shell/flock.js';
import { killGroup, type Running, runProgram, scratchDir, until } from '../host/scratch.js';

const uid = process.getuid?.() ?? 0;
const program = await findProgram('flock', process.env.PATH, '/');
const means = [
  ['the program', program],
  ['a name in the network namespace', null],
] as const;

async function held(path: string, flock: string | null): Promise<FileLock> {
  const lock = await lockFile(path, flock, uid);
  if (lock === null) throw new Error('somebody holds it');
  let released = false;
  onTestFinished(() => (released ? undefined : lock.release()));
  return {
    ...lock,
    release: () => {
      released = true;
      return lock.release();
    },
  };
}

it('has the program here, so that both ways are tried', () => {
  expect(program).not.toBeNull();
});

describe.each(means)('by %s', (_, flock) => {
  it('is held once, and free again when it is let go', async () => {
    const path = join(await scratchDir(), 'a.lock');
    const lock = await held(path, flock);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await lockFile(path, flock, uid)).toBeNull();
    expect(await lockFile(path, flock, uid)).toBeNull();
    await lock.release();
    await (await held(path, flock)).release();
  });

  it('does not empty the file, and lets its holder write in place', async () => {
    const path = join(await scratchDir(), 'a.lock');
    await writeFile(path, 'who was here');
    const lock = await held(path, flock);
    expect(await readFile(path, 'utf8')).toBe('who was here');
    await lock.file.write('WHO', 0);
    expect(await readFile(path, 'utf8')).toBe('WHO was here');
  });

  it('goes to one of many who ask at once', async () => {
    const path = join(await scratchDir(), 'a.lock');
    const locks = await Promise.all(Array.from({ length: 8 }, () => lockFile(path, flock, uid)));
    const got = locks.filter((lock) => lock !== null);
    expect(got).toHaveLength(1);
    await got[0]?.release();
  });

  it('is another for another file', async () => {
    const dir = await scratchDir();
    await held(join(dir, 'a.lock'), flock);
    await held(join(dir, 'b.lock'), flock);
  });
});

it('cannot be made where there is no directory, and says what the program said', async () => {
  const dir = await scratchDir();
  await expect(lockFile(join(dir, 'no', 'a.lock'), program, uid)).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(lockFile(join(dir, 'a.lock'), '/no/such/flock', uid)).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(lockFile(join(dir, 'a.lock'), '/bin/sh', uid)).rejects.toThrow(/"\/bin\/sh" failed with exit status \d+/);
});

it('is on the file that has the name: one that its last holder took away is passed by', async () => {
  const path = join(await scratchDir(), 'a.lock');
  for (let round = 0; round < 20; round++) {
    const lock = await held(path, program);
    const [next] = await Promise.all([until(() => lockFile(path, program, uid)), rm(path).then(() => lock.release())]);
    expect((await next.file.stat()).ino).toBe((await stat(path)).ino);
    expect(await lockFile(path, program, uid)).toBeNull();
    await next.release();
  }
});

describe.each(means)('a file that was taken away, locked by %s', (_, flock) => {
  it('is nobody else’s, also with its directory, until it is made again; and then it is locked', async () => {
    const dir = join(await scratchDir(), 'state');
    const path = join(dir, 'a.lock');
    await mkdir(dir);
    const lock = await held(path, flock);
    for (const gone of [path, dir]) {
      expect(await lock.stands()).toBe(true);
      await rm(gone, { recursive: true });
      await mkdir(dir, { recursive: true });
      expect(await lock.stands()).toBe(false);
      expect(await lockFile(path, flock, uid)).toBeNull();
      expect(await lock.remake()).toBe(true);
      expect(await lock.stands()).toBe(true);
      expect(await lockFile(path, flock, uid)).toBeNull();
    }
    await rename(dir, `${dir}-2`);
    await mkdir(dir);
    expect(await lockFile(path, flock, uid)).toBeNull();
    await lock.release();
    await (await held(path, flock)).release();
  });
});

it('that a stranger has made meanwhile is not taken from him, and ours is not let go', async () => {
  const path = join(await scratchDir(), 'a.lock');
  const lock = await held(path, program);
  await rm(path);
  // As one in another network namespace would, which does not see the name.
  const stranger = spawn('flock', ['-x', path, 'sh', '-c', 'echo locked; exec sleep 600'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => killGroup(stranger.pid ?? 0));
  await once(stranger.stdout, 'data');
  expect(await lock.remake()).toBe(false);
  killGroup(stranger.pid ?? 0);
  await until(() => lock.remake());
  expect(await lock.stands()).toBe(true);
});

it('a name that somebody has taken who is not of this user, or means another directory, keeps nobody out', async ({ skip }) => {
  const dir = await scratchDir();
  const path = join(dir, 'a.lock');
  const hold = (how: readonly string[]): Promise<Running> => {
    const name = `poolctl-${uid}-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`;
    const listen = `require('node:net').createServer().listen('\\0${name}', () => console.log('ready'))`;
    return runProgram([...how, process.execPath, '-e', listen]);
  };
  const same = await hold([]);
  expect(await lockFile(path, program, uid)).toBeNull();
  killGroup(same.pid);
  // While it dies it has its name, and nobody can tell whose that is: the next one of this test could not take it.
  await once(same.child, 'exit');
  await (await until(() => lockFile(path, program, uid))).release();
  if (uid !== 0) skip('needs root to become another user');
  const other = await hold(['setpriv', '--reuid', '54321', '--regid', '54321', '--clear-groups', '--']);
  await (await held(path, program)).release();
  killGroup(other.pid);
  await once(other.child, 'exit');
  const elsewhere = await hold(['unshare', '-m', 'sh', '-c', `mount -t tmpfs none ${dir} && exec "$@"`, 'sh']);
  await (await held(path, program)).release();
  killGroup(elsewhere.pid);
});

it('is not inherited, and ends with a holder that is killed', async () => {
  const path = join(await scratchDir(), 'a.lock');
  const holder = spawn('flock', ['-x', path, 'sh', '-c', 'echo locked; exec sleep 600'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => killGroup(holder.pid ?? 0));
  await once(holder.stdout, 'data');
  expect(await lockFile(path, program, uid)).toBeNull();
  killGroup(holder.pid ?? 0);
  const lock = await until(() => lockFile(path, program, uid));
  const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  onTestFinished(() => killGroup(child.pid ?? 0));
  await lock.release();
  await (await held(path, program)).release();
});
