/** The one alarm of a virtual supervisor. */

import type { Clock } from '../../src/shell/clock.js';
import type { Machine } from './machine.js';

/**
 * As the real one: rings once, at or after its instant, and a later call replaces an earlier one. Put off it costs nothing: what waits on the
 * timeline asks, when it comes up, whether its time has come.
 */
export function makeAlarm(machine: Machine, deliver: (run: () => void) => void): Clock['alarm'] {
  let due: { readonly at: number; readonly ring: () => void } | null = null;
  let waitsAt = Number.POSITIVE_INFINITY;

  function wait(at: number): void {
    waitsAt = at;
    machine.timeline.at(at, () => {
      if (waitsAt !== at) return;
      waitsAt = Number.POSITIVE_INFINITY;
      deliver(ring);
    });
  }

  function ring(): void {
    if (due === null) return;
    if (due.at > machine.now) {
      if (due.at < waitsAt) wait(due.at);
      return;
    }
    const { ring: now } = due;
    due = null;
    now();
  }

  return (at, now) => {
    if (at === null) {
      due = null;
      return;
    }
    const on = machine.now + Math.max(0, Math.ceil(at - machine.monotonicMs));
    due = { at: on, ring: now };
    if (on < waitsAt) wait(on);
  };
}
