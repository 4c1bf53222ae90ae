/** Drains from the command line, as people and scripts have them. */

import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client } from '../../src/api/client.js';
import { listen } from '../rig/listen.js';
import { Rig, type Supervisor } from '../rig/poolctl.js';
import { onTerminal } from '../rig/terminal.js';

let rig: Rig;
let supervisor: Supervisor;
let client: Client;
beforeEach(async () => {
  rig = new Rig();
  rig.inventory(`version: 1
supervisor: { ports: 30640-30659, engine_poll: 200ms }
pools:
  chat:
    engine: demo
    device_masks: [cpu, cpu]
    args: [--load-time, "50", --slots, "2", --token-time, "50"]
    health: { startup_interval: 50ms }
  off: { engine: demo, device_masks: [cpu], autostart: false }
`);
  supervisor = await rig.up();
  client = new Client({ socketPath: join(rig.state, 'poolctl.sock'), doing: 'look' });
  await rig.run('wait', 'chat', '--for', 'ready', '--timeout', '20s');
});
afterEach(() => rig.end());

/** Also without a word on the command line: nobody waits for a program to begin. */
const lease = (replica_id: string, holder: string) => client.acquireLease('chat', { replica_id, ttl_ms: 600_000, holder });

const stateOf = async (at: number) => (await client.status()).pools[0]?.replicas[at];

const begin = (...args: string[]) => {
  const child = rig.spawn(args);
  return { child, ...listen(child) };
};

describe('drain', () => {
  it('waits for leases and requests, says what for, and stops the engine when they have ended', async () => {
    const [one, other] = [await lease('r0', 'night shift'), await lease('r0', 'day shift')];
    const request = await fetch(`${one.url}/v1/completions`, {
      method: 'POST',
      body: JSON.stringify({ prompt: 'x', max_tokens: 1_000, stream: true }),
    });
    const { ended, says } = begin('drain', 'chat/r0');
    await says('chat/r0 draining: 2 leases (the last: day shift, expires in ');
    await client.releaseLease(other.lease_id);
    await says('chat/r0 draining: 1 lease (night shift, expires in ');
    await says(', 1 running request, forced in ');
    expect(await stateOf(0)).toMatchObject({ state: 'draining', goal: 'down', ready: false });
    expect(await stateOf(1)).toMatchObject({ state: 'ready' });
    const waiting = listen(rig.spawn(['wait', 'chat/r0', '--for', 'drained']));
    await client.releaseLease(one.lease_id);
    await says('chat/r0 draining: 1 running request, forced in ');
    await request.body?.cancel();
    const { status, stdout, stderr } = await ended;
    expect(stdout).toMatch(/^chat\/r0 drained in [\d.]+s\. To serve again: poolctl start chat\/r0\n$/);
    expect({ status, others: stderr.replace(/^chat\/r0 draining: .*\n/gm, '') }).toEqual({ status: 0, others: '' });
    expect(await waiting.ended).toMatchObject({ status: 0, stdout: 'chat/r0 drained\n' });
    expect(await rig.run('status', 'chat/r0')).toMatchObject({ status: 0, stdout: expect.stringMatching(/chat\/r0 +stopped/) });

    expect(await rig.run('drain', 'chat/r0')).toMatchObject({ status: 0, stdout: 'chat/r0 is stopped already\n', stderr: '' });
    expect(await rig.run('-q', 'drain', 'chat')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('by force says whose leases it has cut, and exits 5, worse than a refusal', async () => {
    await lease('r0', 'night shift');
    const { status, stdout } = await rig.run('drain', 'chat/r0', '--deadline', '300ms');
    expect({ status, stdout }).toEqual({
      status: 5,
      stdout: 'chat/r0 forced at the deadline of 300ms: 1 lease cut (night shift)\n',
    });

    await lease('r1', 'day shift');
    const operations = await rig.run('drain', 'chat/r1', 'off', '--deadline', '0', '--json');
    expect(operations.status).toBe(5);
    expect(JSON.parse(operations.stdout).operations).toMatchObject([
      { kind: 'drain', pool_id: 'chat', state: 'succeeded', outcome: 'forced', active_leases: 1, cut: 1 },
      { kind: 'drain', pool_id: 'off', outcome: 'drained', changed: false },
    ]);
    await rig.run('start', 'chat');
    await lease('r0', 'day shift');
    expect(await rig.run('-q', 'drain', 'chat', '--deadline', '0')).toEqual({
      status: 5,
      stdout: 'chat forced at once: 1 lease cut (day shift)\n',
      stderr: '',
    });
  });

  it('that a start cancels exits 7, and its engine goes on', async () => {
    const { lease_id } = await lease('r0', 'night shift');
    const [said, shown] = [begin('drain', 'chat/r0'), begin('drain', 'chat/r0', '--json')];
    await Promise.all([said.says('1 lease'), shown.says('1 lease')]);
    expect((await rig.run('start', 'chat/r0')).status).toBe(0);
    expect(await said.ended).toMatchObject({ status: 7, stdout: 'chat/r0 was not drained: drain was cancelled by a start\n' });
    const { status, stdout } = await shown.ended;
    expect(status).toBe(7);
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'drain', outcome: 'cancelled', error: { code: 'OPERATION_FAILED' } });
    expect(await stateOf(0)).toMatchObject({ state: 'ready', incarnation: 1, active_leases: 1 });
    expect((await client.renewLease(lease_id)).holder).toBe('night shift');
  });

  it('goes on after Ctrl-C, with more time if it is given that', async () => {
    const { lease_id } = await lease('r0', 'night shift');
    const { child, ended, says } = begin('drain', 'chat/r0', '--deadline', '1m');
    await says('1 lease');
    child.kill('SIGINT');
    const { status, stdout, stderr } = await ended;
    expect({ status, stdout }).toEqual({ status: 130, stdout: '' });
    expect(stderr).toMatch(/\nstopped waiting; the drain goes on\. Follow it: poolctl wait chat\/r0 --for drained\n$/);
    expect((await stateOf(0))?.why).toMatch(/^1 lease, forced in (1m|5\ds)$/);
    expect(await rig.json('drain', 'chat/r0', '--extend', '1h', '--no-wait')).toMatchObject({ state: 'running', kind: 'drain' });
    expect((await stateOf(0))?.why).toMatch(/^1 lease, forced in (1h|59m\d\ds)$/);
    const short = await rig.run('drain', 'chat/r0', '--deadline', '30m', '--no-wait');
    expect(short.stdout).toBe('chat/r0: drain begun. Follow it: poolctl wait chat/r0 --for drained\n');
    expect((await stateOf(0))?.why).toMatch(/^1 lease, forced in (30m|29m\d\ds)$/);
    await client.releaseLease(lease_id);
    expect((await rig.run('wait', 'chat/r0', '--for', 'drained')).status).toBe(0);
  });

  it('is refused with the status that says why', async () => {
    expect(await rig.run('drain', 'chta')).toMatchObject({
      status: 8,
      stderr: expect.stringMatching(
        /^error: cannot drain "chta": there is no such pool {2}\[POOL_NOT_FOUND\]\n {2}try: {2}poolctl drain chat /,
      ),
    });
    for (const line of [[], ['chat', '--deadline', '5'], ['chat', '--deadline', '1m', '--extend', '2m']])
      expect(await rig.run('drain', ...line), line.join(' ')).toMatchObject({ status: 2, stdout: '' });
    expect((await stateOf(0))?.state).toBe('ready');
    await rig.run('down');
    expect(await rig.run('drain', 'chat')).toMatchObject({
      status: 6,
      stderr: expect.stringMatching(/^error: cannot drain chat: no poolctl supervisor is running {2}\[NO_SUPERVISOR\]\n/),
    });
  });

  it('rewrites its line on a terminal, and leaves the end alone on it', async () => {
    const { lease_id } = await lease('r0', 'night shift');
    const {
      status,
      frames: [first = '', ...later],
    } = await onTerminal(rig, { args: ['drain', 'chat/r0'], columns: 60 }, async (screen) => {
      // Its second frame: the time has moved, and nothing else.
      if (screen.split('draining: ').length === 3) await client.releaseLease(lease_id);
    });
    expect(status).toBe(0);
    expect(first).toMatch(/^chat\/r0 draining: 1 lease \(night shift, expires in [\dms]+\),\.\.\.\n$/);
    expect(later.length).toBeGreaterThanOrEqual(2);
    expect(later.at(-1)).toMatch(/^chat\/r0 drained in [\d.]+s\. To serve again: poolctl start chat\/r0\n$/);
  });
});

describe('restart', () => {
  it('drains first and says what it waits for; that is no drain for good', async () => {
    const { lease_id } = await lease('r0', 'night shift');
    const { ended, says } = begin('restart', 'chat');
    await says('chat/r0 draining: 1 lease (night shift, expires in ');
    expect(await stateOf(1)).toMatchObject({ state: 'ready', incarnation: 1 });
    expect((await rig.run('wait', 'chat/r0', '--for', 'drained')).status).toBe(3);
    await client.releaseLease(lease_id);
    const { status, stdout } = await ended;
    expect(stdout).toMatch(/^chat ready in [\d.]+s\n$/);
    expect(status).toBe(0);
    expect([await stateOf(0), await stateOf(1)]).toMatchObject([{ incarnation: 2 }, { incarnation: 2 }]);
  });

  it('has a deadline, and need not drain at all', async () => {
    await lease('r0', 'night shift');
    const short = await rig.run('restart', 'chat/r0', '--deadline', '100ms');
    expect(short).toMatchObject({ status: 0, stdout: expect.stringMatching(/s, 1 lease cut \(night shift\)\n$/) });
    await lease('r0', 'day shift');
    const now = await rig.run('restart', 'chat/r0', '--now');
    expect(now).toMatchObject({ status: 0, stdout: expect.stringMatching(/s, 1 lease cut \(day shift\)\n$/), stderr: '' });
  });
});

describe('down', () => {
  it('drains, says what it waits for, and exits 5 where it has cut leases at its deadline', async () => {
    await lease('r0', 'night shift');
    const { status, stdout, stderr } = await rig.run('down', '--deadline', '400ms');
    expect({ status, stdout }).toEqual({
      status: 5,
      stdout: 'stopped, forced at the deadline of 400ms: 1 lease cut (night shift)\n',
    });
    expect(stderr).toContain('chat/r0 draining: 1 lease (night shift, expires in ');
    expect(await supervisor.ended).toBe(0);
  });

  it('after Ctrl-C goes on; --now ends its drains', async () => {
    await lease('r0', 'night shift');
    const { child, ended, says } = begin('down', '--deadline', '1h');
    await says('chat/r0 draining: 1 lease');
    child.kill('SIGINT');
    expect(await ended).toMatchObject({
      status: 130,
      stdout: '',
      stderr: expect.stringMatching(/\nstopped waiting; the shutdown /),
    });
    expect((await stateOf(0))?.state).toBe('draining');
    const { status, stdout } = await rig.run('down', '--now', '--json');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'shutdown', state: 'succeeded', outcome: 'stopped', cut: 1 });
    expect(await supervisor.ended).toBe(0);
  });
});
