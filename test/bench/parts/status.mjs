/** The state of all engines on the command line, `poolctl status --json`, against an empty Node program that asks the same supervisor the same. */

import { spawnSync } from 'node:child_process';
import { getting } from '../fleet.mjs';
import { nowMs, quiet } from '../machine.mjs';

export const rounds = 25;

export async function measure({ fleet, rounds: count }) {
  const figures = [];
  for (const engines of fleet.peers.length > 0 ? [10, 100] : [1, 10]) {
    const ours = fleet.poolctl({ count: engines });
    const supervisors = [ours, ...fleet.peers.map((start) => start({ count: engines }))];
    for (const supervisor of supervisors) await supervisor.up();
    await quiet();
    const asked = [{ name: 'floor', status: getting(ours.socket), env: ours.env }, ...supervisors];
    const times = fleet.none();
    for (let round = -2; round < count; round++) {
      for (const { name, status, env } of asked) {
        const took = timed(status, env);
        if (round >= 0) times[name].push(took);
      }
    }
    for (const supervisor of supervisors) await supervisor.stop();
    figures.push({ what: `status --json, ${engines} engine${engines === 1 ? '' : 's'}`, unit: 'ms', ...times, ratioAtMost: 1.3 });
  }
  return figures;
}

function timed([program, ...args], env) {
  const begun = nowMs();
  const { status } = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'], env });
  if (status !== 0) throw new Error(`${[program, ...args].join(' ')} ended with ${status}`);
  return nowMs() - begun;
}
