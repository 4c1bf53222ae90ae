/** `plan`, which is `up --dry-run`: what would be executed, and nothing touched. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fakeNvidiaSmi } from '../rig/fake-nvidia-smi.js';
import { writeTinyModel } from '../rig/gguf.js';
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
      vram: { needed_bytes: 8 * 2 ** 30, free_bytes: 4 * 2 ** 30, fits: false, source: 'configured' },
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

it('beside a supervisor its own engines hold no port against it, a reload is shown, and ports come as up gives them', async () => {
  rig.inventory(`version: 1
supervisor: { ports: 27250-27259 }
pools:
  spare: { engine: demo, device_masks: [cpu], autostart: false }
  chat: { engine: demo, model: "hf:demo/models/small", device_masks: [cpu], args: [--load-time, 1ms] }
`);
  const ports = [
    { pool_id: 'spare', port: 27251 },
    { pool_id: 'chat', port: 27250 },
  ];
  expect((await rig.json('plan')).replicas).toMatchObject(ports);
  await rig.up();
  expect((await rig.run('wait', 'chat', '--for', 'ready')).status).toBe(0);
  expect((await rig.json('status', 'chat')).pools[0].replicas[0].port).toBe(27250);
  expect((await rig.run('reload', 'chat', '--model', 'hf:demo/models/large')).status).toBe(0);

  const chosen = { model_ref: 'hf:demo/models/large', file_model_ref: 'hf:demo/models/small' };
  const { replicas } = await rig.json('plan');
  expect(replicas).toMatchObject(ports);
  expect(replicas[1]).toMatchObject({ obstacles: [], override: chosen, argv: expect.arrayContaining(['hf:demo/models/large']) });
  const text = await rig.run('plan', 'chat');
  expect(text.stdout).toContain('override   hf:demo/models/large, by a reload; pools.yaml names hf:demo/models/small\n');
  expect(text.stderr).toBe('Nothing was started. Next: poolctl up\n');

  expect((await rig.run('down')).status).toBe(0);
  expect((await rig.json('plan')).replicas[1]).toMatchObject({ override: null });
});

it('answers an inventory that cannot be used as any other failure, with what is wrong beside it', async () => {
  rig.inventory('version: 1\npools: { chat: { engine: demo, device_masks: [cpu], wrong: 1 } }\n');
  for (const command of [['plan'], ['up']]) {
    const { status, stdout } = await rig.run(...command, '--json');
    expect(status).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({
      error: {
        code: 'INVENTORY_INVALID',
        message: expect.stringMatching(/^cannot (plan|start): pools\.yaml: unknown key "wrong"/),
      },
      problems: [{ code: 'UNKNOWN_KEY', line: 2 }],
    });
  }
});

it('estimates what a model needs by its tensors, says that it is an estimate, and makes no obstacle of it', async () => {
  const gpus = [{ 'memory.free': 4096 }, { 'memory.free': 0 }];
  const { env } = await fakeNvidiaSmi(join(rig.dir, 'gpus'), { gpus });
  Object.assign(rig.env, env);
  writeTinyModel(join(rig.dir, 'tiny.gguf'));
  rig.inventory(`version: 1
supervisor: { ports: 30500-30509 }
defaults: { model: tiny.gguf, engine: command, command: [sleep, "1"], share: true }
pools:
  roomy: { device_masks: [0] }
  tight: { device_masks: [1] }
  said: { device_masks: [1], vram: 8GiB }
`);
  const { replicas } = await rig.json('plan');
  const estimate = { needed_bytes: 178_432, source: 'estimate' };
  expect(replicas).toMatchObject([
    {
      model: { name: 'tiny', architecture: 'llama', parameters: 89_024, context_length: 32768 },
      vram: { ...estimate, free_bytes: 4 * 2 ** 30, fits: true },
      obstacles: [],
    },
    { vram: { ...estimate, free_bytes: 0, fits: false }, obstacles: [] },
    { vram: { needed_bytes: 8 * 2 ** 30, free_bytes: 0, fits: false, source: 'configured' }, obstacles: [{}] },
  ]);
  const { stdout } = await rig.run('plan');
  expect(stdout).toMatch(/\n {2}model +tiny, architecture llama, 89,024 parameters, trained for 32768 tokens\n/);
  expect(stdout).toMatch(/\n {2}vram +its tensors take 174\.3 KiB \(estimate\), 4\.0 GiB free\n/);
  expect(stdout).toMatch(/\n {2}vram +its tensors take 174\.3 KiB \(estimate\), 0 B free: may not fit\n/);
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
