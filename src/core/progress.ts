/** How far a model is on its way to where its engine can read it. */

import type { Instant } from './model.js';

/** How far it is, as it comes. */
export type Staging = {
  /** The file's name, for people. */
  readonly file: string;
  readonly doing: 'fetch' | 'digest' | 'wait';
  readonly doneBytes: number;
  /** Null where nobody has said. */
  readonly totalBytes: number | null;
  /** At the speed of the last seconds; null where there is none. */
  readonly leftMs: number | null;
  /** Why it rests: a phrase. Null: it moves. */
  readonly note: string | null;
  /** Another replica waits for the same and tells of it. */
  readonly shared: boolean;
};

/** What a checking replica knows of it. */
export type Staged = { readonly last: Staging; readonly told: { readonly at: Instant; readonly percent: number } };

/** A model that was found to be there, where that is told for the first time. */
export type ModelNews = { readonly text: string; readonly verified: boolean };
