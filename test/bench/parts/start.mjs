/** From the start of the program to the first instruction of the last of 100 engines; of poolctl also without cgroups, as in respawn.mjs. */

import { childlessCgroup } from '../cgroup.mjs';
import { quiet } from '../machine.mjs';

export const rounds = 5;

const engines = 100;

export async function measure({ fleet, rounds: count }) {
  const childless = childlessCgroup();
  const last = fleet.none();
  const first = fleet.none();
  const ungrouped = { last: [], first: [] };
  for (let round = 0; round < count; round++) {
    for (const start of fleet.kinds) {
      const { name, ...times } = await startMs(start, {});
      last[name].push(times.last);
      first[name].push(times.first);
    }
    if (childless === null) continue;
    const times = await startMs((wish) => fleet.poolctl(wish), { within: childless.within });
    ungrouped.last.push(times.last);
    ungrouped.first.push(times.first);
  }
  childless?.remove();
  return [
    { what: 'start, last of 100 engines', unit: 'ms', ...last, ratioAtMost: 3 },
    { what: 'start, first of 100 engines', unit: 'ms', ...first },
    ...(childless === null
      ? []
      : [
          { what: 'start, last of 100 engines, without cgroups', unit: 'ms', ...last, poolctl: ungrouped.last, ratioAtMost: 3 },
          { what: 'start, first of 100 engines, without cgroups', unit: 'ms', ...first, poolctl: ungrouped.first },
        ]),
  ];
}

async function startMs(start, wish) {
  await quiet();
  const supervisor = start({ count: engines, ...wish });
  const at = (await supervisor.stamps.atLeast(engines)).map((stamp) => stamp.at);
  const { name, begunAt } = supervisor;
  await supervisor.up();
  await supervisor.stop();
  return { name, last: Math.max(...at) - begunAt, first: Math.min(...at) - begunAt };
}
