/** One thing that was looked at. The keys are those of `doctor --json`. */
export type Check = {
  /** One word, so that a table of them can be cut. */
  readonly name: string;
  /** False: something will not work, or not as it should. */
  readonly ok: boolean;
  /** What was found; a phrase. */
  readonly detail: string;
  /** What to do about it; null where nothing is to be done. */
  readonly hint: string | null;
};

export const fine = (name: string, detail: string, hint: string | null = null): Check => ({ name, ok: true, detail, hint });
export const wrong = (name: string, detail: string, hint: string): Check => ({ name, ok: false, detail, hint });
