/** The live view as a command: what it shows, where from, and with which status it ends. Loaded only by those that show it. */

import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { EventLine, StatusView } from '../../src/api/wire.js';
import { maskVariables } from '../../src/devices/mask-variables.js';
import { PoolctlError } from '../../src/errors.js';
import { executedAs } from '../../src/host/executed.js';
import { readJournal } from '../../src/host/journal-files.js';
import { supervisorPaths } from '../../src/host/paths.js';
import { palette } from '../../src/text/colour.js';
import { placesOf } from '../../src/text/places.js';
import { redactArgv } from '../../src/text/redact.js';
import { showView } from '../../src/tui/live.js';
import { isUtf8 } from '../../src/tui/marks.js';
import { isStale, type Model } from '../../src/tui/model.js';
import { statusIn } from '../ask/last-known.js';
import { chosen } from '../ask/selectors.js';
import { clientOf } from '../ask/supervisor.js';
import type { Cli, Globals } from '../cli.js';
import { outcomeText } from '../render/outcome.js';

/** As many events of before are worth reading. */
const pastEvents = 500;

export type LiveOptions = { readonly readOnly: boolean };

export async function showLive(
  selectors: readonly string[],
  { readOnly }: LiveOptions,
  globals: Globals,
  cli: Cli,
): Promise<void> {
  const client = clientOf(cli, globals, 'show the live view', { answerMs: null });
  const paths = supervisorPaths(globals, cli.env, { cwd: cli.cwd, home: cli.home });
  const last = await showView({
    terminal: cli.terminal(),
    settings: {
      host: hostname(),
      home: cli.home,
      socket: client.socketPath,
      utf8: isUtf8(cli.env),
      readOnly,
    },
    palette: await palette(globals.color, cli.env, cli.out),
    sources: {
      client,
      narrow: narrowing(selectors),
      lastKnown: async () => readFile(paths.registry, 'utf8').then(statusIn, () => null),
      past: async () => ((await readJournal(paths.journal, { tail: pastEvents })) ?? []).map((line) => line as EventLine),
      now: cli.now,
    },
    commandOf: async (pid) => {
      const found = await executedAs(pid, maskVariables);
      return found === null ? null : { argv: redactArgv(found.argv), env: found.env };
    },
    outcome: (verb, name, operation) => {
      const { outcome, finished_at, started_at } = operation;
      const deadlineAt = outcome === 'forced' && finished_at !== null ? Date.parse(finished_at) : null;
      const losses = { holders: [], deadlineAt };
      return outcomeText(verb, name, operation, { losses, deadline: undefined, askedAt: Date.parse(started_at) });
    },
  });
  if (!globals.quiet) cli.stderr(leavingText(last));
  cli.exit(statusOf(last));
}

/** The first view must have all that was named; what goes later goes. */
function narrowing(selectors: readonly string[]): (view: StatusView) => StatusView {
  let begun = false;
  return (view) => {
    const narrowed = begun
      ? chosen(
          view,
          selectors.filter((selector) => isThere(selector, view)),
        )
      : chosen(view, selectors);
    const none = begun && selectors.length > 0 && !selectors.some((selector) => isThere(selector, view));
    begun = true;
    return none ? { ...view, pools: [] } : narrowed;
  };
}

function isThere(selector: string, view: StatusView): boolean {
  try {
    return chosen(view, [selector]).pools.length > 0;
  } catch (error) {
    if (error instanceof PoolctlError) return false;
    throw error;
  }
}

function leavingText(last: Model): string {
  const { view } = last.data;
  if (view === null || isStale(last)) return 'left the live view; no supervisor answers. Next: poolctl status\n';
  const living = placesOf(view).filter(({ replica }) => replica.live).length;
  const engines = living === 0 ? 'no engine runs' : living === 1 ? 'the engine runs on' : `the ${living} engines run on`;
  return `left the live view; ${engines}. To stop: poolctl down\n`;
}

/** As of `status`. */
function statusOf(last: Model): number {
  const { view } = last.data;
  if (view === null || isStale(last)) return 6;
  const wanted = placesOf(view).filter(({ replica }) => replica.goal === 'up');
  return wanted.every(({ replica }) => replica.ready) ? 0 : 3;
}
