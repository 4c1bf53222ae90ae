/** A pool of a hundred engines, most of which die at once: one common cause is no storm, and whoever asks meanwhile is answered. */

import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ask } from '../features/world/ask.js';
import { Rig } from '../rig/poolctl.js';

const [engines, dying] = [100, 60];

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.end());

type Shown = { readonly pid: number; readonly ready: boolean; readonly restarts_total: number };

it('brings all of them back, and trips nothing', async () => {
  rig.inventory(`version: 1
supervisor: { ports: 29000-29099, loads: { total: ${engines} } }
pools:
  sleepers:
    engine: command
    command: [sleep, "600"]
    device_masks: [${Array(engines).fill('cpu').join(', ')}]
    health: { path: none, min_uptime: 0s }
`);
  await rig.up();
  expect((await rig.run('wait', 'all', '--for', 'ready', '--timeout', '50s')).status).toBe(0);
  const socketPath = join(rig.state, 'poolctl.sock');
  const shown = async (): Promise<readonly Shown[]> => {
    const answer = await ask({ socketPath, method: 'GET', path: '/v2/pools' });
    expect(answer.status).toBe(200);
    return answer.json().pools[0].replicas;
  };
  const before = await shown();
  for (const { pid } of before.slice(0, dying)) process.kill(pid, 'SIGKILL');
  const restarts = Array.from({ length: engines }, (_, n) => (n < dying ? 1 : 0));
  let after = await shown();
  while (!after.every(({ ready, restarts_total: had }, n) => ready && had === restarts[n])) after = await shown();
  expect(after.slice(dying).map(({ pid }) => pid)).toEqual(before.slice(dying).map(({ pid }) => pid));
  expect(new Set(after.map(({ pid }) => pid)).size).toBe(engines);
  const events = (await rig.run('events', '--json')).stdout.trimEnd().split('\n');
  const names = events.map((line) => JSON.parse(line).event as string);
  expect(names.filter((name) => name === 'replica.crashed')).toHaveLength(dying);
  expect(names.filter((name) => name === 'storm.tripped' || name === 'storm.limited' || name === 'breaker.changed')).toEqual([]);
});
