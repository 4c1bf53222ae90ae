import type { Command } from 'commander';
import { act } from './ask/act.js';
import { durationOf } from './ask/values.js';
import { type Cli, globalsOf } from './cli.js';

export function restart(program: Command, cli: Cli): void {
  program
    .command('restart <selector...>')
    .description('stop and start again, one replica after another')
    .option('--no-wait', 'do not wait for the end')
    .option('--timeout <duration>', 'wait no longer than this; exit 5 then')
    .action((selectors: string[], { wait, timeout }: { wait: boolean; timeout?: string }, command: Command) =>
      act(cli, globalsOf(command), { verb: 'restart', selectors, wait, timeoutMs: durationOf(timeout, '--timeout') }),
    );
}
