/** What a drain waits for, shown while somebody waits for the drain: the one look and the one list of leases that all who do share. */

import type { Client } from '../../src/api/client.js';
import { watchStatus } from '../../src/api/watch.js';
import type { EventLine, LeaseView, StatusView } from '../../src/api/wire.js';
import { PoolctlError } from '../../src/errors.js';
import type { Cli, Globals } from '../cli.js';
import { type Blocked, blockedText, waitingLines } from '../render/waiting.js';
import { DrainNews } from './drain-news.js';
import { replicasOf, type Target } from './selectors.js';

/** An engine that drains is asked for its requests this often, and no event tells what it says. */
const lookEveryMs = 1_000;

export type DrainWatch = {
  readonly news: DrainNews;
  /** A line that stays, in its place above what is waited for. */
  say(line: string): void;
  /** Shows and hears no more. */
  close(): void;
};

/** Listens from when it resolves on, so that nothing is missed of what is asked for after that. Throws where there is no supervisor. */
export async function watchDrains(
  client: Client,
  targets: readonly Target[],
  interrupted: AbortSignal,
  globals: Globals,
  cli: Cli,
): Promise<DrainWatch> {
  return watchWaits(
    client,
    (view) => drainsIn(view, targets, client, cli.now()),
    () => {},
    interrupted,
    globals,
    cli,
  );
}

/** The same for who waits for more than drains: `look` says for what, `hear` is told every event. */
export async function watchWaits(
  client: Client,
  look: (view: StatusView) => Promise<readonly Blocked[]>,
  hear: (event: EventLine) => void,
  interrupted: AbortSignal,
  { quiet }: Globals,
  cli: Cli,
): Promise<DrainWatch> {
  const ending = new AbortController();
  const news = new DrainNews();
  const lines = waitingLines(cli.err, cli.stderr);
  const signal = AbortSignal.any([interrupted, ending.signal]);
  const views = watchStatus(client, signal, lookEveryMs, (event) => {
    hear(event);
    news.hear(event);
  });
  const first = await views.next();
  const follow = async (): Promise<void> => {
    for (let next = first; !next.done; next = await views.next()) {
      if (quiet) continue;
      const blocked = await look(next.value);
      if (!signal.aborted) lines.show(blocked, cli.now());
    }
  };
  // That the supervisor has gone is told by whoever asked it for something.
  void follow()
    .catch((error: unknown) => {
      if (!(error instanceof PoolctlError)) throw error;
    })
    .finally(() => news.end());
  return {
    news,
    say(line) {
      if (!quiet && !signal.aborted) lines.say(line);
    },
    close() {
      ending.abort();
      lines.clear();
    },
  };
}

/** Every drain under way, of those that the targets name. */
export async function drainsIn(
  view: StatusView,
  targets: readonly Target[],
  client: Client,
  nowMs: number,
): Promise<readonly Blocked[]> {
  const draining = replicasOf(view, targets).filter(({ replica }) => replica.draining);
  const held = new Set(draining.filter(({ replica }) => replica.active_leases > 0).map(({ pool }) => pool.pool_id));
  const [only = null] = held.size === 1 ? held : [];
  const leases: readonly LeaseView[] = held.size === 0 ? [] : await client.leases(only);
  return draining.map(({ pool: { pool_id }, replica }) => {
    const own = leases.filter((lease) => lease.pool_id === pool_id && lease.replica_id === replica.replica_id);
    return {
      name: `${pool_id}/${replica.replica_id}`,
      state: replica.state,
      text: blockedText(replica.why, own, nowMs),
      blockers: JSON.stringify([replica.active_leases, replica.inflight, own.map(({ lease_id }) => lease_id)]),
      // That it stops now is told by the end, unless that does not come.
      told: replica.state === 'draining' ? 'again' : 'late',
    };
  });
}
