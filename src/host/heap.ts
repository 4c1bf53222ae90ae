/** The heap of this process, which V8 lets grow and hardly ever gives back. */

import { setFlagsFromString } from 'node:v8';

/** For so long it grows by small steps: what only a start needs does not stay with a program that then lives for months. */
export function growSlowly(forMs: number): void {
  setFlagsFromString('--optimize-for-size');
  setTimeout(() => setFlagsFromString('--no-optimize-for-size'), forMs).unref();
}
