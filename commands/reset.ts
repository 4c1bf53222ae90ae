import type { Command } from 'commander';
import { act } from './ask/act.js';
import { durationOf } from './ask/values.js';
import { type Cli, globalsOf } from './cli.js';

type Options = { readonly once?: boolean; readonly wait: boolean; readonly timeout?: string };

export function reset(program: Command, cli: Cli): void {
  program
    .command('reset <selector...>')
    .description('close breakers, end waits, forget permanent failures, and start')
    .option('--once', 'allow one launch and forget nothing: if it fails, it is broken as before')
    .option('--no-wait', 'do not wait for the end')
    .option('--timeout <duration>', 'wait no longer than this; exit 5 then')
    .action((selectors: string[], { once = false, wait, timeout }: Options, command: Command) =>
      act(cli, globalsOf(command), {
        verb: 'reset',
        selectors,
        body: once ? { once } : {},
        wait,
        timeoutMs: durationOf(timeout, '--timeout'),
      }),
    );
}
