/**
 * 10, 100 and 500 sleepers in one table, then 300 of 500 that die at once, under the policies that a pool has when nothing is said: storms included.
 * What grows faster than the number of engines is a fault of ours.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '../ask.mjs';
import { waitReady } from '../fleet.mjs';
import { cpuMs, nowMs, quiet, residentBytes, watchExits } from '../machine.mjs';

export const rounds = 2;

const sizes = [10, 100, 500];
const dying = 300;
/** So long after an answer the API is asked again, while they die and come back. */
const everyMs = 20;

const defaults = { settings: { device_storm: { limit: 6, window: '60s' } }, pool: { restart: {} } };

export async function measure({ fleet, rounds: count, windowMs }) {
  const figures = [];
  for (const engines of sizes) {
    const seen = [];
    for (let round = 0; round < count; round++) seen.push(await life(fleet, engines, windowMs / 3));
    figures.push(...lines(engines, seen));
  }
  const deaths = [];
  for (let round = 0; round < count; round++) deaths.push(await massDeath(fleet));
  const of = (key) => deaths.map((death) => death[key]);
  const which = `${dying} of ${sizes.at(-1)} die at once`;
  return [
    ...figures,
    { what: `${which}: all are back`, unit: 's', poolctl: of('seconds') },
    {
      what: `${which}: slowest answer of the API`,
      unit: 'ms',
      poolctl: of('slowestMs'),
      atMost: 250,
      note: `${of('answers').join(', ')} answers`,
    },
    { what: `${which}: CPU for each`, unit: 'ms', poolctl: of('cpuEachMs') },
  ];
}

/** A start, some idle time, answers, and the end, of so many engines. */
async function life(fleet, engines, windowMs) {
  await quiet();
  const supervisor = fleet.poolctl({ count: engines, ...defaults });
  const stamps = await supervisor.stamps.atLeast(engines);
  const startMs = Math.max(...stamps.map(({ at }) => at)) - supervisor.begunAt;
  waitReady(supervisor);
  const startCpuMs = cpuMs(supervisor.pid);
  const status = await answers(supervisor.socket, '/v2/pools', 20);
  // V8 tidies up after the start, and takes longer for it than a supervisor needs in a minute.
  await sleep(20_000);
  const before = cpuMs(supervisor.pid);
  await sleep(windowMs);
  const idleCpuMs = ((cpuMs(supervisor.pid) - before) * 30_000) / windowMs;
  const mib = residentBytes([supervisor.pid]).rss / 2 ** 20;
  const watched = watchExits(
    fleet.child,
    stamps.map(({ pid }) => pid),
  );
  await watched.begun;
  const stopAt = nowMs();
  const ended = supervisor.stop();
  const stopMs = (await watched.gone) - stopAt;
  await ended;
  return { startMs, startCpuMs, statusMs: status, idleCpuMs, mib, stopMs, endMs: nowMs() - stopAt };
}

function lines(engines, seen) {
  const line = (what, unit, key) => ({ what: `${engines} engines: ${what}`, unit, poolctl: seen.map((each) => each[key]) });
  return [
    line('start, the last', 'ms', 'startMs'),
    line('start, CPU until all are ready', 'ms', 'startCpuMs'),
    line('resident', 'MiB', 'mib'),
    line('CPU in 30 s of idling', 'ms', 'idleCpuMs'),
    line('GET /v2/pools', 'ms', 'statusMs'),
    line('stop, the last is gone', 'ms', 'stopMs'),
    line('stop, the supervisor has ended', 'ms', 'endMs'),
  ];
}

/** The median of so many answers, one after another, in ms. */
async function answers(socketPath, path, count) {
  const times = [];
  for (let n = 0; n < count; n++) {
    const begun = nowMs();
    await ask({ socketPath, path });
    times.push(nowMs() - begun);
  }
  return times.sort((a, b) => a - b)[count >> 1];
}

async function massDeath(fleet) {
  const engines = sizes.at(-1);
  await quiet();
  const supervisor = fleet.poolctl({ count: engines, ...defaults });
  const stamps = await supervisor.stamps.atLeast(engines);
  waitReady(supervisor);
  const [begun, before] = [nowMs(), cpuMs(supervisor.pid)];
  for (const { pid } of stamps.slice(0, dying)) process.kill(pid, 'SIGKILL');
  const times = await askUntilBack(supervisor.socket);
  const seconds = (nowMs() - begun) / 1000;
  const cpuEachMs = (cpuMs(supervisor.pid) - before) / dying;
  await supervisor.stop();
  return { seconds, cpuEachMs, slowestMs: Math.max(...times), answers: times.length };
}

/** How long each answer took, to one client that asks for little and to one that asks for all, until that one sees all engines ready again. */
async function askUntilBack(socketPath) {
  const times = [];
  let back = false;
  const client = async (path, see) => {
    while (!back) {
      const begun = nowMs();
      const answer = await ask({ socketPath, path, agent: false });
      times.push(nowMs() - begun);
      see(answer);
      await sleep(everyMs);
    }
  };
  await Promise.all([
    client('/health', () => {}),
    client('/v2/pools', (answer) => {
      const [pool] = JSON.parse(answer).pools;
      back = pool.restarts_total >= dying && pool.replicas.every(({ ready }) => ready);
    }),
  ]);
  return times;
}
