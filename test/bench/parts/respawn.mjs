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
  const floor = fleet.floor({ count: 1 });
  const poolctls = [
    ['', fleet.poolctl({ count: 1 })],
    ...(childless === null ? [] : [[', without cgroups', fleet.poolctl({ count: 1, within: childless.within })]]),
  ];
  const supervisors = [floor, ...poolctls.map(([, supervisor]) => supervisor)];
  for (const { stamps } of supervisors) await stamps.atLeast(1);
  const steady = await killInTurn(supervisors, count, 1_500);
  const loop = await killInTurn(supervisors, Math.ceil(count / 3), 30);
  for (const supervisor of supervisors) await supervisor.stop();
  childless?.remove();
  const figures = (what, times) =>
    poolctls.map(([how, supervisor]) => ({
      what: `${what}${how}`,
      unit: 'ms',
      poolctl: times.get(supervisor),
      floor: times.get(floor),
      ratioAtMost: 2.5,
    }));
  return [...figures('respawn, steady (up 1.5 s)', steady), ...figures('respawn, crash loop (up 30 ms)', loop)];
}

async function killInTurn(supervisors, count, upMs) {
  const times = new Map(supervisors.map((supervisor) => [supervisor, []]));
  await quiet();
  for (let round = 0; round < count; round++) {
    for (const supervisor of supervisors) {
      const { stamps } = supervisor;
      await sleep(upMs / supervisors.length);
      const before = stamps.read();
      const killedAt = nowMs();
      process.kill(before.at(-1).pid, 'SIGKILL');
      const after = await stamps.atLeast(before.length + 1);
      times.get(supervisor).push(after[before.length].at - killedAt);
    }
  }
  return times;
}
