import type { Command } from 'commander';
import { wordOf } from './ask/values.js';
import type { Cli } from './cli.js';
import { scripts, shells } from './completion/shells.js';

export function completion(program: Command, cli: Cli): void {
  program
    .command('completion <shell>')
    .description('print what makes a shell complete command lines of poolctl')
    .action((shell: string) => cli.stdout(scripts[wordOf(shell, shells, 'shell')]));
}
