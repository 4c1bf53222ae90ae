/** A real `up` whose state directory is full or read-only: supervision goes on, and what is not being saved is said. */

import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Json, Rig } from '../rig/poolctl.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
  rig.inventory(`version: 1
supervisor: { ports: 30750-30759 }
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

/** By /proc, and not by anybody's word. */
const engines = (): readonly number[] =>
  rig
    .processes()
    .filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('demo/engine.js'))
    .sort();

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

  it.skipIf(!root)('that is full before it begins: the same, and its lock names it once there is room', async () => {
    expect(mounted('-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs')).toBe(true);
    const filler = fill();
    const before = await serving();
    await works(before);
    const lock = join(rig.state, 'supervisor.lock');
    expect((await rig.run('status')).stderr).toContain(`not saved: cannot write "${lock}": ENOSPC`);
    rmSync(filler);
    while ((await rig.run('status')).stderr.includes('supervisor.lock')) await sleep(50);
    const { supervisor } = await rig.json('status');
    expect(JSON.parse(readFileSync(lock, 'utf8'))).toMatchObject({ pid: supervisor.pid, socket: supervisor.socket });
    expect((await rig.run('down')).status).toBe(0);
  });

  it.skipIf(!root)(
    'that is full when its supervisor is killed: the next one finds the engines that could not be written down',
    async () => {
      expect(mounted('-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs')).toBe(true);
      const first = await rig.up();
      await rig.run('wait', 'chat', '--for', 'ready', '--timeout', '30s');
      const before = await replicas();
      const filler = fill();
      // The log of the second has no place any more: nothing but its environment and its directory says whose it is.
      rmSync(join(rig.state, 'logs/chat/r1.log'));
      fill();
      for (const { pid } of before) process.kill(pid, 'SIGKILL');
      await until((all) => all.every((each: Json, n: number) => each.state === 'ready' && each.pid !== before[n].pid));
      first.child.kill('SIGKILL');
      await first.ended;
      rmSync(filler);
      await rig.up();
      expect((await rig.run('wait', 'chat', '--for', 'ready', '--timeout', '30s')).status).toBe(0);
      const present = await replicas();
      expect(engines()).toEqual(present.map(({ pid }: { pid: number }) => pid).sort());
    },
  );

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
});
