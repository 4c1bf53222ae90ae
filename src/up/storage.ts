/**
 * What of ours is not being saved, told at changes only: a full disk is one piece of news. And the place that it is saved in, looked at over and over,
 * since a supervisor may outlive its directories: supervision goes on without them, and they are made again as soon as they can be.
 */

import type { SupervisorView } from '../api/wire.js';
import type { Pulse } from '../host/pulse.js';
import { makeUntouched } from '../host/untouched.js';

export type Storage = {
  /** `what` could not be kept, for the reason `error`; null: it could. */
  tell(what: string, error: string | null): void;
  unsaved(): SupervisorView['unsaved'];
  /** Begins to look after the place, which is called by its path `what`. */
  watch(what: string, place: Place): { close(): Promise<void> };
};

export type Place = {
  /** Where all of it lies. While nothing comes or goes there, and all is saved, a look ends with that. */
  directories(): readonly string[];
  /** Takes directory, lock and socket again where they are gone; answers whether any was. Rejects where they cannot be had. */
  retake(): Promise<boolean>;
  /** Writes again what ought to lie there. */
  mend(): void;
};

/** While anything is not saved. */
const lookAgainMs = 1_000;

/** `pulse` beats every five seconds: so soon a vanished socket is there again. */
export function makeStorage(publish: (what: string, error: string | null) => void, pulse: Pulse): Storage {
  const unsaved = new Map<string, string>();
  let look: () => void = () => {};

  function tell(what: string, error: string | null): void {
    if ((unsaved.get(what) ?? null) === error) return;
    if (error === null) unsaved.delete(what);
    else unsaved.set(what, error);
    publish(what, error);
    if (error !== null) look();
  }

  return {
    tell,
    unsaved: () => [...unsaved].map(([what, reason]) => ({ what, reason })),
    watch(what, { directories, retake, mend }) {
      const untouched = makeUntouched();
      let timer: NodeJS.Timeout | null = null;
      let busy: Promise<void> | null = null;
      let closed = false;

      async function lookThrough(): Promise<void> {
        try {
          if (await retake()) tell(what, `"${what}" was taken away: what lay there is lost, and it is made anew`);
          tell(what, null);
          mend();
        } catch (error) {
          tell(what, `cannot keep "${what}": ${(error as Error).message}`);
        }
      }

      function arm(ms: number): void {
        if (timer !== null) clearTimeout(timer);
        timer = closed ? null : setTimeout(begin, ms).unref();
      }

      function begin(): void {
        timer = null;
        if (busy !== null || (untouched(directories()) && unsaved.size === 0)) return;
        busy = lookThrough().finally(() => {
          busy = null;
          if (unsaved.size > 0) arm(lookAgainMs);
        });
      }

      // What could not be kept for want of its directory need not wait for the next look.
      look = () => {
        if (!closed && busy === null) arm(0);
      };
      // While anything is not saved, the looks are a second apart without it.
      const stop = pulse(() => {
        if (timer === null) begin();
      });
      return {
        async close() {
          closed = true;
          stop();
          if (timer !== null) clearTimeout(timer);
          await busy;
        },
      };
    },
  };
}
