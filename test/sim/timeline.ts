/** Virtual time: what is to happen, in order. Nothing waits; time jumps to the next thing. */

type Entry = { readonly at: number; readonly order: number; readonly run: () => void };

export class Timeline {
  /** In ms since the simulation began. */
  now = 0;
  private order = 0;
  private readonly heap: Entry[] = [];

  /** Runs `run` at `at`, or now where that has passed; things of one instant run in the order in which they were asked for. */
  at(at: number, run: () => void): void {
    this.order += 1;
    const entry = { at: Math.max(at, this.now), order: this.order, run };
    const { heap } = this;
    let hole = heap.length;
    heap.push(entry);
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(entry, above)) break;
      heap[hole] = above;
      hole = parent;
    }
    heap[hole] = entry;
  }

  after(ms: number, run: () => void): void {
    this.at(this.now + ms, run);
  }

  /** Does the next thing, if it is due by `until`. False: there is none. */
  step(until: number): boolean {
    const first = this.heap[0];
    if (first === undefined || first.at > until) return false;
    this.drop();
    this.now = first.at;
    first.run();
    return true;
  }

  private drop(): void {
    const { heap } = this;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let hole = 0;
    for (;;) {
      const [left, right] = [heap[2 * hole + 1], heap[2 * hole + 2]];
      if (left === undefined) break;
      const child = right !== undefined && isBefore(right, left) ? right : left;
      if (!isBefore(child, last)) break;
      heap[hole] = child;
      hole = child === right ? 2 * hole + 2 : 2 * hole + 1;
    }
    heap[hole] = last;
  }
}

const isBefore = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
