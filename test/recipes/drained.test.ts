/** The script that runs a command while no engine runs. */

import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listen } from '../rig/listen.js';
import type { Rig } from '../rig/poolctl.js';
import { recipe, rigWithProgram } from './rig.js';

let rig: Rig;
beforeEach(async () => {
  rig = rigWithProgram(`version: 1
supervisor: { ports: 30730-30739 }
pools:
  chat: { engine: demo, device_masks: [cpu, cpu], args: [--load-time, "50"], health: { startup_interval: 50ms } }
  off: { engine: demo, device_masks: [cpu], autostart: false }
`);
  await rig.up();
  await rig.run('wait', 'chat', '--for', 'ready', '--timeout', '30s');
});
afterEach(() => rig.end());

const run = (line: string, env: Readonly<Record<string, string>> = {}) => {
  const words = ['sh', '-c', line];
  const child = spawn(recipe('drained.sh'), words, {
    cwd: rig.dir,
    env: { ...rig.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { child, ...listen(child) };
};
const states = async () =>
  (await rig.json('status')).pools.flatMap(({ replicas }: { replicas: { state: string }[] }) =>
    replicas.map(({ state }) => state),
  );

describe('drained.sh', () => {
  it('drains what is wanted up, runs the command, starts the same again, and returns its status', async () => {
    const { status } = await run('poolctl status > during; exit 9').ended;
    expect(status).toBe(9);
    expect(readFileSync(join(rig.dir, 'during'), 'utf8').match(/ stopped /g)).toHaveLength(3);
    expect(await states()).toEqual(['ready', 'ready', 'stopped']);
  });

  it('gives up where it would cut somebody off, and is to be strict', async () => {
    await rig.run('lease', 'acquire', 'chat/r0', '--holder', 'night shift');
    const { status, stdout } = await run(': > ran', { DEADLINE: '300ms', STRICT: '1' }).ended;
    expect(status).toBe(5);
    expect(stdout).toContain('night shift');
    expect(existsSync(join(rig.dir, 'ran'))).toBe(false);
    expect(await states()).toEqual(['ready', 'ready', 'stopped']);
  });

  it('runs nothing without a supervisor, which it cannot ask', async () => {
    await rig.run('down');
    expect((await run(': > ran').ended).status).toBe(6);
    expect(existsSync(join(rig.dir, 'ran'))).toBe(false);
  });
});
