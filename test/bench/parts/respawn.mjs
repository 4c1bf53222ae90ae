/** From the kill of a child to the first instruction of its successor, zero waits: both supervisors up at once, killed in turn. */

import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs, quiet } from '../machine.mjs';

export const rounds = 36;

export async function measure({ fleet, rounds: count }) {
  const supervisors = [fleet.floor({ count: 1 }), fleet.poolctl({ count: 1 })];
  for (const { stamps } of supervisors) await stamps.atLeast(1);
  const steady = await killInTurn(supervisors, count, 1_500);
  const loop = await killInTurn(supervisors, Math.ceil(count / 3), 30);
  for (const supervisor of supervisors) await supervisor.stop();
  return [
    { what: 'respawn, steady (up 1.5 s)', unit: 'ms', ...steady, ratioAtMost: 2.5 },
    { what: 'respawn, crash loop (up 30 ms)', unit: 'ms', ...loop, ratioAtMost: 2.5 },
  ];
}

async function killInTurn(supervisors, count, upMs) {
  const times = { poolctl: [], floor: [] };
  await quiet();
  for (let round = 0; round < count; round++) {
    for (const { name, stamps } of supervisors) {
      await sleep(upMs / supervisors.length);
      const before = stamps.read();
      const killedAt = nowMs();
      process.kill(before.at(-1).pid, 'SIGKILL');
      const after = await stamps.atLeast(before.length + 1);
      times[name].push(after[before.length].at - killedAt);
    }
  }
  return times;
}
