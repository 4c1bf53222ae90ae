/** `poolctl status --json` against an empty Node program that asks the same supervisor the same. */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { poolctl, waitReady } from '../fleet.mjs';
import { nowMs, quiet } from '../machine.mjs';

export const rounds = 25;

export async function measure({ fleet, rounds: count }) {
  const figures = [];
  for (const engines of [1, 10]) {
    const supervisor = fleet.poolctl({ count: engines });
    await supervisor.stamps.atLeast(engines);
    waitReady(supervisor);
    await quiet();
    const get = [fileURLToPath(new URL('../get.mjs', import.meta.url)), supervisor.socket, '/v2/pools'];
    const status = [poolctl, 'status', '--json', '--state-dir', supervisor.state];
    const times = { poolctl: [], floor: [] };
    for (let round = -2; round < count; round++) {
      const floor = timed(get);
      const ours = timed(status);
      if (round < 0) continue;
      times.floor.push(floor);
      times.poolctl.push(ours);
    }
    await supervisor.stop();
    figures.push({ what: `status --json, ${engines} engine${engines === 1 ? '' : 's'}`, unit: 'ms', ...times, ratioAtMost: 1.3 });
  }
  return figures;
}

function timed(argv) {
  const begun = nowMs();
  const { status } = spawnSync(process.execPath, argv, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { PATH: process.env.PATH, NODE_ENV: 'production' },
  });
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}`);
  return nowMs() - begun;
}
