import type { Command } from 'commander';
import { PoolctlError } from '../src/errors.js';
import { act } from './ask/act.js';
import { durationOf } from './ask/values.js';
import { type Cli, globalsOf } from './cli.js';

type Options = { readonly deadline?: string; readonly extend?: string; readonly wait: boolean };

export function drain(program: Command, cli: Cli): void {
  program
    .command('drain <selector...>')
    .description('give no new leases, wait for those held and for running requests, then stop the engine; exit 5 when forced')
    .option('--deadline <duration>', "stop by force after this long (default: the pool's drain.deadline)")
    .option('--extend <duration>', 'let a drain that runs go on for this long from now')
    .option('--no-wait', 'do not wait for the end')
    .action(async (selectors: string[], { deadline, extend, wait }: Options, command: Command) => {
      if (deadline !== undefined && extend !== undefined)
        throw new PoolctlError('USAGE', 'cannot use --deadline and --extend together: each is the deadline, from now on', {
          hint: `poolctl drain ${selectors.join(' ')} --extend ${extend}`,
        });
      const body =
        extend === undefined
          ? { deadline_ms: durationOf(deadline, '--deadline') }
          : { deadline_ms: durationOf(extend, '--extend'), extend: true };
      await act(cli, globalsOf(command), { verb: 'drain', selectors, body, deadline, wait });
    });
}
