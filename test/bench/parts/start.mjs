/** From the start of the program to the first instruction of the last of 100 engines. */

import { quiet } from '../machine.mjs';

export const rounds = 5;

const engines = 100;

export async function measure({ fleet, rounds: count }) {
  const last = fleet.none();
  const first = fleet.none();
  for (let round = 0; round < count; round++) {
    for (const start of fleet.kinds) {
      await quiet();
      const supervisor = start({ count: engines });
      const at = (await supervisor.stamps.atLeast(engines)).map((stamp) => stamp.at);
      last[supervisor.name].push(Math.max(...at) - supervisor.begunAt);
      first[supervisor.name].push(Math.min(...at) - supervisor.begunAt);
      await supervisor.up();
      await supervisor.stop();
    }
  }
  return [
    { what: 'start, last of 100 engines', unit: 'ms', ...last, ratioAtMost: 3 },
    { what: 'start, first of 100 engines', unit: 'ms', ...first },
  ];
}
