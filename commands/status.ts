import type { Command } from 'commander';
import { watchStatus } from '../src/api/watch.js';
import { changes } from './ask/changes.js';
import { chosen } from './ask/selectors.js';
import { clientOf } from './ask/supervisor.js';
import { type Cli, type Globals, globalsOf } from './cli.js';
import { canShowLive } from './live/terminal.js';
import { changeLine } from './render/change.js';
import { showStatus } from './status/show.js';

type Options = { readonly watch?: true; readonly readOnly?: true };

export function status(program: Command, cli: Cli): void {
  program
    .command('status [selector...]')
    .description('what runs, and why what does not run does not; exit 3 unless all wanted replicas are ready')
    .option('-w, --watch', 'go on: the live view on a terminal, elsewhere a line at every change')
    .option('--read-only', 'with --watch: a live view that changes nothing')
    .action(async (selectors: string[], { watch, readOnly }: Options, command: Command) => {
      const globals = globalsOf(command);
      if (watch !== true) return showStatus(selectors, globals, cli);
      if (!canShowLive(globals, cli)) return watchChanges(selectors, globals, cli);
      // Its packages take longer to load than all the rest.
      const { showLive } = await import('./live/show.js');
      await showLive(selectors, { readOnly: readOnly === true }, globals, cli);
    });
}

async function watchChanges(selectors: readonly string[], globals: Globals, cli: Cli): Promise<void> {
  const client = clientOf(cli, globals, 'watch the status');
  const interrupted = cli.interruption();
  if (globals.json) {
    for await (const view of watchStatus(client, interrupted)) cli.stdout(`${JSON.stringify(chosen(view, selectors))}\n`);
  } else {
    for await (const change of changes(client, selectors, interrupted, cli.now)) cli.stdout(`${changeLine(change)}\n`);
  }
  if (interrupted.aborted) return cli.exit(130);
  cli.stderr('the supervisor has ended\n');
  cli.exit(6);
}
