/** What a plain `status` prints. In a file of its own, since `bin/poolctl.ts` brings it along for every command. */

import { basename } from 'node:path';
import { palette } from '../../src/text/colour.js';
import { placeName, placesOf } from '../../src/text/places.js';
import { lastKnown } from '../ask/last-known.js';
import { chosen } from '../ask/selectors.js';
import { clientOf, stateDirFor } from '../ask/supervisor.js';
import type { Cli, Globals } from '../cli.js';
import { detailLines } from '../render/details.js';
import { overrideText } from '../render/reload.js';
import { statusTable } from '../render/status.js';

/** Prints the table or the document, and sets the exit status. */
export async function showStatus(selectors: readonly string[], globals: Globals, cli: Cli): Promise<void> {
  const known = await lastKnown(clientOf(cli, globals, 'show the status'), stateDirFor(cli, globals));
  const view = chosen(known.view, selectors);
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
    const [what, next] = known.silent ? ['the supervisor does not answer', 'doctor'] : ['no supervisor is running', 'up'];
    cli.stderr(`stale: ${what}; this is what pid ${pid}, started ${started_at}, wrote last. Next: poolctl ${next}\n`);
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
