/** A real `up` whose state directory is full, read-only or gone: supervision goes on, and what is not being saved is said. */

import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAlive } from '../features/world/proc.js';
import { type Json, Rig } from '../rig/poolctl.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
  rig.inventory(`version: 1
supervisor: { ports: 30750-30759, listen: 127.0.0.1:30760 }
defaults: { restart: { backoff: { initial: 50ms, min: 50ms, jitter: 0 } }, health: { startup_interval: 50ms } }
pools:
  chat: { engine: demo, device_masks: [cpu, cpu], args: [--load-time, "50"] }
`);
  mkdirSync(rig.state, { mode: 0o700 });
});
afterEach(async () => {
  spawnSync('umount', ['-l', rig.state]);
  await rig.end();
});

const mounted = (...options: string[]): boolean => spawnSync('mount', [...options, rig.state]).status === 0;
const replicas = async (): Promise<Json> => (await rig.json('status')).pools[0].replicas;
async function until(look: (all: Json) => boolean): Promise<Json> {
  for (;;) {
    const all = await replicas();
    if (look(all)) return all;
    await sleep(50);
  }
}
const serving = async (): Promise<Json> => {
  await rig.up();
  await rig.run('wait', 'chat', '--for', 'ready', '--timeout', '30s');
  return replicas();
};
/** Everything that supervision is there for. */
async function works(before: Json): Promise<void> {
  process.kill(before[0].pid, 'SIGKILL');
  await until(([r0]) => r0.state === 'ready' && r0.pid !== before[0].pid);
  expect(await rig.run('drain', 'chat/r1')).toMatchObject({ status: 0, stdout: expect.stringContaining('drained') });
  expect((await rig.run('start', 'chat/r1')).status).toBe(0);
  const restarted = await rig.run('restart', 'chat/r0');
  expect(restarted.status, restarted.stderr).toBe(0);
  expect((await rig.run('stop', 'chat')).status).toBe(0);
  expect((await replicas()).map(({ pid }: { pid: number | null }) => pid)).toEqual([null, null]);
}

/** These files and no others are not being saved; such are those of engines that have lived through it, until they are launched again. */
const unsaved =
  (...files: readonly string[]) =>
  ({ supervisor }: Json): boolean =>
    supervisor.unsaved
      .map(({ what }: Json) => what)
      .sort()
      .join() === files.map((file) => join(rig.state, file)).join();
async function untilThere(file: string): Promise<void> {
  while (!existsSync(join(rig.state, file))) await sleep(20);
}

/** To the last byte. */
function fill(): string {
  const path = join(rig.state, 'filler');
  const fd = openSync(path, 'w');
  for (let bytes = 65_536; bytes > 0; ) {
    try {
      writeSync(fd, Buffer.alloc(bytes));
    } catch {
      bytes = Math.floor(bytes / 2);
    }
  }
  closeSync(fd);
  return path;
}

const root = process.getuid?.() === 0;

/** Over TCP, where no file is needed. */
const asked = async (path: string): Promise<Json> => (await fetch(`http://127.0.0.1:30760${path}`)).json();
async function untilAsked(path: string, look: (answer: Json) => boolean): Promise<Json> {
  for (;;) {
    const answer = await asked(path);
    if (look(answer)) return answer;
    await sleep(50);
  }
}

describe('a state directory (what needs a mount is skipped unless root)', () => {
  it.skipIf(!root)('that is full: engines are restarted, drained and stopped, and status says what is not saved', async () => {
    expect(mounted('-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs')).toBe(true);
    const before = await serving();
    const filler = fill();
    await works(before);
    // Which of its files finds no room is chance.
    expect((await rig.run('status')).stderr).toMatch(/^not saved: cannot .*ENOSPC/m);
    expect((await rig.json('status')).supervisor.unsaved).toContainEqual({
      what: expect.any(String),
      reason: expect.stringContaining('ENOSPC'),
    });
    rmSync(filler);
    while (/^not saved: cannot write/m.test((await rig.run('status')).stderr)) await sleep(50);
    expect((await rig.run('down')).status).toBe(0);
    expect(JSON.parse(readFileSync(join(rig.state, 'state.json'), 'utf8'))).toMatchObject({ ended: 'clean' });
  });

  it.skipIf(!root)(
    'that is full when a supervisor begins: it takes over what runs, and its name is written when there is room',
    async () => {
      expect(mounted('-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs')).toBe(true);
      const before = await serving();
      const { supervisor } = await rig.json('status');
      process.kill(supervisor.pid, 'SIGKILL');
      // The room of its name is not to be had again.
      truncateSync(join(rig.state, 'supervisor.lock'));
      const filler = fill();
      const second = await rig.up();
      await until((all) => all.every(({ state }: Json) => state === 'ready'));
      expect((await replicas()).map(({ pid, adopted }: Json) => [pid, adopted])).toEqual(
        before.map(({ pid }: Json) => [pid, true]),
      );
      await works(before);
      expect((await rig.json('status')).supervisor.unsaved).toContainEqual({
        what: expect.any(String),
        reason: expect.stringContaining('ENOSPC'),
      });
      expect((await rig.run('up')).status).toBe(7);
      rmSync(filler);
      while (readFileSync(join(rig.state, 'supervisor.lock'), 'utf8') === '') await sleep(20);
      expect(JSON.parse(readFileSync(join(rig.state, 'supervisor.lock'), 'utf8'))).toMatchObject({ pid: second.child.pid });
      expect((await rig.run('down')).status).toBe(0);
    },
  );

  it('that took neither the registry nor a log: an engine that nobody wrote down is found by where it works, and not doubled', async () => {
    const before = await serving();
    const { supervisor } = await rig.json('status');
    const [logs, next] = [join(rig.state, 'logs'), join(rig.state, 'state.json.tmp')];
    rmSync(logs, { recursive: true });
    writeFileSync(logs, 'in the way');
    mkdirSync(next);
    process.kill(before[0].pid, 'SIGKILL');
    const [unwritten] = await until(([r0]) => r0.state === 'ready' && r0.pid !== before[0].pid);
    process.kill(supervisor.pid, 'SIGKILL');
    rmSync(logs);
    rmdirSync(next);
    await rig.up();
    const after = await until((all) => all.every(({ state }: Json) => state === 'ready'));
    expect([after[1].pid, isAlive(unwritten.pid)]).toEqual([before[1].pid, false]);
    expect((await rig.run('down')).status).toBe(0);
  });

  it.skipIf(!root)('that is read-only when a supervisor would begin: it says so, and touches nothing', async () => {
    expect(mounted('-t', 'tmpfs', '-o', 'size=1m,mode=0700,ro', 'tmpfs')).toBe(true);
    const refused = await rig.run('up');
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/^error: cannot use the state directory .*EROFS.*\[STATE_DIR_UNSAFE\]/),
    ]);
  });

  it.skipIf(!root)('that becomes read-only: the same', async () => {
    const before = await serving();
    // What is open stays open; a mount that has been written through could not be made so.
    expect(mounted('--bind', rig.state)).toBe(true);
    expect(mounted('-o', 'remount,bind,ro')).toBe(true);
    await works(before);
    expect((await rig.run('status')).stderr).toContain(`not saved: cannot write "${join(rig.state, 'state.json')}": EROFS`);
    expect(mounted('-o', 'remount,bind,rw')).toBe(true);
    while ((await rig.run('status')).stderr.includes('state.json')) await sleep(50);
    expect((await rig.run('down')).status).toBe(0);
    expect(JSON.parse(readFileSync(join(rig.state, 'state.json'), 'utf8'))).toMatchObject({ ended: 'clean' });
  });

  it('that is deleted under it: it is made again, with all that ought to lie there, and nobody else gets it', async () => {
    const before = await serving();
    rmSync(rig.state, { recursive: true });
    // At once, before the living one can have seen it.
    const second = await rig.run('up');
    expect([second.status, second.stderr]).toEqual([7, expect.stringContaining('ALREADY_RUNNING')]);
    process.kill(before[0].pid, 'SIGKILL');
    await untilAsked(
      '/v2/pools',
      ({ pools }) => pools[0].replicas[0].state === 'ready' && pools[0].replicas[0].incarnation === 2,
    );
    await untilAsked('/v2/pools', unsaved('logs/chat/r1.log'));
    await untilThere('state.json');
    expect(statSync(rig.state).mode & 0o777).toBe(0o700);
    const now = (await rig.json('status')).pools[0].replicas;
    expect(now.map(({ state }: Json) => state)).toEqual(['ready', 'ready']);
    expect(now[1].pid).toBe(before[1].pid);
    for (const at of [0, 1]) {
      expect(readFileSync(join(rig.state, 'run', `chat.r${at}.pid`), 'utf8')).toBe(`${now[at].pid}\n`);
      expect(JSON.parse(readFileSync(join(rig.state, 'handoff', `chat.r${at}.json`), 'utf8'))).toMatchObject({
        pid: now[at].pid,
      });
    }
    expect((await rig.run('events')).stdout).toMatch(/is not being saved: .* was taken away/);
    await works(now);
    expect((await rig.run('up')).status).toBe(7);
    expect((await rig.run('down')).status).toBe(0);
    expect(readdirSync(join(rig.state, 'run'))).toEqual([]);
  });

  it('that is deleted and cannot be made again: engines go on, and are brought back; the next supervisor adopts them when it could be', async () => {
    const before = await serving();
    const supervisor = await rig.json('status');
    rmSync(rig.state, { recursive: true });
    writeFileSync(rig.state, 'in the way');
    process.kill(before[0].pid, 'SIGKILL');
    const without = await untilAsked('/v2/pools', ({ pools, supervisor: { unsaved } }) => {
      const [r0, r1] = pools[0].replicas;
      return (
        r0.state === 'ready' &&
        r0.incarnation === 2 &&
        r1.pid === before[1].pid &&
        unsaved.some(({ what }: Json) => what === rig.state)
      );
    });
    expect(without.supervisor.unsaved).toContainEqual({
      what: rig.state,
      reason: expect.stringContaining('it is not a directory'),
    });
    expect(without.supervisor.unsaved.map(({ what }: Json) => what)).toContain(join(rig.state, 'state.json'));
    rmSync(rig.state);
    await untilAsked('/v2/pools', unsaved('logs/chat/r0.log', 'logs/chat/r1.log', 'work/chat/r0'));
    await untilThere('poolctl.sock');
    const after = await replicas();
    process.kill(supervisor.supervisor.pid, 'SIGKILL');
    await rig.up();
    await until((all) => all.every(({ state }: Json) => state === 'ready'));
    expect((await replicas()).map(({ pid, adopted }: Json) => [pid, adopted])).toEqual(after.map(({ pid }: Json) => [pid, true]));
  });
});
