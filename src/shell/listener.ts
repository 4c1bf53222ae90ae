/** Whose listener answered? Proved once an incarnation and after each unhealthy spell; those who ask in one turn share one look at the tables. */

import type { ProbeResult } from '../core/facts.js';
import { fresh } from '../host/fresh.js';
import { type ListenerOwner, listenersAt, portHolder, readListeners, whoseListeners } from '../host/net.js';
import type { EngineMarks } from '../host/tree.js';
import type { Processes } from './processes.js';

export type Listeners = {
  /** nobody: no listener is in the table, though one answered a moment ago. Never rejects. */
  whose(engine: EngineMarks, host: string, port: number): Promise<ListenerOwner>;
  /** `pid 812 (python3)`; null where nobody is seen. */
  holder(host: string, port: number): Promise<string | null>;
};

export function makeListeners(processes: Processes): Listeners {
  const table = fresh(readListeners);
  return {
    async whose(engine, host, port) {
      const [listeners, tree] = await Promise.all([table(), processes.survivors(engine)]);
      return whoseListeners(
        listenersAt(listeners, host, port),
        tree.map(({ pid }) => pid),
        () => processes.sweep(),
      );
    },
    holder: (host, port) => portHolder(host, port, () => processes.sweep()),
  };
}

/** As a probe tells it: a listener that is not in our tables (another network namespace) has an owner whom we cannot see. */
export function asProved({ owner, holder }: ListenerOwner): Pick<ProbeResult, 'listener' | 'holder'> {
  return { listener: owner === 'nobody' ? 'unknown' : owner, holder };
}
