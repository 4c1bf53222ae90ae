/** `poolctl status` in its forms, as people and scripts run it. */

import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Rig } from '../rig/poolctl.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
  rig.inventory(`version: 1
supervisor: { ports: 27200-27219 }
pools:
  chat: { engine: demo, device_masks: [cpu], args: [--load-time, "50"], health: { startup_interval: 50ms } }
  off: { engine: demo, device_masks: [cpu], autostart: false }
`);
});
afterEach(() => rig.end());

describe('poolctl alone', () => {
  it('says how to begin where nothing runs, and how things stand where a supervisor does', async () => {
    const beginning = await rig.run();
    expect(beginning).toMatchObject({ status: 0, stderr: '' });
    expect(beginning.stdout.split('\n').filter(Boolean)).toHaveLength(8);
    expect(beginning.stdout).toMatch(/poolctl init[\s\S]*poolctl check[\s\S]*poolctl up/);
    await rig.up();
    await rig.run('wait', 'chat', '--for', 'ready', '--timeout', '20s');
    expect(await rig.run()).toMatchObject({ status: 0, stdout: expect.stringMatching(/^REPLICA [\s\S]*chat\/r0 +ready /) });
  });
});

describe('status', () => {
  it('shows one replica in full, and leaves lines that it does not know to the parser', async () => {
    await rig.up();
    await rig.run('wait', 'chat', '--for', 'ready', '--timeout', '20s');
    const { status, stdout } = await rig.run('status', 'off');
    expect(status).toBe(0);
    expect(stdout).toMatch(/off\/r0 +stopped [\s\S]*\n {2}next +to serve again: poolctl start off\/r0\n/);
    expect((await rig.run('-q', 'status')).stdout).not.toContain('next');
    expect(await rig.run('status', '--wat')).toMatchObject({ status: 2, stderr: expect.stringContaining('--wat') });
    expect(await rig.run('status', '--socket')).toMatchObject({ status: 2 });
    expect((await rig.run('status', '--help')).stdout).toContain('--watch');
    expect(await rig.run('status', 'chta')).toMatchObject({
      status: 8,
      stderr: expect.stringMatching(
        /^error: cannot show "chta": there is no such pool {2}\[POOL_NOT_FOUND\]\n {2}try: {2}poolctl status chat /,
      ),
    });
    expect(await rig.json('status', 'off', '--socket', `${rig.state}/poolctl.sock`)).toMatchObject({
      stale: false,
      pools: [{ pool_id: 'off' }],
    });
  });

  it('-w tells where each replica is, then every change, until the supervisor ends', async () => {
    await rig.up();
    await rig.run('wait', 'chat', '--for', 'ready', '--timeout', '20s');
    const watch = rig.spawn(['status', '-w', 'chat']);
    const ended = once(watch, 'close');
    if (watch.stdout === null) throw new Error('it has an output');
    const lines: string[] = [];
    for await (const line of createInterface({ input: watch.stdout })) {
      lines.push(line.replace(/^\d\d:\d\d:\d\d /, ''));
      if (line.endsWith('chat/r0 ready')) await rig.run('restart', 'chat');
      if (line.endsWith('starting -> ready')) await rig.run('down');
    }
    expect(lines.slice(0, 6)).toEqual([
      'chat/r0 ready',
      'chat/r0 ready -> draining',
      'chat/r0 draining -> stopping',
      'chat/r0 stopping -> preparing',
      'chat/r0 preparing -> starting',
      'chat/r0 starting -> ready',
    ]);
    expect(lines.slice(6)).toEqual(['chat/r0 ready -> draining', 'chat/r0 draining -> stopping', 'chat/r0 stopping -> stopped']);
    expect((await ended)[0]).toBe(6);
  });
});
