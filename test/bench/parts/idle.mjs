/** CPU time of the supervisor's own processes while 100 engines do nothing: unprobed, then, for poolctl alone, probed every 5 s. */

import { setTimeout as sleep } from 'node:timers/promises';
import { cpuMs } from '../machine.mjs';

/** Windows, of `windowMs` each. */
export const rounds = 3;

const engines = 100;

export async function measure({ fleet, rounds: count, windowMs }) {
  const idle = await windows(
    fleet,
    fleet.kinds.map((start) => start({ count: engines })),
    count,
    windowMs,
  );
  const unprobed = { what: 'CPU in 30 s, 100 unprobed engines', unit: 'ms', ...idle, atMost: 5 };
  // Nobody else probes.
  if (fleet.peers.length > 0) return [unprobed];
  const pool = { health: { path: '/health', interval: '5s' } };
  const probed = fleet.poolctl({ count: engines, mode: 'http', extra: [`\${PORT}`], pool });
  const busy = await windows(fleet, [probed], count, windowMs);
  return [
    unprobed,
    { what: 'CPU, 100 engines probed every 5 s', unit: '% of a core', poolctl: busy.poolctl.map((ms) => ms / 300), atMost: 2 },
  ];
}

/** On-CPU ms in 30 s; the supervisors idle side by side and are stopped at the end. */
async function windows(fleet, supervisors, count, windowMs) {
  const times = fleet.none();
  for (const supervisor of supervisors) await supervisor.up();
  const pids = supervisors.map((supervisor) => supervisor.pids());
  // V8 tidies up once, some 8 s after the start, and takes ten times as long for it as a supervisor needs in a minute.
  await sleep(15_000);
  for (let window = 0; window < count; window++) {
    const before = pids.map((own) => cpuMs(...own));
    await sleep(windowMs);
    for (const [index, { name }] of supervisors.entries())
      times[name].push(((cpuMs(...pids[index]) - before[index]) * 30_000) / windowMs);
  }
  for (const supervisor of supervisors) await supervisor.stop();
  return times;
}
