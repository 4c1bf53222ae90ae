/** Worker threads that share the seeds among them. */

import { Worker } from 'node:worker_threads';

/**
 * Runs the jobs of an iterator, as many at a time as there are threads; each outcome is told as it comes. `until` ends it early: what has begun is
 * cut off. @throws what a thread throws.
 */
export async function runAll(path, jobs, { threads, done, until = () => false }) {
  const queue = jobs[Symbol.iterator]();
  const workers = Array.from({ length: threads }, () => new Worker(path));
  let over = false;
  await Promise.all(workers.map((worker) => new Promise((resolve, reject) => serve(worker, resolve, reject))));

  function serve(worker, resolve, reject) {
    const next = () => {
      const { done: empty, value: job } = over ? { done: true } : queue.next();
      if (empty) void worker.terminate().then(resolve);
      else worker.postMessage(job);
    };
    worker.on('error', reject);
    worker.on('exit', () => resolve());
    worker.on('message', (outcome) => {
      if (over) return;
      done(outcome);
      over = until(outcome);
      if (over) for (const each of workers) void each.terminate();
      else next();
    });
    next();
  }
}
