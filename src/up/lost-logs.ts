/** Logs that somebody took away from under living engines: those write on into a file without a name, and nobody will read it. */

import { existsSync } from 'node:fs';
import type { State } from '../core/state.js';
import { type Paths, replicaPaths } from '../host/paths.js';

/** Tells each of them. That there is a log again is told by the next launch. */
export function tellLostLogs({ pools }: State, paths: Paths, tell: (what: string, error: string) => void): void {
  for (const { replicas } of pools.values()) {
    for (const { key, life } of replicas) {
      const { log } = replicaPaths(paths, key);
      if ('engine' in life && !existsSync(log))
        tell(log, `the log "${log}" was taken away: what ${key} says is lost until it is launched again`);
    }
  }
}
