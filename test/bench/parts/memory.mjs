/** Resident memory of the supervisor alone, with 10 and with 110 engines. */

import { setTimeout as sleep } from 'node:timers/promises';
import { residentBytes } from '../machine.mjs';

export const rounds = 3;

export async function measure({ fleet, rounds: count }) {
  const mib = { poolctl: { 10: [], 110: [] }, floor: { 10: [], 110: [] } };
  for (let round = 0; round < count; round++) {
    for (const engines of [10, 110]) {
      for (const start of fleet.kinds) {
        const supervisor = start({ count: engines });
        await supervisor.stamps.atLeast(engines);
        await sleep(2_500);
        mib[supervisor.name][engines].push(residentBytes(supervisor.pid) / 2 ** 20);
        await supervisor.stop();
      }
    }
  }
  const each = (values) => values[110].map((more, round) => ((more - values[10][round]) * 1024) / 100);
  return [
    { what: 'resident, 10 engines', unit: 'MiB', poolctl: mib.poolctl[10], floor: mib.floor[10], ratioAtMost: 1.6 },
    { what: 'each further engine, up to 110', unit: 'KiB', poolctl: each(mib.poolctl), floor: each(mib.floor), atMost: 70 },
  ];
}
