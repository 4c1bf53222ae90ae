/**
 * The steps of the gate as data. `argv` is run in the repository; `read` counts what its reports say, null where a step simply passes
 * or fails by its exit status. `after` names the step whose output it needs; `onRequest` keeps it out of the gate.
 */

import { cucumberTally, vitestTally } from './tally.mjs';

const reports = '.tmp/gate';
const bin = (name) => `node_modules/.bin/${name}`;

const vitest = (project, workers) => ({
  argv: [
    bin('vitest'),
    'run',
    `--project=${project}`,
    `--maxWorkers=${workers}`,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${reports}/${project}.json`,
  ],
  report: `${reports}/${project}.json`,
  read: vitestTally,
});

/** What only computes leaves the processor to tests that watch the time, and has what these leave. */
const yielding = (step) => ({ ...step, argv: ['nice', '-n', '10', ...step.argv] });

/**
 * In the order in which they are begun.
 * @param {number} workers processes that a test runner may use at once
 */
export const steps = (workers) => [
  { name: 'build', about: 'bundle into dist', argv: ['node', 'scripts/build.mjs'] },
  { name: 'types', about: 'tsc', argv: [bin('tsc'), '--noEmit'] },
  { name: 'lint', about: 'lint and format (biome)', argv: [bin('biome'), 'check', '.'] },
  { name: 'dead', about: 'unused files, exports, dependencies (knip)', argv: [bin('knip')] },
  {
    name: 'unit',
    about: 'architecture and unit tests with processes, sockets and files (vitest)',
    after: 'build',
    // The longest, and most of it waits for processes.
    ...vitest('unit', 2),
  },
  {
    name: 'pure',
    about: 'unit tests of what is pure: core, inventory, texts (vitest)',
    after: 'build',
    ...yielding(vitest('pure', workers)),
  },
  {
    name: 'features',
    about: 'features in Gherkin against a real poolctl (cucumber)',
    after: 'build',
    argv: ['node', 'scripts/features.mjs', '--format', `json:${reports}/features.json`],
    report: `${reports}/features.json`,
    read: cucumberTally,
  },
  {
    name: 'cli',
    about: 'end to end through the command line (vitest)',
    after: 'build',
    ...vitest('cli', workers),
  },
  {
    name: 'long',
    about: 'what takes its time: full disks, torn files, crowds, readers who stall (vitest)',
    after: 'build',
    onRequest: true,
    ...vitest('long', workers),
  },
  {
    name: 'real',
    about: 'the main job with a real llama-server, named by LLAMA_SERVER',
    after: 'build',
    onRequest: true,
    ...vitest('real', 1),
  },
];
