/** Runs steps, at most so many at once, each as soon as what it needs has passed. */

import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';

/**
 * @typedef {{ name: string, argv: string[], after?: string, report?: string, read?: (report: any) => import('./tally.mjs').Tally }} Step
 * @typedef {{ step: Step, seconds: number, output: string, tally: import('./tally.mjs').Tally }} Outcome
 *
 * @param {Step[]} steps
 * @param {{ atOnce: number, cwd: string, told: (outcome: Outcome) => void, interrupted?: AbortSignal }} how
 *   `told` is called the moment a step ends
 * @returns {Promise<Outcome[]>} in the order in which they ended; a step whose need failed counts as failed and is not run
 */
export async function runSteps(steps, { atOnce, cwd, told, interrupted }) {
  const waiting = [...steps];
  const chosen = new Set(steps.map(({ name }) => name));
  const outcomes = [];
  const running = new Map();
  const ended = (name) => outcomes.find(({ step }) => step.name === name);
  const end = (outcome) => {
    running.delete(outcome.step.name);
    outcomes.push(outcome);
    told(outcome);
  };

  while (waiting.length > 0 || running.size > 0) {
    for (const step of [...waiting]) {
      const need = step.after !== undefined && chosen.has(step.after) ? step.after : null;
      const before = need === null ? null : ended(need);
      if (before?.tally.failed > 0) {
        waiting.splice(waiting.indexOf(step), 1);
        end({ step, seconds: 0, output: `not run: ${need} failed\n`, tally: { passed: 0, failed: 1, skipped: [] } });
      } else if (running.size < atOnce && (need === null || before !== undefined)) {
        waiting.splice(waiting.indexOf(step), 1);
        running.set(step.name, runStep(step, cwd, interrupted).then(end));
      }
    }
    if (running.size > 0) await Promise.race(running.values());
  }
  return outcomes;
}

async function runStep(step, cwd, interrupted) {
  if (step.report !== undefined) await rm(`${cwd}/${step.report}`, { force: true });
  const begun = performance.now();
  const { status, output } = await run(step.argv, cwd, interrupted);
  const seconds = (performance.now() - begun) / 1000;
  return { step, seconds, ...(await judge(step, cwd, status, output)) };
}

function run([program, ...args], cwd, interrupted) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, FORCE_COLOR: '0' } });
    let output = '';
    const take = (chunk) => {
      output += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    const stop = () => child.kill('SIGTERM');
    interrupted?.addEventListener('abort', stop);
    const done = (status) => {
      interrupted?.removeEventListener('abort', stop);
      resolve({ status, output });
    };
    child.on('error', (error) => {
      output += `cannot run "${program}": ${error.message}\n`;
      done(null);
    });
    child.on('close', (code) => done(code));
  });
}

/** The exit status has the last word: a runner that failed although its report names no failure (an error outside of tests) has failed. */
async function judge({ report, read }, cwd, status, output) {
  if (read === undefined) return { output, tally: { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: [] } };
  const text = await readFile(`${cwd}/${report}`, 'utf8').catch(() => null);
  if (text === null) return { output: `${output}no report in ${report}\n`, tally: { passed: 0, failed: 1, skipped: [] } };
  const tally = read(JSON.parse(text));
  return { output, tally: status !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally };
}
