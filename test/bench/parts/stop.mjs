/** From the order to stop all, SIGTERM where nothing better is known, until the last of 100 engines has exited. They die at once when they are told to. */

import { nowMs, quiet, watchExits } from '../machine.mjs';

export const rounds = 5;

const engines = 100;

export async function measure({ fleet, rounds: count }) {
  const gone = fleet.none();
  const ended = fleet.none();
  for (let round = 0; round < count; round++) {
    for (const start of fleet.kinds) {
      const supervisor = start({ count: engines });
      const stamps = await supervisor.up();
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
