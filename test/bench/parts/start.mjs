/** From the start of the program to the first instruction of the last of 100 engines. */

import { quiet } from '../machine.mjs';
import { startFloor, startPoolctl } from '../supervisors.mjs';

export const rounds = 5;

const engines = 100;

export async function measure({ directory, child, rounds: count }) {
  const times = { poolctl: [], floor: [] };
  const first = { poolctl: [], floor: [] };
  for (let round = 0; round < count; round++) {
    for (const start of [startFloor, startPoolctl]) {
      await quiet();
      const supervisor = start({ directory, child, count: engines });
      const at = (await supervisor.stamps.atLeast(engines)).map((stamp) => stamp.at);
      times[supervisor.name].push(Math.max(...at) - supervisor.begunAt);
      first[supervisor.name].push(Math.min(...at) - supervisor.begunAt);
      await supervisor.stop();
    }
  }
  return [
    { what: 'start, last of 100 engines', unit: 'ms', ...times, ratioAtMost: 3 },
    { what: 'start, first of 100 engines', unit: 'ms', ...first },
  ];
}
