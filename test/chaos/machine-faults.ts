/** What befalls the machine and the supervisor: its death and its stalls, a full disk, files that others touch. */

import { closeSync, openSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../sim/random.js';
import { replace, supervisorGone } from './operators.js';
import { allKeys, policy } from './pools.js';
import { type Part, pause, type Run } from './run-state.js';

/** The supervisor's own troubles, one at a time. */
export const supervisorFaults: Part = async (run, random, signal) => {
  while (!signal.aborted) {
    await pause(random.exponential(6_000), signal);
    if (signal.aborted || run.chronicle.broken.aborted) return;
    const fault = random.weighted<keyof typeof troubles>([
      [4, 'supervisor stopped for a while'],
      [2, 'second supervisor'],
      ...(run.mayDie ? deadly : []),
    ]);
    run.chronicle.count('faults', fault);
    run.chronicle.line(`fault: ${fault}`);
    await troubles[fault](run, random);
  }
};

const deadly = [
  [6, 'supervisor killed'],
  [2, 'supervisor killed, and its registry torn'],
  [2, 'down --keep-engines'],
  [1, 'down'],
] as const;

const troubles = {
  'supervisor killed': (run: Run, random: Random) =>
    replace(run, 'at any moment', () => sleep(random.chance(0.5) ? 0 : random.between(0, 2_000))),
  'supervisor killed, and its registry torn': (run: Run, random: Random) =>
    replace(run, 'before a power cut', () => tear(run, random)),
  'supervisor stopped for a while': ({ supervisor }: Run, random: Random) =>
    supervisor.inTurn(() => supervisor.hold(random.chance(0.7) ? random.between(100, 2_000) : random.between(2_000, 6_000))),
  'second supervisor': (run: Run) => run.supervisor.inTurn(() => secondSupervisor(run)),
  'down --keep-engines': (run: Run) => run.supervisor.inTurn(() => leaveEngines(run)),
  down: (run: Run) =>
    run.supervisor.inTurn(async () => {
      await downAndOut(run);
      if (!run.chronicle.broken.aborted) await run.supervisor.up();
    }),
} as const;

async function leaveEngines(run: Run): Promise<void> {
  const { supervisor, leases, chronicle } = run;
  leases.lostAll();
  const { code, stderr } = await supervisor.down('--keep-engines');
  supervisorGone(run);
  if (code !== 0) return chronicle.violate(`down --keep-engines has ended with ${code}: ${stderr}`);
  await supervisor.up();
}

/** The whole registry may be lost: goals with it, and engines are then known by the logs that they write, and are stopped. */
function tear({ place, excuses, goals }: Run, random: Random): void {
  const registry = join(place.state, 'state.json');
  excuses.open('a torn registry', allKeys, 0);
  goals.all(null, 'a torn registry');
  truncateSync(registry, Math.floor(random.next() * statSync(registry).size));
}

async function secondSupervisor({ supervisor, chronicle, gpus }: Run): Promise<void> {
  const wereMissing = gpus.areMissing;
  const { code, stderr } = await supervisor.run('up');
  // One that finds a GPU missing has not come so far.
  if (code !== null && code !== 7 && !(code === 4 && (wereMissing || gpus.areMissing)))
    chronicle.violate(`a second supervisor has ended with ${code} and not with 7: ${stderr}`);
}

/** `poolctl down`: when it has ended, nobody of this run is left. What it was asked before is forgotten. */
export async function downAndOut(run: Run): Promise<void> {
  const { supervisor, excuses, goals, leases, restarts, chronicle, witness, strays } = run;
  const excuse = excuses.open('down', allKeys, policy.shutdownMs);
  goals.all(null, 'down');
  const { code, stderr } = await supervisor.down();
  leases.lostAll();
  restarts.forget();
  if (code !== 0 && code !== 5) return chronicle.violate(`down has ended with ${code}: ${stderr}`);
  await witness.look();
  const left = [
    ...witness.alive.map(({ key, pid }) => `${key} pid ${pid}`),
    ...strays.living.map(({ pid, how, engine }) => `pid ${pid}, forked by ${engine.key} (${how})`),
    ...witness.others
      .filter(({ instance }) => instance !== null)
      .map(({ pid, instance }) => `pid ${pid} of instance ${instance}`),
  ];
  if (left.length > 0) chronicle.violate(`down has ended with ${code}, and there are left: ${left.join('; ')}`);
  excuses.close(excuse);
  goals.all('up', 'up after down');
}

export const diskFaults: Part = async (run, random, signal) => {
  const { place, chronicle } = run;
  const filler = join(place.state, 'filler');
  while (place.hasOwnDisk && !signal.aborted) {
    await pause(random.exponential(20_000), signal);
    if (signal.aborted) return;
    chronicle.count('faults', 'disk full');
    chronicle.line('fault: the disk is full');
    run.fullSince = performance.now();
    fill(filler);
    await pause(random.between(500, 6_000), signal);
    rmSync(filler);
    chronicle.line('the disk has room again');
    // What could not be written is tried again within a second.
    await sleep(2_500);
    run.fullSince = null;
  }
};

/** To the last byte. */
function fill(path: string): void {
  const fd = openSync(path, 'w');
  for (let bytes = 1_048_576; bytes > 0; ) {
    try {
      writeSync(fd, Buffer.alloc(bytes));
    } catch {
      bytes = Math.floor(bytes / 2);
    }
  }
  closeSync(fd);
}

/** Somebody cleans up. Neither the log nor the files of a run are needed for supervision to go on. */
export const fileFaults: Part = async ({ place, chronicle }, random, signal) => {
  while (!signal.aborted) {
    await pause(random.exponential(15_000), signal);
    if (signal.aborted) return;
    const key = random.pick(allKeys);
    chronicle.count('faults', 'log removed');
    chronicle.line(`fault: the log of ${key} is removed`);
    rmSync(join(place.state, 'logs', `${key}.log`), { force: true });
  }
};
