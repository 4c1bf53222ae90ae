import type { Command } from 'commander';
import { act } from './ask/act.js';
import { durationOf } from './ask/values.js';
import { type Cli, globalsOf } from './cli.js';

type Options = { readonly deadline?: string; readonly now?: true; readonly wait: boolean; readonly timeout?: string };

export function restart(program: Command, cli: Cli): void {
  program
    .command('restart <selector...>')
    .description('drain, stop and start again, one replica after another')
    .option('--deadline <duration>', "drain no longer than this (default: the pool's drain.deadline)")
    .option('--now', 'do not drain: stop at once')
    .option('--no-wait', 'do not wait for the end')
    .option('--timeout <duration>', 'wait no longer than this; exit 5 then')
    .action((selectors: string[], { deadline, now, wait, timeout }: Options, command: Command) =>
      act(cli, globalsOf(command), {
        verb: 'restart',
        selectors,
        body: { deadline_ms: durationOf(deadline, '--deadline'), now },
        wait,
        timeoutMs: durationOf(timeout, '--timeout'),
      }),
    );
}
