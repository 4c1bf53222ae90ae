/** `npm test`: the one gate. See `npm test -- --help`. */

import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { runSteps } from './gate/run.mjs';
import { steps } from './gate/steps.mjs';
import { parse, refuse } from './options.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const cores = 2;
// Features and end-to-end tests wait more than they compute: more steps than cores keep these busy.
const atOnce = 2 * cores;

const { values, positionals } = parse({
  allowPositionals: true,
  options: {
    help: { type: 'boolean', short: 'h', default: false },
    verbose: { type: 'boolean', short: 'v', default: false },
  },
});
const known = steps(1);
if (values.help) {
  process.stdout.write(help());
} else {
  const unknown = positionals.filter((name) => !known.some((step) => step.name === name));
  if (unknown.length > 0)
    refuse(
      `cannot run ${unknown.map((name) => `"${name}"`).join(', ')}: the steps are ${known.map(({ name }) => name).join(', ')}`,
    );
  else await gate();
}

async function gate() {
  const chosen = known.filter(({ name, onRequest }) => (positionals.length === 0 ? !onRequest : positionals.includes(name)));
  // A step that runs alone may use both cores; several share them.
  const selected = steps(chosen.length === 1 ? cores : 1).filter(({ name }) => chosen.some((step) => step.name === name));
  await mkdir(`${root}/.tmp/gate`, { recursive: true });
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => interruption.abort());
  const outcomes = await runSteps(selected, { atOnce, cwd: root, told: tell, interrupted: interruption.signal });
  const sum = (count) => outcomes.reduce((total, { tally }) => total + count(tally), 0);
  const skipped = outcomes.flatMap(({ step, tally }) => tally.skipped.map((test) => `${step.name}: ${test}`));
  if (skipped.length > 0)
    process.stdout.write(`SKIPPED, not run and not counted:\n${skipped.map((test) => `  ${test}\n`).join('')}`);
  const failed = sum((tally) => tally.failed);
  process.stdout.write(`${sum((tally) => tally.passed)} passed, ${failed} failed\n`);
  process.exitCode = failed > 0 ? 1 : 0;
}

function tell({ step, seconds, output, tally }) {
  const verdict = tally.failed > 0 ? 'FAILED' : 'ok';
  const counts = step.read === undefined ? '' : `, ${tally.passed} passed, ${tally.failed} failed`;
  process.stdout.write(`${step.name.padEnd(9)}${verdict} in ${seconds.toFixed(1)} s${counts}\n`);
  if (tally.failed > 0 || values.verbose) process.stdout.write(output.replace(/^/gm, '    ').trimEnd().concat('\n'));
}

function help() {
  const lines = known
    .map(({ name, about, onRequest }) => `  ${name.padEnd(10)}${about}${onRequest ? ' (only when named)' : ''}\n`)
    .join('');
  return `usage: npm test [-- [--verbose] [STEP ...]]\n\nRuns the steps named, or the whole gate, four at a time, and closes with "N passed, N failed".\n\n${lines}`;
}
