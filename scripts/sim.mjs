/** `npm run sim`: the core under a virtual clock, in a world where everything goes wrong. See `npm run sim -- --help`. */

import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { bundle } from '../test/sim/bundle.mjs';
import { mutants } from '../test/sim/mutants.mjs';
import { cellsOf, faultsOf, merge, violationOf } from '../test/sim/summary.mjs';
import { runAll } from '../test/sim/threads.mjs';
import { numberOf, parse, refuse } from './options.mjs';

const help = `usage: npm run sim -- [--seeds N] [--first N] [--hours H] [--probe-interval D] [--threads N] [--mutants]
       npm run sim -- --seed S [--hours H] [--probe-interval D] [--trace] [--mutant NAME]

Plays N seeds (default 20, from 1 on) of H simulated hours each (default 24): 4 pools of 3 replicas, probed every D (default 5s), through
crashes, hangs, strays, sick devices, deaths of the supervisor and operators' wishes, and holds every step to the invariants. A violation
ends its seed and is told with the end of its trace; the same seed plays it again, to the letter.
--mutants breaks the core on purpose, one way after another, and plays seeds until each is caught. --mutant NAME plays one of them.
`;

const { values } = parse({
  options: {
    seeds: { type: 'string', default: '20' },
    first: { type: 'string', default: '1' },
    seed: { type: 'string' },
    hours: { type: 'string', default: '24' },
    'probe-interval': { type: 'string', default: '5s' },
    threads: { type: 'string', default: String(availableParallelism()) },
    trace: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
    mutant: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const threads = number('threads');
if (values.help) process.stdout.write(help);
else if (values.mutants) await hunt();
else await play();

async function play() {
  const mutant = mutants.find(({ name }) => name === values.mutant);
  if (values.mutant !== undefined && mutant === undefined)
    refuse(`there is no mutant "${values.mutant}": they are ${mutants.map(({ name }) => name).join(', ')}`);
  const path = await bundle(mutant?.edits);
  const begun = performance.now();
  const total = {
    seeds: 0,
    hours: 0,
    inputs: 0,
    cpuMs: 0,
    faults: new Map(),
    reached: new Map(),
    table: new Map(),
    violations: [],
  };
  await runAll(path, seeds(), {
    threads: values.seed === undefined ? threads : 1,
    done: (outcome) => {
      merge(total, outcome);
      if (values.trace) process.stdout.write(`${outcome.lines.join('\n')}\n`);
      if (outcome.violation !== null)
        process.stdout.write(violationOf(outcome, values.trace ? [] : outcome.lines, replay(outcome.seed)));
    },
  }).finally(() => rmSync(dirname(path), { recursive: true }));
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage();
  const rate = Math.round(total.hours / ((user + system) / 60_000_000));
  process.stdout.write(
    `${total.seeds} seeds, ${Math.round(total.hours)} simulated hours, ${total.inputs} inputs in ${seconds.toFixed(1)} s: ${rate} hours a minute of a core\n`,
  );
  process.stdout.write(`${cellsOf(total)}${faultsOf(total)}${total.violations.length} violations\n`);
  close(total.seeds - total.violations.length, total.violations.length);
}

async function hunt() {
  const survivors = [];
  const queue = mutants[Symbol.iterator]();
  const hunters = Array.from({ length: threads }, async () => {
    for (const { name, edits } of queue) {
      const path = await bundle(edits);
      let [hours, caught] = [0, null];
      await runAll(path, seeds(), {
        threads: 1,
        done: (outcome) => {
          hours += outcome.hours;
          if (outcome.violation !== null) caught = outcome;
        },
        until: ({ violation }) => violation !== null,
      }).finally(() => rmSync(dirname(path), { recursive: true }));
      if (caught === null) survivors.push(name);
      const how =
        caught === null
          ? `SURVIVED ${Math.round(hours)} h`
          : `caught by seed ${caught.seed} after ${hours.toFixed(1)} h: ${caught.violation}`;
      process.stdout.write(`${name}: ${how}\n`);
    }
  });
  await Promise.all(hunters);
  close(mutants.length - survivors.length, survivors.length);
}

function* seeds() {
  const job = { hours: number('hours'), probeMs: duration(values['probe-interval']), traced: values.trace };
  if (values.seed !== undefined) yield { ...job, seed: values.seed };
  else for (let n = number('first'); n < number('first') + number('seeds'); n += 1) yield { ...job, seed: String(n) };
}

function replay(seed) {
  const mutant = values.mutant === undefined ? '' : ` --mutant '${values.mutant}'`;
  return `npm run sim -- --seed ${seed} --hours ${values.hours} --probe-interval ${values['probe-interval']}${mutant} --trace`;
}

function close(passed, failed) {
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  process.exitCode = failed > 0 ? 1 : 0;
}

function number(name) {
  return numberOf(name, values[name]);
}

function duration(text) {
  const [, value, unit] = /^(\d+)(ms|s|m)$/.exec(text) ?? [];
  if (value === undefined || Number(value) === 0) refuse(`--probe-interval takes a duration such as 5s, not "${text}"`);
  return Number(value) * { ms: 1, s: 1_000, m: 60_000 }[unit];
}
