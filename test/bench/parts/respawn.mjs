/**
 * From the kill of a child to the first instruction of its successor, zero waits: all supervisors up at once, killed in turn. Where poolctl can give each
 * engine a cgroup, the kernel takes its time to move a process into one (a grace period of its RCU): it is also measured without.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { childlessCgroup } from '../cgroup.mjs';
import { nowMs, quiet } from '../machine.mjs';

export const rounds = 36;

export async function measure({ fleet, rounds: count }) {
  const childless = childlessCgroup();
  const usual = fleet.kinds.map((start) => start({ count: 1 }));
  const ungrouped = childless === null ? null : fleet.poolctl({ count: 1, within: childless.within });
  const supervisors = ungrouped === null ? usual : [...usual, ungrouped];
  for (const supervisor of supervisors) await supervisor.up();
  const steady = new Map(supervisors.map((supervisor) => [supervisor, []]));
  const loop = new Map(supervisors.map((supervisor) => [supervisor, []]));
  await quiet();
  for (let round = 0; round < count; round++) {
    for (const supervisor of supervisors) {
      await sleep(1_500 / supervisors.length);
      steady.get(supervisor).push(await respawnMs(supervisor));
    }
  }
  await quiet();
  for (let round = 0; round < Math.ceil(count / 3); round++) {
    for (const supervisor of supervisors) {
      // While the others had their turns, this one's child lived for longer than in a loop.
      await respawnMs(supervisor);
      await sleep(30);
      loop.get(supervisor).push(await respawnMs(supervisor));
    }
  }
  for (const supervisor of supervisors) await supervisor.stop();
  childless?.remove();
  const named = (times) => Object.fromEntries(usual.map((supervisor) => [supervisor.name, times.get(supervisor)]));
  const figures = (what, times) => [
    { what, unit: 'ms', ...named(times), ratioAtMost: 2.5 },
    ...(ungrouped === null
      ? []
      : [{ what: `${what}, without cgroups`, unit: 'ms', ...named(times), poolctl: times.get(ungrouped), ratioAtMost: 2.5 }]),
  ];
  return [...figures('respawn, steady (up 1.5 s)', steady), ...figures('respawn, crash loop (up 30 ms)', loop)];
}

async function respawnMs({ stamps }) {
  const before = stamps.read();
  const killedAt = nowMs();
  process.kill(before.at(-1).pid, 'SIGKILL');
  const after = await stamps.atLeast(before.length + 1);
  return after[before.length].at - killedAt;
}
