/** `npm run chaos`: a real supervisor among real engines that misbehave, judged from outside. See `npm run chaos -- --help`. */

import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { broken } from '../test/chaos/broken.mjs';
import { bundle } from '../test/chaos/bundle.mjs';
import { numberOf, parse, refuse } from './options.mjs';

const help = `usage: npm run chaos -- [--minutes M] [--seed S]
       npm run chaos -- --broken NAME|all [--minutes M] [--seed S]
       npm run soak -- [--minutes M] [--seed S]

Builds poolctl and lets it supervise 12 real engines for M minutes (default 5), while operators, clients with leases, kill -9, SIGSTOP, a full disk,
taken ports and a broken nvidia-smi come over it, in storms with a calm after each. What it promises is judged by /proc, by the clients' own
books and by the engines themselves. The first violation ends the run: its files are kept, and the last lines of its log are printed.
The seed decides what is done; when exactly it happens, only the machine knows.

--broken plays a poolctl that is broken on purpose, and passes when that is caught within M minutes (default 4):
${broken.map(({ name }) => `  ${name}\n`).join('')}
soak keeps one supervisor for the whole time (default 60 minutes), and tells whether its memory or its descriptors grow.
`;

const { values } = parse({
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    broken: { type: 'string' },
    soak: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => interruption.abort());
const seed = values.seed ?? String(Math.floor(Math.random() * 1e6));

if (values.help) process.stdout.write(help);
else if (values.broken !== undefined) await hunt(chosen(values.broken));
else await once();

async function once() {
  const outcome = await played([], minutes(values.soak ? 60 : 5));
  const { violations, dir, chronicle } = outcome;
  process.stdout.write(summary(outcome));
  for (const violation of violations) process.stdout.write(`VIOLATION: ${violation}\n`);
  if (violations.length > 0)
    process.stdout.write(
      `${lastWords(chronicle)}  its files are kept in ${dir}; what happened stands in ${chronicle}\n  ${again()}\n`,
    );
  process.stdout.write(`${violations.length} violations\n`);
  close(violations.length === 0 && !interruption.signal.aborted ? 1 : 0, 1);
}

async function hunt(builds) {
  let caught = 0;
  for (const { name, edits } of builds) {
    if (interruption.signal.aborted) break;
    const { violations, minutes: took, dir } = await played(edits, minutes(4));
    if (violations.length > 0) {
      caught += 1;
      await rm(dir, { recursive: true, force: true });
    }
    const how =
      violations.length > 0
        ? `caught after ${took.toFixed(1)} min: ${violations[0]}`
        : `SURVIVED ${took.toFixed(1)} min of seed ${seed}`;
    process.stdout.write(`${name}: ${how}\n`);
  }
  close(caught, builds.length);
}

async function played(edits, forMinutes) {
  const { dir, program, play } = await bundle(edits);
  try {
    return await play({ seed, minutes: forMinutes, soak: values.soak, program, interrupted: interruption.signal });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function summary({ minutes: took, supervisors, engines, growth, ownDisk, operations, faults, seen }) {
  const list = (title, counts) => {
    const sorted = [...counts].sort(([a], [b]) => a.localeCompare(b));
    const sum = sorted.reduce((all, [, count]) => all + count, 0);
    return `${sum} ${title}: ${sorted.map(([name, count]) => `${name} ${count}`).join(', ')}\n`;
  };
  return [
    `seed ${seed}: ${took.toFixed(1)} minutes, ${supervisors} supervisors, ${engines} engines${values.soak ? ', soak' : ''}\n`,
    ownDisk ? '' : 'the disk was never full: that takes root, and a mount\n',
    list('operations', operations),
    list('faults', faults),
    list('outcomes', seen),
    `the supervisor: ${growth}\n`,
  ].join('');
}

/** What led to it, for who has nothing but this output. */
function lastWords(chronicle) {
  const lines = readFileSync(chronicle, 'utf8').trimEnd().split('\n');
  return lines
    .slice(-80)
    .map((line) => `  ${line}\n`)
    .join('');
}

function again() {
  return `npm run ${values.soak ? 'soak' : 'chaos'} -- --minutes ${minutes(values.soak ? 60 : 5)} --seed ${seed}`;
}

function close(passed, of) {
  process.stdout.write(`${passed} passed, ${of - passed} failed\n`);
  process.exitCode = passed < of ? 1 : 0;
}

function chosen(name) {
  const builds = broken.filter((each) => name === 'all' || each.name === name);
  if (builds.length === 0) refuse(`there is no broken build "${name}": they are ${broken.map((each) => each.name).join(', ')}`);
  return builds;
}

function minutes(otherwise) {
  return numberOf('minutes', values.minutes ?? otherwise);
}
