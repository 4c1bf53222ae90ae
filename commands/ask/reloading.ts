/** What is told and shown while somebody waits for a reload: the model, which replica is where, what holds it up, and that it goes back. */

import type { Client } from '../../src/api/client.js';
import type { EventLine, OperationView, ReplicaView, StatusView } from '../../src/api/wire.js';
import type { Cli, Globals } from '../cli.js';
import { newsOfReload, placeLines } from '../render/reload.js';
import type { Blocked } from '../render/waiting.js';
import type { DrainNews } from './drain-news.js';
import { drainsIn, watchWaits } from './drains.js';

export type ReloadWatch = {
  readonly news: DrainNews;
  /** The operation to tell of. */
  follow(operation: OperationView): void;
  close(): void;
};

/** `ref` is the model as it was typed. What is told before the operation is known is kept until then. */
export async function watchReload(
  client: Client,
  poolId: string,
  ref: string,
  interrupted: AbortSignal,
  globals: Globals,
  cli: Cli,
): Promise<ReloadWatch> {
  let id: string | null = null;
  let begun = false;
  const unread: EventLine[] = [];
  const read = (): void => {
    for (const event of unread.splice(0)) {
      if (event.operation_id !== id) continue;
      begun ||= event.event === 'reload.started';
      const line = newsOfReload(event, ref);
      if (line !== null) watch.say(line);
    }
  };
  const look = async (view: StatusView): Promise<readonly Blocked[]> => {
    if (id === null) return [];
    const operation = await client.operation(id, 0);
    if (operation.state !== 'running') return [];
    if (!begun) return [{ name: poolId, state: 'reloading', text: 'looks at the new model', blockers: '', told: 'late' }];
    const replicas: readonly ReplicaView[] = view.pools.find(({ pool_id }) => pool_id === poolId)?.replicas ?? [];
    const drains = await drainsIn(view, [{ poolId, replicaId: null }], client, cli.now());
    return placeLines(operation, replicas, drains);
  };
  const watch = await watchWaits(
    client,
    look,
    (event) => {
      unread.push(event);
      if (id !== null) read();
    },
    interrupted,
    globals,
    cli,
  );
  return {
    news: watch.news,
    follow(operation) {
      id = operation.operation_id;
      read();
    },
    close: watch.close,
  };
}
