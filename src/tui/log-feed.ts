/** The log of one replica at a time: of the one that is chosen, once the choice has settled. */

import type { Client } from '../api/client.js';
import { PoolctlError } from '../errors.js';
import type { Tell } from './feed.js';

/** A log that has ended is asked for again, and not more often. */
const againMs = 1_000;
/** Whoever goes down the list passes over many. */
const settleMs = 150;
const tail = 1_000;

export class LogFeed {
  private key: string | null = null;
  private ending: AbortController | null = null;
  private timer: NodeJS.Timeout | null = null;
  private waitMs = 0;

  constructor(
    private readonly client: Client,
    private readonly tell: Tell,
  ) {}

  /** `chat/r0`; null: of nobody, since nobody is there to ask. */
  follow(key: string | null): void {
    if (key === this.key) return;
    this.close();
    this.key = key;
    if (key === null) return;
    this.timer = setTimeout(() => void this.read(key), this.waitMs);
    this.waitMs = settleMs;
  }

  close(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.ending?.abort();
    this.key = null;
  }

  private async read(key: string): Promise<void> {
    const ending = new AbortController();
    this.ending = ending;
    const [poolId = '', replicaId = ''] = key.split('/');
    this.tell({ kind: 'log-opened', key }, true);
    try {
      let rest = '';
      for await (const piece of this.client.logs(poolId, replicaId, tail, ending.signal)) {
        const lines = (rest + piece).split('\n');
        rest = lines.pop() ?? '';
        if (!ending.signal.aborted && lines.length > 0) this.tell({ kind: 'log', key, lines }, true);
      }
    } catch (error) {
      // That nobody answers is told by the status; a replica that has gone has no log.
      if (!(error instanceof PoolctlError)) throw error;
    }
    // Read again once there is somebody to ask.
    if (this.ending === ending) [this.key, this.waitMs] = [null, againMs];
  }
}
