/** A run of chaos from its begin to its end: storms and calms in turn until the time is over, then `down`, and nobody is left. */

import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fakeNvidiaSmi } from '../rig/fake-nvidia-smi.js';
import { makeRandom, type Random } from '../sim/random.js';
import { calm } from './calm.js';
import { Chronicle } from './chronicle.js';
import { engineFaults } from './engine-faults.js';
import { Excuses } from './excuses.js';
import { Goals } from './goals.js';
import { Gpus, gpuFaults, healthy } from './gpus.js';
import { Growth } from './growth.js';
import { holder } from './holders.js';
import { LeaseBook } from './lease-book.js';
import { diskFaults, downAndOut, fileFaults, supervisorFaults } from './machine-faults.js';
import { operator } from './operators.js';
import { Place } from './place.js';
import { unedited, writeInventory } from './pools.js';
import { readStatus } from './reader.js';
import { Restarts } from './restarts.js';
import { type Part, pause, type Run } from './run-state.js';
import { Strays } from './strays.js';
import { Supervisor } from './supervisor.js';
import { named, Witness } from './witness.js';

export type Wish = {
  readonly seed: string;
  readonly minutes: number;
  /** One supervisor for the whole time, and its growth is judged. */
  readonly soak: boolean;
  /** The poolctl that is put to the test. */
  readonly program: string;
  readonly interrupted: AbortSignal;
};

export type Outcome = {
  readonly violations: readonly string[];
  readonly operations: ReadonlyMap<string, number>;
  readonly faults: ReadonlyMap<string, number>;
  readonly seen: ReadonlyMap<string, number>;
  readonly supervisors: number;
  readonly engines: number;
  readonly growth: string;
  readonly ownDisk: boolean;
  readonly minutes: number;
  /** Where its files are, if they were kept. */
  readonly dir: string;
  readonly chronicle: string;
};

const stormMs = [20_000, 45_000] as const;
const operators = 2;
const holders = 6;

export async function play(wish: Wish): Promise<Outcome> {
  const begunAt = performance.now();
  const place = await Place.make(48);
  const chronicle = new Chronicle(join(place.dir, 'chaos.log'));
  const mark = `CHAOS_RUN=${place.dir}`;
  const nvidia = await fakeNvidiaSmi(place.dir, healthy);
  const gpus = new Gpus(nvidia);
  const env = { ...nvidia.env, HOME: place.dir, CHAOS_RUN: place.dir };
  const supervisor = new Supervisor(wish.program, place, env, chronicle, gpus);
  const run = assemble({ place, chronicle, supervisor, gpus, mayDie: !wish.soak }, mark);
  const random = makeRandom(wish.seed);
  const growth = new Growth();
  writeInventory(place, run.edits);
  const over = AbortSignal.any([wish.interrupted, chronicle.broken]);
  const watching = new AbortController();
  await run.supervisor.up();
  const watches = [run.witness.watch(100, watching.signal), readStatus(run, watching.signal)];
  const parts = partsOf();
  const until = begunAt + wish.minutes * 60_000;
  try {
    await settle(run, growth);
    for (let round = 1; performance.now() < until && !over.aborted; round += 1) {
      await storm(
        run,
        parts,
        random.fork(`storm ${round}`),
        Math.min(random.between(...stormMs), until - performance.now()),
        over,
      );
      if (!over.aborted) await settle(run, growth);
      if (!over.aborted && !wish.soak && random.chance(0.3)) await again(run);
    }
    if (!over.aborted) await finish(run, growth, wish.soak);
  } catch (error) {
    chronicle.violate(`the run itself has failed: ${(error as Error).stack}`);
  } finally {
    watching.abort();
    await Promise.all(watches);
    await cleanUp(run);
    place.leave(chronicle.violations.length > 0);
  }
  return {
    violations: chronicle.violations,
    ...chronicle.counts,
    supervisors: run.supervisor.generation,
    engines: run.witness.engines.size,
    growth: growth.summary(),
    ownDisk: place.hasOwnDisk,
    minutes: (performance.now() - begunAt) / 60_000,
    dir: place.dir,
    chronicle: chronicle.file,
  };
}

function assemble(given: Pick<Run, 'place' | 'chronicle' | 'supervisor' | 'gpus' | 'mayDie'>, mark: string): Run {
  const { chronicle, supervisor } = given;
  const violate = (text: string): void => chronicle.violate(text);
  const excuses = new Excuses();
  const leases = new LeaseBook(excuses, violate);
  const goals = new Goals(violate);
  const strays = new Strays(violate);
  const restarts = new Restarts(excuses, violate);
  const witness = new Witness(mark, {
    violate,
    born(engine) {
      chronicle.line(`born: ${named(engine)}${engine.mask.length > 0 ? ` on GPU ${engine.mask.join(', ')}` : ''}`);
      restarts.born(engine);
    },
    died(engine) {
      const why = excuses.of(engine);
      chronicle.line(`died: ${named(engine)}: ${why ?? 'for no reason'}`);
      if (why === null) violate(`${named(engine)} has ended, and nothing was done to it, nor asked for`);
      leases.died(engine);
    },
    looked(at) {
      const steadyMs = supervisor.steadyMs();
      goals.judge(witness.alive, steadyMs, at);
      strays.judge(steadyMs, at);
    },
  });
  return {
    ...given,
    ...{ witness, excuses, leases, goals, restarts, strays },
    edits: unedited(),
    turns: new Map(),
    spoilt: new Set(),
    robbed: new Set(),
    taken: new Map(),
    fullSince: null,
  };
}

function partsOf(): readonly (readonly [string, Part])[] {
  const several = (name: string, part: Part, count: number) =>
    Array.from({ length: count }, (_, n) => [`${name} ${n}`, part] as const);
  return [
    ...several('operator', operator, operators),
    ...several('holder', holder, holders),
    ...several('engine faults', engineFaults, 2),
    ['supervisor faults', supervisorFaults],
    ['disk faults', diskFaults],
    ['GPU faults', gpuFaults],
    ['file faults', fileFaults],
  ];
}

/** Everybody at once, for so long, and until each has ended what he was at. */
async function storm(
  run: Run,
  parts: readonly (readonly [string, Part])[],
  random: Random,
  ms: number,
  over: AbortSignal,
): Promise<void> {
  const ending = new AbortController();
  const signal = AbortSignal.any([ending.signal, over]);
  setMaxListeners(0, signal);
  const all = parts.map(([name, part]) => part(run, random.fork(name), signal));
  await Promise.race([pause(ms, signal), Promise.all(all)]);
  ending.abort();
  await Promise.all(all);
}

async function settle(run: Run, growth: Growth): Promise<void> {
  await calm(run);
  const { pid, generation } = run.supervisor;
  if (pid === null || run.chronicle.broken.aborted) return;
  const { rssBytes, descriptors } = growth.sample(generation, pid);
  run.chronicle.line(`the supervisor has ${Math.round(rssBytes / 2 ** 20)} MiB and ${descriptors} descriptors`);
}

async function again(run: Run): Promise<void> {
  await downAndOut(run);
  if (run.chronicle.broken.aborted) return;
  await run.supervisor.up();
  await calm(run);
}

/** Nobody of the run is left, helpers of the supervisor among them. */
async function finish(run: Run, growth: Growth, soak: boolean): Promise<void> {
  const { chronicle, witness } = run;
  await downAndOut(run);
  // A tool that was just being asked may need a moment to end, and the machine may be busy.
  for (let tries = 0; tries === 0 || (witness.others.length > 0 && tries < 100); tries += 1) {
    await sleep(100);
    await witness.look();
  }
  const left = witness.others.map(({ pid }) => pid);
  if (left.length > 0) chronicle.violate(`helpers of the supervisor have outlived it: pid ${left.join(', ')}`);
  const leaks = [growth.descriptorLeak(), soak ? growth.memoryLeak() : null];
  for (const leak of leaks) if (leak !== null) chronicle.violate(leak);
}

/** Whatever has happened, nothing of the run stays. */
async function cleanUp({ supervisor, witness, strays }: Run): Promise<void> {
  await supervisor.end();
  await witness.look();
  for (const { pid } of [...witness.alive, ...witness.others, ...strays.living]) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
}
