/** What happened, for people: a file with a line for everything, counts by kind, and the violations. */

import { appendFileSync } from 'node:fs';

type Shelf = 'operations' | 'faults' | 'seen';

export class Chronicle {
  readonly violations: string[] = [];
  readonly counts: Readonly<Record<Shelf, Map<string, number>>> = { operations: new Map(), faults: new Map(), seen: new Map() };
  private readonly begunAt = performance.now();
  private readonly ended = new AbortController();

  constructor(readonly file: string) {}

  /** Aborted at the first violation: what comes after it proves nothing. */
  get broken(): AbortSignal {
    return this.ended.signal;
  }

  line(text: string): void {
    appendFileSync(this.file, `${((performance.now() - this.begunAt) / 1000).toFixed(3).padStart(9)}  ${text}\n`);
  }

  count(shelf: Shelf, kind: string, times = 1): void {
    const counts = this.counts[shelf];
    counts.set(kind, (counts.get(kind) ?? 0) + times);
  }

  violate(text: string): void {
    this.line(`VIOLATION  ${text}`);
    this.violations.push(text);
    this.ended.abort();
  }
}
