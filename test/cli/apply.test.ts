/** `poolctl apply` from the command line, as people and scripts have it. */

import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client } from '../../src/api/client.js';
import { listen } from '../rig/listen.js';
import { Rig, type Supervisor } from '../rig/poolctl.js';
import { onTerminal } from '../rig/terminal.js';

let rig: Rig;
let supervisor: Supervisor;
let client: Client;

const write = (pools: string): void =>
  rig.inventory(`version: 1
supervisor: { ports: 30680-30699, engine_poll: null }
defaults:
  engine: demo
  device_masks: [cpu]
  args: [--load-time, 1ms]
  health: { startup_interval: 20ms }
  restart: { backoff: { initial: 50ms, min: 0ms } }
  reload: { min_healthy: 50ms }
pools:
${pools.replaceAll(/^ {4}/gm, '')}`);

beforeEach(async () => {
  rig = new Rig();
  rig.env.TICKET = 'from-outside';
  write(`
      chat: {}
      code: { env: { PASS: first-secret }, args: [--load-time, 1ms, --order, 'print?text=x'] }
`);
  supervisor = await rig.up();
  client = new Client({ socketPath: join(rig.state, 'poolctl.sock'), doing: 'look' });
  await rig.run('wait', 'all', '--for', 'ready', '--timeout', '20s');
});
afterEach(() => rig.end());

const pidOf = async (poolId: string) => {
  const { pools } = await client.status();
  return pools.find(({ pool_id }) => pool_id === poolId)?.replicas[0]?.pid;
};
const lease = (poolId: string, holder: string) => client.acquireLease(poolId, { ttl_ms: 600_000, holder });

/** What a command says, while it runs and at its end. */
function begin(...args: string[]) {
  const child = rig.spawn(args);
  return { child, ...listen(child) };
}

describe('apply', () => {
  it('says what it does and why, waits for drains and says what for, and who is not ready yet', async () => {
    const { lease_id } = await lease('code', 'night shift');
    write(`
      chat: { drain: { deadline: 10m } }
      slow: { args: [--load-time, 1h] }
`);
    const { ended, says } = begin('apply');
    await says('code/r0 draining: 1 lease (night shift, expires in ');
    await client.releaseLease(lease_id);
    const { status, stdout } = await ended;
    expect(stdout).toBe(`live-update  chat  drain.deadline: 5m -> 10m (pools.yaml:12:30)
start        slow  new in the file
stop         code  not in the file any more; drained first, up to 5m
Applied. Not ready yet: poolctl wait slow/r0 --for ready
`);
    expect(status).toBe(0);
    expect((await client.status()).pools.map(({ pool_id }) => pool_id)).toEqual(['chat', 'slow']);
    expect(await rig.run('apply', '-q')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('says how many leases it cut', async () => {
    write('      chat: { drain: { deadline: 100ms } }\n      code: {}\n');
    await rig.run('apply');
    await lease('chat', 'night shift');
    write('      code: {}\n');
    expect(await rig.run('apply')).toMatchObject({ status: 0, stdout: expect.stringMatching(/\nApplied\. 1 lease cut\.\n$/) });
  });

  it('--json is the answer of the API, with the operation as it ended where there was one', async () => {
    expect(await rig.json('apply')).toEqual({
      changed: false,
      plan: [
        { pool_id: 'chat', action: 'keep', reasons: [] },
        { pool_id: 'code', action: 'keep', reasons: [] },
      ],
    });
    write('      chat: { stop: { grace: 1s } }\n      code: { args: [--order, crash] }\n');
    expect(await rig.json('apply', '--dry-run')).toMatchObject({ changed: true, plan: [{ action: 'live-update' }, {}] });
    const failed = await rig.run('apply', '--json');
    expect(failed.status).toBe(9);
    expect(JSON.parse(failed.stdout)).toMatchObject({
      changed: true,
      plan: [{ action: 'live-update' }, { action: 'restart' }],
      operation_id: expect.any(String),
      operation: { kind: 'apply', state: 'failed', outcome: 'rolled_back', error: { code: 'RELOAD_FAILED' } },
    });
    expect(failed.stderr).toMatch(/^error: cannot apply pools\.code: .*; the rest was applied {2}\[RELOAD_FAILED\]\n {2}why: /m);
    write('      chat: { stop: 5 }\n');
    const invalid = await rig.run('apply', '--json');
    expect(invalid).toMatchObject({ status: 4, stderr: '' });
    expect(JSON.parse(invalid.stdout)).toMatchObject({
      error: { code: 'INVENTORY_INVALID', retriable: false },
      problems: [{ file: 'pools.yaml', line: 11, code: 'WRONG_TYPE' }],
    });
  });

  it('never shows a secret, of the environment or of an argument', async () => {
    write(`
      chat: {}
      code: { env: { PASS: second-secret }, args: [--load-time, 1ms, --api-key, key-two] }
`);
    const [shown, told] = [await rig.run('apply', '--dry-run', '-v'), await rig.run('apply', '--dry-run', '--json')];
    expect(shown.stdout).toContain('env.PASS: changed (pools.yaml:13:24)');
    expect(shown.stdout).toContain('--api-key ***');
    write('      chat: {}\n      code: { env: { PASS: [third-secret] }, args: [--api-key, key-three, 5] }\n');
    const refused = [await rig.run('apply'), await rig.run('apply', '--json')];
    expect(refused.map(({ status }) => status)).toEqual([4, 4]);
    const all = [shown, told, ...refused].map(({ stdout, stderr }) => stdout + stderr).join('') + supervisor.stderr();
    for (const secret of ['second-secret', 'key-two', 'third-secret', 'key-three']) expect(all).not.toContain(secret);
  });

  it('tells the errors that the supervisor finds, which has another environment than this command', async () => {
    write('      chat: { env: { A: { from_env: TICKET }, B: { from_env: OTHER } } }\n      code: {}\n');
    rig.env.OTHER = 'set for the command alone';
    delete rig.env.TICKET;
    const { status, stdout, stderr } = await rig.run('apply');
    expect({ status, stdout, stderr }).toEqual({
      status: 4,
      stdout: '',
      stderr: `pools.yaml:11:58: error: pools.chat.env.B is read from OTHER, which is not set  [INVALID_VALUE]
  try:  export OTHER before poolctl up
1 error in pools.yaml. Nothing was changed.
`,
    });
  });

  it('ends with 130 after Ctrl-C, and goes on without us', async () => {
    const { lease_id } = await lease('chat', 'night shift');
    const before = await pidOf('chat');
    write('      chat: { args: [--load-time, 1ms, --slots, "2"] }\n      code: {}\n');
    const { child, ended, says } = begin('apply');
    await says('chat/r0 draining: 1 lease');
    child.kill('SIGINT');
    expect(await ended).toMatchObject({
      status: 130,
      stderr: expect.stringMatching(/\nstopped waiting; the apply goes on\. Follow it: poolctl status\n$/),
    });
    expect(await rig.run('apply')).toMatchObject({
      status: 7,
      stdout: '',
      stderr: expect.stringMatching(
        /^error: cannot apply ".*pools\.yaml": an apply is running \(operation .*\) {2}\[OPERATION_IN_PROGRESS\]/,
      ),
    });
    await client.releaseLease(lease_id);
    await rig.run('wait', 'chat', '--for', 'ready');
    await expect.poll(() => pidOf('chat'), { timeout: 20_000 }).not.toBe(before);
  });

  it('is of the file that the supervisor has, and needs a supervisor', async () => {
    expect(await rig.run('apply', '-f', 'other.yaml')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(
        /^error: cannot apply "other\.yaml": the supervisor has another file {2}\[USAGE\]\n {2}why: .*pools\.yaml/,
      ),
    });
    expect((await rig.run('apply', '-f', './pools.yaml')).status).toBe(0);
    await rig.run('down');
    expect(await rig.run('apply')).toMatchObject({
      status: 6,
      stderr: expect.stringMatching(/^error: cannot apply the inventory: no poolctl supervisor is running {2}\[NO_SUPERVISOR\]/),
    });
  });

  it('rewrites what it waits for on a terminal, and leaves plan and end on it', async () => {
    const { lease_id } = await lease('code', 'night shift');
    write('      chat: {}\n');
    const { status, frames } = await onTerminal(rig, { args: ['apply'], columns: 60 }, async (screen) => {
      if (screen.split('draining: ').length === 3) await client.releaseLease(lease_id);
    });
    expect(status).toBe(0);
    expect(frames[0]).toMatch(/^keep {9}chat\nstop {9}code {2}not in the file .*\ncode\/r0 draining: 1 lease /);
    expect(frames.at(-1)).toBe('Applied.\n');
  });
});
