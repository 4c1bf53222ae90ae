/** When to draw: at once, but at most four times a second; and once a second where nothing but clocks moves. */

const shortestMs = 250;
const clockMs = 1_000;

export type Timers = {
  now(): number;
  /** Calls later, once; what it returns calls that off. */
  later(call: () => void, ms: number): () => void;
};

export class Pace {
  private drawnAt = Number.NEGATIVE_INFINITY;
  private due = Number.POSITIVE_INFINITY;
  private cancel: (() => void) | null = null;

  constructor(
    private readonly draw: () => void,
    private readonly timers: Timers,
  ) {}

  /** There is something new to see. */
  soon(): void {
    this.at(this.drawnAt + shortestMs);
  }

  /** Draws now, whenever it was drawn last: what stands there is wrong. */
  now(): void {
    this.cancel?.();
    this.run();
  }

  stop(): void {
    this.cancel?.();
    this.cancel = null;
    this.due = Number.NEGATIVE_INFINITY;
  }

  private at(time: number): void {
    if (time >= this.due) return;
    this.cancel?.();
    this.cancel = null;
    const now = this.timers.now();
    if (time <= now) {
      this.run();
      return;
    }
    this.due = time;
    this.cancel = this.timers.later(() => this.run(), time - now);
  }

  private run(): void {
    this.cancel = null;
    this.due = Number.POSITIVE_INFINITY;
    this.drawnAt = this.timers.now();
    this.draw();
    this.at(this.drawnAt + clockMs);
  }
}
