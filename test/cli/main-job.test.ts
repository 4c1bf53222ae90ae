/** The main job through the command line, as its three kinds of users meet it. */

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Rig } from '../rig/poolctl.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.end());

const demo = (more = '') => `version: 1
supervisor: { ports: 27100-27199 }
pools:
  chat:
    engine: demo
    args: [--load-time, "50"]
    device_masks: [cpu, cpu]
    health: { startup_interval: 50ms }
    restart: { backoff: { initial: 200ms, min: 0ms } }
${more}`;

const replicas = async () => (await rig.json('status')).pools[0].replicas;

describe('with demo engines', () => {
  it('comes to ready, brings back what is killed, stops, starts, restarts, and leaves nothing', async () => {
    rig.inventory(demo());
    const supervisor = await rig.up();
    expect(await rig.run('wait', 'all', '--for', 'ready', '--timeout', '20s')).toMatchObject({
      status: 0,
      stdout: 'all ready\n',
    });
    const [first] = await replicas();
    expect(first).toMatchObject({
      state: 'ready',
      live: true,
      slots_total: 4,
      engine_version: expect.stringMatching(/./),
      goal: 'up',
    });
    expect(readdirSync(join(rig.state, 'handoff'))).toEqual(['chat.r0.json', 'chat.r1.json']);

    const open = readdirSync(`/proc/${first.pid}/fd`).map((fd) => readlinkSync(`/proc/${first.pid}/fd/${fd}`));
    expect(open).not.toContain('/etc/passwd');
    expect(open).toContain(join(rig.state, 'logs/chat/r0.log'));

    process.kill(first.pid, 'SIGKILL');
    const crashed = rig.run('wait', 'chat/r0', '--for', 'ready', '--timeout', '20s');
    expect((await crashed).status).toBe(0);
    const back = (await replicas())[0];
    expect(back).toMatchObject({ restart_count: 1, crash_count: 1, last_exit: { code: null, signal: 'SIGKILL' } });
    expect(back.pid).not.toBe(first.pid);

    // No time at all is enough to look once.
    expect(await rig.run('wait', 'chat', '--for', 'ready', '--timeout', '0')).toMatchObject({
      status: 0,
      stdout: 'chat ready\n',
    });
    expect(await rig.run('wait', 'chat', '--for', 'failed', '--timeout', '0')).toMatchObject({
      status: 5,
      stderr: 'not failed after 0\n',
    });

    expect(await rig.run('stop', 'chat/r0')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^chat\/r0 stopped in .*poolctl start chat\/r0\n$/),
    });
    expect(existsSync(join(rig.state, 'handoff/chat.r0.json'))).toBe(false);
    expect(await rig.run('stop', 'chat/r0')).toMatchObject({ status: 0, stdout: 'chat/r0 is stopped already\n' });
    expect((await rig.run('status')).status).toBe(0);
    expect((await rig.run('wait', 'chat/r0', '--for', 'ready')).status).toBe(3);
    expect(await rig.run('start', 'chat/r0')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^chat\/r0 ready in /) });
    const before = await replicas();
    expect((await rig.run('restart', 'chat')).status).toBe(0);
    const after = await replicas();
    for (const index of [0, 1]) expect(after[index].pid).not.toBe(before[index].pid);
    expect(after[0].restart_count).toBe(1);

    const following = rig.spawn(['logs', 'chat', '-f']);
    await new Promise<void>((resolve) => following.stdout?.on('data', (text) => /r1 \| /.test(String(text)) && resolve()));
    following.kill('SIGINT');
    expect((await once(following, 'close'))[0]).toBe(130);
    expect((await rig.run('logs', 'chat/r0', '--previous')).stdout).toContain('incarnation');
    expect((await rig.run('logs', 'chat', '-n', '1')).stdout).toMatch(/^r0 \| .*\nr1 \| .*\n$/);
    expect((await rig.run('events')).stdout).toContain('chat/r0');
    expect(await rig.run('down')).toMatchObject({ status: 0 });
    expect(await supervisor.ended).toBe(0);
    expect([readdirSync(join(rig.state, 'handoff')), readdirSync(join(rig.state, 'run'))]).toEqual([[], []]);
    expect(existsSync(join(rig.state, 'poolctl.sock'))).toBe(false);
    expect((await rig.run('events')).stdout).toContain('chat/r1');
    const stale = await rig.run('status', 'chat/r1');
    expect(stale).toMatchObject({ status: 6, stderr: expect.stringMatching(/^stale: /) });
    expect(stale.stdout).toMatch(/^REPLICA .*\nchat\/r1 +stopped\? /);
    expect(await rig.json('status')).toMatchObject({ stale: true, pools: [{ pool_id: 'chat' }] });
    expect((await rig.run('logs', 'chat/r1')).stdout).toContain('incarnation 1');
  });

  it('loses no engine to nobody: after kill -9 the next supervisor takes the old ones over', async () => {
    rig.inventory(demo());
    const first = await rig.up();
    await rig.run('wait', 'all', '--for', 'ready', '--timeout', '20s');
    const old = (await replicas()).map(({ pid }: { pid: number }) => pid);
    first.child.kill('SIGKILL');
    await first.ended;
    expect(old.every((pid: number) => existsSync(`/proc/${pid}`))).toBe(true);
    await rig.up();
    await rig.run('wait', 'all', '--for', 'ready', '--timeout', '20s');
    expect(await replicas()).toMatchObject(old.map((pid: number) => ({ pid, incarnation: 1, adopted: true, crashes_total: 0 })));
  });

  it('lets one of five supervisors live; the others name it and exit 7', async () => {
    rig.inventory(demo());
    const five = await Promise.all(Array.from({ length: 5 }, () => rig.up().catch(() => null)));
    const living = five.filter((each) => each !== null);
    expect(living).toHaveLength(1);
    const late = await rig.run('up');
    expect(late.status).toBe(7);
    expect(late.stderr).toContain(`pid ${living[0]?.child.pid}`);
  });
});

describe('signals', () => {
  it('SIGHUP reads the inventory anew; SIGTERM twice still ends with 0, and a third kills, 143', async () => {
    rig.inventory(demo('  deaf: { engine: demo, device_masks: [cpu], args: [--order, ignore-term], stop: { grace: 60s } }\n'));
    const supervisor = await rig.up();
    await rig.run('wait', 'all', '--for', 'ready', '--timeout', '20s');
    supervisor.child.kill('SIGHUP');
    await until(supervisor, 'inventory.applied');
    expect((await rig.run('status')).status).toBe(0);
    for (const times of [1, 2]) {
      supervisor.child.kill('SIGTERM');
      if (times === 1) await until(supervisor, 'supervisor.stopping');
    }
    const [deaf] = (await rig.json('status', 'deaf')).pools[0].replicas;
    expect(deaf).toMatchObject({ state: 'stopping', goal: 'down', live: true });
    supervisor.child.kill('SIGTERM');
    expect(await supervisor.ended).toBe(143);
    expect(existsSync(`/proc/${deaf.pid}`)).toBe(false);
  });
});

/** Until the supervisor has said so. */
function until({ child, stderr }: { child: ChildProcess; stderr(): string }, words: string): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (stderr().includes(words)) resolve();
    };
    child.stderr?.on('data', look);
    look();
  });
}

describe('faults', () => {
  it('fails a missing program at once, says what to do, and goes on', async () => {
    rig.inventory(demo('  nope: { engine: command, command: [/nope], device_masks: [cpu] }\n'));
    await rig.up();
    expect((await rig.run('wait', 'nope', '--for', 'failed', '--timeout', '20s')).status).toBe(0);
    const status = await rig.run('status');
    expect(status.status).toBe(3);
    expect(status.stdout).toMatch(/nope\/r0 +failed .*\/nope/);
    expect((await rig.run('wait', 'chat', '--for', 'ready', '--timeout', '20s')).status).toBe(0);
    expect((await rig.run('start', 'nope')).status).toBe(1);
  });

  it('ends with 10 when all have failed and that was asked for', async () => {
    rig.inventory('version: 1\npools:\n  nope: { engine: command, command: [/nope], device_masks: [cpu] }\n');
    const supervisor = await rig.up('--exit-on', 'all-failed');
    expect(await supervisor.ended).toBe(10);
  });

  it('kills what is never healthy at its deadline', async () => {
    rig.inventory(`version: 1
pools:
  mute: { engine: command, command: [sleep, "600"], device_masks: [cpu], health: { startup_deadline: 300ms, startup_interval: 50ms } }
`);
    const supervisor = await rig.up();
    await until(supervisor, 'replica.crashed');
    const [mute] = await replicas();
    expect(mute.last_exit).toMatchObject({ class: 'hang', signal: 'SIGKILL' });
    expect(mute.last_error).toMatch(/^health check failed: not healthy after 0\.[3-9]s .*raise health\.startup_deadline/);
  });

  it('says of a log that was taken away under its engine what has become of it', async () => {
    rig.inventory(demo());
    await rig.up();
    expect((await rig.run('wait', 'all', '--for', 'ready')).status).toBe(0);
    rmSync(join(rig.state, 'logs', 'chat'), { recursive: true });
    await expect
      .poll(() => rig.run('logs', 'chat/r0'))
      .toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/^error: cannot show the log of "chat\/r0": it was taken away/),
      });
    expect(await rig.run('logs', 'chat/r7')).toMatchObject({ status: 8 });
  });

  it('waits for a supervisor that a script has begun in the background just now', async () => {
    rig.inventory(demo());
    const waiting = rig.run('wait', 'all', '--for', 'ready', '--timeout', '20s');
    await rig.up();
    expect(await waiting).toMatchObject({ status: 0, stdout: 'all ready\n' });
  });

  it('refuses a broken inventory with every position, exit 4', async () => {
    rig.inventory('version: 1\npools:\n  chat: { engine: demo, device_masks: [7], modle: x }\n');
    const refused = await rig.run('up');
    expect(refused).toMatchObject({ status: 4, stdout: '' });
    expect(refused.stderr).toMatch(
      /pools\.yaml:3:\d+: error: .*\[UNKNOWN_DEVICE\][\s\S]*\[UNKNOWN_KEY\][\s\S]*2 errors in pools\.yaml\. Nothing was started\.\n$/,
    );
    expect(await rig.run('check')).toMatchObject({ status: 4, stderr: '' });
  });

  it('names what is not there: supervisor, pool, command', async () => {
    expect(await rig.run('status')).toMatchObject({ status: 6, stderr: expect.stringContaining('[NO_SUPERVISOR]') });
    rig.inventory(demo());
    await rig.up();
    expect(await rig.run('stop', 'chta')).toMatchObject({ status: 8, stderr: expect.stringContaining('poolctl stop chat') });
    expect((await rig.run('stpo', 'chat')).status).toBe(2);
    expect((await rig.run('up', 'nix')).status).toBe(8);
  });
});
