/** From a SIGTERM to the supervisor until the last of 100 engines has exited. They die at once when they are told to. */

import { waitReady } from '../fleet.mjs';
import { nowMs, quiet, watchExits } from '../machine.mjs';

export const rounds = 5;

const engines = 100;

export async function measure({ fleet, rounds: count }) {
  const gone = { poolctl: [], floor: [] };
  const ended = { poolctl: [], floor: [] };
  for (let round = 0; round < count; round++) {
    for (const start of fleet.kinds) {
      const supervisor = start({ count: engines });
      const stamps = await supervisor.stamps.atLeast(engines);
      if (supervisor.name === 'poolctl') waitReady(supervisor);
      const watched = watchExits(
        fleet.child,
        stamps.map(({ pid }) => pid),
      );
      await watched.begun;
      await quiet();
      const begun = nowMs();
      const exit = supervisor.stop().then(() => nowMs() - begun);
      gone[supervisor.name].push((await watched.gone) - begun);
      ended[supervisor.name].push(await exit);
    }
  }
  return [
    { what: 'stop, 100 engines gone', unit: 'ms', ...gone, atMost: 60 },
    { what: 'stop, supervisor ended', unit: 'ms', ...ended },
  ];
}
