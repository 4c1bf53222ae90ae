import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Client } from '../src/api/client.js';
import { NoAnswer } from '../src/api/connection.js';
import { watchStatus } from '../src/api/watch.js';
import type { ReplicaView } from '../src/api/wire.js';
import { PoolctlError } from '../src/errors.js';
import { replicasOf, resolveTargets } from './ask/selectors.js';
import { clientOf } from './ask/supervisor.js';
import { durationOf, wordOf } from './ask/values.js';
import { type Cli, globalsOf } from './cli.js';

const goals = ['ready', 'drained', 'stopped', 'failed'] as const;
type Goal = (typeof goals)[number];
type Verdict = 'met' | 'not yet' | 'never';

export function wait(program: Command, cli: Cli): void {
  program
    .command('wait <selector...>')
    .description('block until all of them are ready, drained, stopped or failed; exit 3 when that cannot come any more')
    .requiredOption('--for <state>', goals.join(', '))
    .option('--timeout <duration>', 'wait no longer than this; exit 5 then')
    .action(async (selectors: string[], options: { for: string; timeout?: string }, command: Command) => {
      const globals = globalsOf(command);
      const goal = wordOf(options.for, goals, '--for');
      const timeoutMs = durationOf(options.timeout, '--timeout');
      // A supervisor that says nothing is not waited for any longer than what it is asked about.
      const answerMs = Math.max(1_000, Math.min(timeoutMs ?? longestAnswerMs, longestAnswerMs));
      const client = clientOf(cli, globals, `wait for ${selectors.join(' ')}`, { answerMs });
      const interrupted = cli.interruption();
      const late = timeoutMs === undefined ? null : AbortSignal.timeout(Math.min(timeoutMs, 2 ** 31 - 1));
      const signal = late === null ? interrupted : AbortSignal.any([interrupted, late]);
      await supervisorIn(client, comingMs, signal);
      let targets: readonly object[] = [];
      let verdict: Verdict = 'not yet';
      for await (const view of watchStatus(client, signal)) {
        const wanted = replicasOf(view, resolveTargets(selectors, view.pools, 'wait'));
        targets = wanted.map(({ pool, replica }) => ({
          pool_id: pool.pool_id,
          replica_id: replica.replica_id,
          state: replica.state,
        }));
        const verdicts = wanted.map(({ replica }) => judge(replica, goal));
        verdict = verdicts.includes('never') ? 'never' : verdicts.every((each) => each === 'met') ? 'met' : 'not yet';
        if (verdict !== 'not yet' || signal.aborted) break;
      }
      if (globals.json) cli.stdout(`${JSON.stringify({ met: verdict === 'met', for: goal, targets })}\n`);
      if (verdict === 'met') {
        if (!globals.json && !globals.quiet) cli.stdout(`${selectors.join(' ')} ${goal}\n`);
        return;
      }
      if (interrupted.aborted) return end(cli, 130, 'stopped waiting');
      if (late?.aborted === true) return end(cli, 5, `not ${goal} after ${options.timeout}`);
      if (verdict === 'never') return end(cli, 3, `cannot become ${goal} any more; see poolctl status`);
      return end(cli, 6, 'the supervisor has ended');
    });
}

const longestAnswerMs = 10_000;
/** A script may have begun `poolctl up` in the background just now. */
const comingMs = 3_000;

/** Resolves when there is one, or none within that time. */
async function supervisorIn(client: Client, ms: number, signal: AbortSignal): Promise<void> {
  for (const until = performance.now() + ms; performance.now() < until && !signal.aborted; ) {
    const missing = await client.status().then(
      () => false,
      (error: unknown) => {
        if (error instanceof NoAnswer) throw error;
        return error instanceof PoolctlError && error.code === 'NO_SUPERVISOR';
      },
    );
    if (!missing) return;
    await sleep(100, undefined, { signal }).catch(() => undefined);
  }
}

function end(cli: Cli, status: number, text: string): void {
  cli.stderr(`${text}\n`);
  cli.exit(status);
}

/** Broken and backoff are waited out for `ready`; what is not wanted, failed or stuck will not come by itself. */
function judge({ state, goal, ready }: ReplicaView, wanted: Goal): Verdict {
  switch (wanted) {
    case 'ready':
      return ready
        ? 'met'
        : goal === 'down' || state === 'failed' || state === 'stuck' || state === 'stopped'
          ? 'never'
          : 'not yet';
    case 'drained':
    case 'stopped':
      // One that is wanted up and drains is being restarted; one that stops may stay so, as after an exit of its own.
      return state === 'stopped' ? 'met' : state === 'stuck' || (goal === 'up' && state !== 'stopping') ? 'never' : 'not yet';
    case 'failed':
      return state === 'failed' ? 'met' : goal === 'down' && state === 'stopped' ? 'never' : 'not yet';
  }
}
