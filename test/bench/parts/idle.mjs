/** CPU time of the supervisor alone while 100 engines do nothing: unprobed, then probed every 5 s. */

import { setTimeout as sleep } from 'node:timers/promises';
import { waitReady } from '../fleet.mjs';
import { cpuMs } from '../machine.mjs';

/** Windows, of `windowMs` each. */
export const rounds = 3;

const engines = 100;

export async function measure({ fleet, rounds: count, windowMs }) {
  const floor = fleet.floor({ count: engines });
  const unprobed = fleet.poolctl({ count: engines });
  const idle = await windows([floor, unprobed], count, windowMs);

  const pool = { health: { path: '/health', interval: '5s' } };
  const probed = fleet.poolctl({ count: engines, mode: 'http', extra: [`\${PORT}`], pool });
  const busy = await windows([probed], count, windowMs);
  return [
    { what: 'CPU in 30 s, 100 unprobed engines', unit: 'ms', poolctl: idle.poolctl, floor: idle.floor, atMost: 5 },
    { what: 'CPU, 100 engines probed every 5 s', unit: '% of a core', poolctl: busy.poolctl.map((ms) => ms / 300), atMost: 2 },
  ];
}

/** On-CPU ms in 30 s; the supervisors idle side by side and are stopped at the end. */
async function windows(supervisors, count, windowMs) {
  const times = { poolctl: [], floor: [] };
  for (const supervisor of supervisors) {
    await supervisor.stamps.atLeast(engines);
    if (supervisor.name === 'poolctl') waitReady(supervisor);
  }
  // V8 tidies up once, some 8 s after the start, and takes ten times as long for it as a supervisor needs in a minute.
  await sleep(15_000);
  for (let window = 0; window < count; window++) {
    const before = supervisors.map(({ pid }) => cpuMs(pid));
    await sleep(windowMs);
    for (const [index, { name, pid }] of supervisors.entries())
      times[name].push(((cpuMs(pid) - before[index]) * 30_000) / windowMs);
  }
  for (const supervisor of supervisors) await supervisor.stop();
  return times;
}
