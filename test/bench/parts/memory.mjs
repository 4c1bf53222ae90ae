/** Resident memory of the supervisor's own processes, with 10 and with 110 engines. */

import { setTimeout as sleep } from 'node:timers/promises';
import { residentBytes } from '../machine.mjs';

export const rounds = 3;

export async function measure({ fleet, rounds: count }) {
  const rss = { 10: fleet.none(), 110: fleet.none() };
  const pss = { 10: fleet.none(), 110: fleet.none() };
  for (let round = 0; round < count; round++) {
    for (const engines of [10, 110]) {
      for (const start of fleet.kinds) {
        const supervisor = start({ count: engines });
        await supervisor.stamps.atLeast(engines);
        await sleep(2_500);
        const bytes = residentBytes(supervisor.pids());
        rss[engines][supervisor.name].push(bytes.rss / 2 ** 20);
        pss[engines][supervisor.name].push(bytes.pss / 2 ** 20);
        await supervisor.stop();
      }
    }
  }
  const each = Object.fromEntries(
    Object.entries(rss[110]).map(([name, values]) => [
      name,
      values.map((more, round) => ((more - rss[10][name][round]) * 1024) / 100),
    ]),
  );
  return [
    { what: 'resident, 10 engines', unit: 'MiB', ...rss[10], ratioAtMost: 1.6 },
    { what: 'each further engine, up to 110', unit: 'KiB', ...each, atMost: 70 },
    { what: 'resident, 110 engines', unit: 'MiB', ...rss[110] },
    { what: 'proportional (PSS), 10 engines', unit: 'MiB', ...pss[10] },
    { what: 'proportional (PSS), 110 engines', unit: 'MiB', ...pss[110] },
  ];
}
