/** One thread of the simulator: runs the seeds that it is sent, one after another. */

import { parentPort } from 'node:worker_threads';
import { type Cells, watchCells } from './coverage.js';
import { type Outcome, type Run, simulate } from './run.js';

export type Job = Omit<Run, 'trace'> & { readonly traced: boolean };
export type Done = Outcome & { readonly cells: Cells; readonly lines: readonly string[] };

/** So many lines of a trace are kept, unless all are wanted. */
const kept = 60;

parentPort?.on('message', async (job: Job) => {
  const cells = watchCells();
  const lines: string[] = [];
  const trace = (line: string): void => {
    lines.push(line);
    if (!job.traced && lines.length >= 2 * kept) lines.splice(0, kept);
  };
  // Telling costs time, so that it is done only where it is wanted: a violation is played again, to the letter.
  let outcome = await simulate(job.traced ? { ...job, trace } : job);
  if (outcome.violation !== null && !job.traced) outcome = await simulate({ ...job, trace });
  const done: Done = { ...outcome, cells, lines: job.traced ? lines : lines.slice(-kept) };
  parentPort?.postMessage(done);
});
