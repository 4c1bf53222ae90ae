/** Checks that are out, and whether the core waits for them yet: what goes on for nobody is told to end. */

import { type Asker, isAwaited } from '../core/staging.js';
import type { State } from '../core/state.js';

export type StillAwaited = {
  /** The signal tells that nobody waits any more; to be closed when the answer is there. */
  open(asker: Asker): { readonly signal: AbortSignal; close(): void };
  /** To be called after each step. */
  look(state: State): void;
  /** Nobody waits for anything: the end. */
  end(): void;
};

export function makeAwaited(): StillAwaited {
  const out = new Map<AbortController, Asker>();
  return {
    open(asker) {
      const controller = new AbortController();
      out.set(controller, asker);
      return { signal: controller.signal, close: () => void out.delete(controller) };
    },
    look(state) {
      for (const [controller, asker] of out) if (!isAwaited(asker, state)) controller.abort();
    },
    end() {
      for (const controller of out.keys()) controller.abort();
    },
  };
}
