/** What users send to a model may be in its log, and may say anything. */

import { afterEach, beforeEach, expect, it } from 'vitest';
import { rules } from '../../src/diagnosis/rules.js';
import { ask } from '../rig/demo-engine.js';
import { Rig } from '../rig/poolctl.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.end());

const inventory = `version: 1
supervisor: { ports: 27500-27599 }
pools:
  chat:
    engine: demo
    args: [--load-time, "0", --token-time, "0", --log-prompts]
    device_masks: [cpu]
    restart: { policy: never }
`;

it('every fatal phrase, as a prompt in the log of a living engine, is no alarm', async () => {
  rig.inventory(inventory);
  const { stderr } = await rig.up();
  await rig.run('wait', 'chat', '--for', 'ready', '--timeout', '20s');
  const [before] = (await rig.json('status')).pools[0].replicas;
  for (const { example } of rules()) {
    const { status } = await ask(before.port, 'POST', '/completion', { prompt: example, n_predict: 1 });
    expect(status).toBe(200);
  }
  // The log has been followed this far when an error of the engine's own, after them all, is heard.
  await ask(before.port, 'POST', `/demo/gpu-error?text=${encodeURIComponent('CUDA error: unknown error')}`);
  await expect.poll(stderr, { timeout: 20_000 }).toContain('replica.unhealthy');
  const alarms = stderr()
    .split('\n')
    .filter((line) => line.includes('"replica.unhealthy"'))
    .map((line) => JSON.parse(line).reason);
  expect(alarms).toEqual([expect.stringContaining('CUDA error: unknown error')]);
  // One token has shown that it was nothing.
  await rig.run('wait', 'chat', '--for', 'ready', '--timeout', '20s');
  expect((await rig.json('status')).pools[0].replicas[0].pid).toBe(before.pid);
});
