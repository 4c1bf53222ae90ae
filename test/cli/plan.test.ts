/** `plan`, which is `up --dry-run`: what would be executed, and nothing touched. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fakeNvidiaSmi } from '../rig/fake-nvidia-smi.js';
import { Rig } from '../rig/poolctl.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.end());

it('shows argv, environment, mask, port, deadline and VRAM of every replica, with secrets covered', async () => {
  const { env } = await fakeNvidiaSmi(join(rig.dir, 'gpus'), { gpus: [{ index: 0 }, { index: 1, 'memory.free': 4096 }] });
  Object.assign(rig.env, env, { UPSTREAM: 'from-the-environment' });
  rig.inventory(`version: 1
supervisor: { ports: 27240-27259 }
pools:
  chat:
    engine: demo
    device_masks: [1, 0]
    vram: 8GiB
    args: [--api-key, hunter2]
    env: { MY_TOKEN: tell-nobody, FROM: { from_env: UPSTREAM }, PLAIN: seen }
    health: { startup_deadline: 90s }
  spare: { engine: command, command: [/nowhere/engine, "\${PORT}"], device_masks: [cpu], port: 27300, autostart: false }
`);
  const { replicas } = await rig.json('plan');
  expect(replicas).toMatchObject([
    {
      pool_id: 'chat',
      replica_id: 'r0',
      starts: true,
      device_mask: '1',
      devices: [expect.stringMatching(/^GPU-/)],
      port: 27240,
      startup_deadline_ms: 90_000,
      vram: { needed_bytes: 8 * 2 ** 30, free_bytes: 4 * 2 ** 30, fits: false },
      env: { CUDA_VISIBLE_DEVICES: '1', MY_TOKEN: '***', FROM: '***', PLAIN: 'seen', POOLCTL_REPLICA_ID: 'r0' },
      obstacles: [{ text: expect.stringContaining('it needs 8.0 GiB of VRAM, and 4.0 GiB are free') }],
    },
    { replica_id: 'r1', device_mask: '0', port: 27241, vram: { fits: true }, env: { CUDA_VISIBLE_DEVICES: '0' }, obstacles: [] },
    {
      pool_id: 'spare',
      starts: false,
      argv: ['/nowhere/engine', '27300'],
      port: 27300,
      vram: null,
      obstacles: [{ text: 'cannot run "/nowhere/engine": there is no such file' }],
    },
  ]);
  expect(replicas[0].argv.join(' ')).toMatch(/--port 27240 .*--api-key \*\*\*$/);

  const text = await rig.run('up', '--dry-run');
  expect(text).toMatchObject({ status: 0, stderr: '2 of 3 could not start now. Nothing was started. Next: poolctl up\n' });
  expect(text.stdout).toMatch(/^chat\/r0\n {2}command +\S+ /);
  expect(text.stdout).toContain('\nspare/r0  stays stopped\n');
  expect(text.stdout).toMatch(/\n {2}vram +needs 8\.0 GiB, 4\.0 GiB free: does not fit\n/);
  for (const secret of ['hunter2', 'tell-nobody', 'from-the-environment']) {
    expect(JSON.stringify(replicas)).not.toContain(secret);
    expect(text.stdout).not.toContain(secret);
  }
  expect(existsSync(rig.state)).toBe(false);
});

it('refuses what up refuses: a broken inventory with 4, an unknown pool with 8', async () => {
  rig.inventory('version: 1\npools:\n  chat: { engine: demo, device_masks: [7] }\n');
  expect(await rig.run('plan')).toMatchObject({
    status: 4,
    stdout: '',
    stderr: expect.stringMatching(/\[UNKNOWN_DEVICE\][\s\S]*Nothing was started\.\n$/),
  });
  rig.inventory('version: 1\npools:\n  chat: { engine: demo, device_masks: [cpu] }\n');
  expect(await rig.run('plan', 'chta')).toMatchObject({
    status: 8,
    stderr: expect.stringContaining('try:  poolctl plan chat '),
  });
});
