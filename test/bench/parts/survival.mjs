/**
 * What becomes of 10 engines when their supervisor is killed with SIGKILL and started again: the process that was begun, or, where it is several,
 * all of them. An engine lives on; it has a double when the new supervisor starts another under its name; it is watched when it is brought back
 * after its own death. Only an engine that is watched and has no double was taken over.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { watchExits } from '../machine.mjs';

export const rounds = 1;

const engines = 10;
/** Longer than any of them takes for a start, or to notice a death. */
const settleMs = 4_000;

export async function measure({ fleet, rounds: count }) {
  const figures = [];
  for (const [victim, all] of [
    ['the supervisor', false],
    ['all its processes', true],
  ]) {
    const seen = { alive: fleet.none(), doubles: fleet.none(), watched: fleet.none() };
    for (let round = 0; round < count; round++) {
      const found = await Promise.all(fleet.kinds.slice(1).map(async (start) => survive(fleet, start({ count: engines }), all)));
      for (const { name, ...counts } of found) for (const [what, value] of Object.entries(counts)) seen[what][name].push(value);
    }
    const unit = `of ${engines}`;
    figures.push(
      { what: `kill -9 of ${victim}: engines that live on`, unit, ...seen.alive },
      { what: '... started again: those that have a double', unit, ...seen.doubles },
      { what: '... started again: those that are watched', unit, ...seen.watched },
    );
  }
  return figures;
}

async function survive({ child }, supervisor, all) {
  const { name, stamps } = supervisor;
  await supervisor.up();
  const watched = watchExits(child, supervisor.kill(all));
  await watched.gone;
  await sleep(settleMs);
  const old = supervisor.engines();
  supervisor.begin();
  await sleep(settleMs);
  const living = supervisor.engines();
  const before = stamps.read().length;
  for (const { pid } of old) process.kill(pid, 'SIGKILL');
  await sleep(settleMs);
  const back = new Set(
    stamps
      .read()
      .slice(before)
      .map((stamp) => stamp.name),
  );
  await supervisor.stop();
  return {
    name,
    alive: old.length,
    doubles: old.filter((one) => living.some(({ name, pid }) => name === one.name && pid !== one.pid)).length,
    watched: old.filter((one) => back.has(one.name)).length,
  };
}
