import type { Command } from 'commander';
import { PoolctlError } from '../src/errors.js';
import { type Cli, globalsOf } from './cli.js';
import { canShowLive } from './live/terminal.js';

export function top(program: Command, cli: Cli): void {
  program
    .command('top [selector...]')
    .description('the live view: what runs, why what does not run does not, and the keys to act on it')
    .option('--read-only', 'show everything and change nothing')
    .action(async (selectors: string[], { readOnly }: { readonly readOnly?: true }, command: Command) => {
      const globals = globalsOf(command);
      if (!canShowLive(globals, cli))
        throw new PoolctlError('USAGE', 'cannot show the live view: it needs a terminal for its output and its keys', {
          hint: `poolctl status -w${globals.json ? ' --json' : ''}        (a line at every change)`,
        });
      const { showLive } = await import('./live/show.js');
      await showLive(selectors, { readOnly: readOnly === true }, globals, cli);
    });
}
