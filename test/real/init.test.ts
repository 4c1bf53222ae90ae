/** The first run with a real llama-server and a model: what init writes comes to ready as it is. */

import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeTinyModel } from '../rig/gguf.js';
import { Rig } from '../rig/poolctl.js';

const llamaServer = process.env.LLAMA_SERVER ?? '';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.end());

it.skipIf(llamaServer === '')('init --yes and up: the model serves', async () => {
  for (const name of ['bin', 'models']) mkdirSync(join(rig.dir, name));
  symlinkSync(llamaServer, join(rig.dir, 'bin/llama-server'));
  rig.env.PATH = `${join(rig.dir, 'bin')}:${rig.env.PATH}`;
  writeTinyModel(join(rig.dir, 'models/tiny.gguf'));
  expect((await rig.run('init', '--yes')).stderr).toMatch(/^Found llama-server \S+ \(/m);
  await rig.up();
  expect((await rig.run('wait', 'all', '--for', 'ready', '--timeout', '60s')).status).toBe(0);
  expect((await rig.json('status')).pools).toMatchObject([
    { pool_id: 'chat', engine: 'llamacpp', state: 'ready', model_id: 'tiny' },
  ]);
  const { checks } = await rig.json('doctor');
  expect(checks).toContainEqual(
    expect.objectContaining({ name: 'engines', ok: true, detail: expect.stringMatching(/^llama-server b\S+ \(chat\)$/) }),
  );
});
