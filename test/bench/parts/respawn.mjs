/** From the kill of a child to the first instruction of its successor, zero waits: all supervisors up at once, killed in turn. */

import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs, quiet } from '../machine.mjs';

export const rounds = 36;

export async function measure({ fleet, rounds: count }) {
  const supervisors = fleet.kinds.map((start) => start({ count: 1 }));
  for (const supervisor of supervisors) await supervisor.up();
  const steady = fleet.none();
  await quiet();
  for (let round = 0; round < count; round++) {
    for (const supervisor of supervisors) {
      await sleep(1_500 / supervisors.length);
      steady[supervisor.name].push(await respawnMs(supervisor));
    }
  }
  const loop = fleet.none();
  await quiet();
  for (let round = 0; round < Math.ceil(count / 3); round++) {
    for (const supervisor of supervisors) {
      // While the others had their turns, this one's child lived for longer than in a loop.
      await respawnMs(supervisor);
      await sleep(30);
      loop[supervisor.name].push(await respawnMs(supervisor));
    }
  }
  for (const supervisor of supervisors) await supervisor.stop();
  return [
    { what: 'respawn, steady (up 1.5 s)', unit: 'ms', ...steady, ratioAtMost: 2.5 },
    { what: 'respawn, crash loop (up 30 ms)', unit: 'ms', ...loop, ratioAtMost: 2.5 },
  ];
}

async function respawnMs({ stamps }) {
  const before = stamps.read();
  const killedAt = nowMs();
  process.kill(before.at(-1).pid, 'SIGKILL');
  const after = await stamps.atLeast(before.length + 1);
  return after[before.length].at - killedAt;
}
