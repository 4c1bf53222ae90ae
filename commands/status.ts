import { basename } from 'node:path';
import type { Command } from 'commander';
import type { StatusView } from '../src/api/wire.js';
import { palette } from '../src/text/colour.js';
import { changes } from './ask/changes.js';
import { lastKnown } from './ask/last-known.js';
import { narrow, resolveTargets } from './ask/selectors.js';
import { clientOf, stateDirFor } from './ask/supervisor.js';
import { watchStatus } from './ask/watch.js';
import { type Cli, type Globals, globalsOf } from './cli.js';
import { changeLine } from './render/change.js';
import { detailLines } from './render/details.js';
import { overrideText } from './render/reload.js';
import { placeName, placesOf, statusTable } from './render/status.js';

export function status(program: Command, cli: Cli): void {
  program
    .command('status [selector...]')
    .description('what runs, and why what does not run does not; exit 3 unless all wanted replicas are ready')
    .option('-w, --watch', 'go on: a line at every change')
    .action(async (selectors: string[], { watch }: { readonly watch?: true }, command: Command) => {
      const globals = globalsOf(command);
      await (watch === true ? watchChanges(selectors, globals, cli) : showStatus(selectors, globals, cli));
    });
}

/** Prints the table or the document, and sets the exit status. */
export async function showStatus(selectors: readonly string[], globals: Globals, cli: Cli): Promise<void> {
  const known = await lastKnown(clientOf(cli, globals, 'show the status'), stateDirFor(cli, globals));
  const view = chosen(known, selectors);
  const places = placesOf(view);
  const [only] = selectors.length > 0 && places.length === 1 ? places : [];
  if (globals.json) cli.stdout(`${JSON.stringify(view)}\n`);
  else if (places.length === 0) cli.stdout(`no pools in ${view.supervisor.inventory}; run poolctl init\n`);
  else {
    const colours = await palette(globals.color, cli.env, cli.out);
    const lines = statusTable(view, cli.out.isTTY ? (cli.out.columns ?? 80) : null, colours);
    cli.stdout(`${[...lines, ...(only === undefined ? [] : detailLines(only, view, cli.home))].join('\n')}\n`);
  }
  if (view.stale) {
    const { pid, started_at } = view.supervisor;
    cli.stderr(`stale: no supervisor is running; this is what pid ${pid}, started ${started_at}, wrote last. Next: poolctl up\n`);
    return cli.exit(6);
  }
  if (!globals.quiet) {
    // A supervisor of an older version does not say.
    for (const { reason } of view.supervisor.unsaved ?? []) cli.stderr(`not saved: ${reason}\n`);
    const file = basename(view.supervisor.inventory);
    for (const pool of view.pools) {
      const line = overrideText(pool, file, cli.home);
      if (line !== null) cli.stderr(`${line}\n`);
    }
  }
  const wanted = places.filter(({ replica }) => replica.goal === 'up');
  const missing = wanted.filter(({ replica }) => !replica.ready);
  const [first] = missing;
  if (first === undefined) return;
  const next = `poolctl ${only === undefined ? 'status' : 'logs'} ${placeName(first)}`;
  if (!globals.quiet) cli.stderr(`${missing.length} of ${wanted.length} wanted replicas are not ready. Next: ${next}\n`);
  cli.exit(3);
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

function chosen(known: StatusView, selectors: readonly string[]): StatusView {
  return selectors.length === 0 ? known : narrow(known, resolveTargets(selectors, known.pools, 'status'));
}
