/** Events on their way out: numbered once, given their time and sentence once, and handed to every reader. */

import type { EventLine } from '../api/wire.js';
import type { Event } from '../core/events.js';
import { readJournal } from '../host/journal-files.js';
import { eventLine } from '../telemetry/lines.js';

export type News = {
  publish(event: Event): void;
  onLine(listener: (line: EventLine) => void): () => void;
  /** Those after the event with this id, from memory, else from the journal; null where nobody knows it. */
  since(id: string): Promise<readonly EventLine[] | null>;
};

/** So many of the last lines are answered from memory. */
const remembered = 1_000;

/** `start` tells this run of the supervisor from others, so that ids stay unique over restarts. */
export function makeNews({ start, wallMs, journalPath }: { start: string; wallMs: () => number; journalPath: string }): News {
  const listeners = new Set<(line: EventLine) => void>();
  const recent: EventLine[] = [];
  let count = 0;

  return {
    publish(event) {
      count += 1;
      const line = eventLine(event, `${start}-${count}`, wallMs());
      recent.push(line);
      if (recent.length > remembered) recent.shift();
      for (const listener of listeners) listener(line);
    },
    onLine(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async since(id) {
      const at = recent.findIndex((line) => line.id === id);
      if (at >= 0) return recent.slice(at + 1);
      const lines = await readJournal(journalPath, { afterId: id });
      if (lines === null) return null;
      // The journal is a moment behind.
      const written = new Set(lines.map((line) => line.id));
      return [...(lines as readonly EventLine[]), ...recent.filter((line) => !written.has(line.id))];
    },
  };
}
