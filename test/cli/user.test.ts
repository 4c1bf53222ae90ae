/** Engines that run as somebody else. Only root can do that; whoever else runs this test sees the refusal. */

import { readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lookUpUser } from '../../src/host/users.js';
import { Rig } from '../rig/poolctl.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.end());

it('runs an engine as another user, in a directory of that user', async () => {
  rig.inventory(`version: 1
pools:
  other: { engine: command, command: [sleep, "600"], user: nobody, device_masks: [cpu], health: { path: none, min_uptime: 0s } }
`);
  await rig.up();
  const asRoot = process.getuid?.() === 0;
  expect((await rig.run('wait', 'other', '--for', asRoot ? 'ready' : 'failed', '--timeout', '20s')).status).toBe(0);
  const [replica] = (await rig.json('status')).pools[0].replicas;
  if (!asRoot) return expect(replica.why).toContain('cannot run as "nobody": only root can');
  const nobody = await lookUpUser('nobody');
  expect(readFileSync(`/proc/${replica.pid}/status`, 'utf8')).toContain(`\nUid:\t${nobody?.uid}\t${nobody?.uid}\t`);
  const workdir = readlinkSync(`/proc/${replica.pid}/cwd`);
  expect(statSync(workdir)).toMatchObject({ uid: nobody?.uid });
  expect(workdir).toMatch(/^\/var\/tmp\/poolctl-0\/[0-9a-f]{12}\/other\/r0$/);
  rmSync(dirname(dirname(workdir)), { recursive: true });
});
