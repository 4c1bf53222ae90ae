/**
 * The terminal as a place for frames: its second screen, so that what stood there comes back, and only the lines that have changed are
 * written. Each is put where it belongs, so nothing that was written before is moved or scrolled.
 */

/** Whatever takes text; a terminal takes it at once. */
export type Output = { write(text: string): unknown };

const esc = '\u001b[';
const enter = `${esc}?1049h${esc}?25l`;
const clear = `${esc}H${esc}2J`;
// Cleared first: where it was made bigger meanwhile, tmux leaves what stood beyond the first screen.
const leave = `${clear}${esc}?25h${esc}?1049l`;

/** What turns the one into the other; null: whatever stands there is not ours. */
export function changed(before: readonly string[] | null, after: readonly string[]): string {
  const old = before ?? [];
  // The line is erased first: behind a line of full width the cursor stands on its last character.
  const lines = after.map((line, row) =>
    before !== null && old[row] === line ? '' : `${esc}${row + 1};1H${before === null ? '' : `${esc}2K`}${line}`,
  );
  const gone = old.length > after.length ? `${esc}${after.length + 1};1H${esc}J` : '';
  return `${before === null ? clear : ''}${lines.join('')}${gone}`;
}

export class Screen {
  private shown: readonly string[] | null = null;
  private entered = false;

  constructor(private readonly output: Output) {}

  enter(): void {
    if (this.entered) return;
    this.entered = true;
    this.shown = null;
    this.output.write(enter);
  }

  show(lines: readonly string[]): void {
    if (!this.entered) return;
    const text = changed(this.shown, lines);
    this.shown = lines;
    if (text !== '') this.output.write(text);
  }

  /** The next frame is written whole: the terminal has another size. */
  forget(): void {
    this.shown = null;
  }

  /** Writes all of it once more: somebody else has written there. */
  redraw(): void {
    const lines = this.shown;
    this.shown = null;
    if (lines !== null) this.show(lines);
  }

  /** Gives the terminal back as it was. Safe to call at any time, and twice. */
  leave(): void {
    if (!this.entered) return;
    this.entered = false;
    this.output.write(leave);
  }
}
