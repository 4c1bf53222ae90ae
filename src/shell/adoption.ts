/**
 * Engines that an earlier supervisor launched: found again, and watched from now on. They are no children of ours, so the kernel tells us neither
 * that they end nor how: a slow look at /proc does.
 */

import type { EngineIdentity } from '../core/messages.js';
import { isAlive, type ProcessStat } from '../host/proc.js';

export type ExitWatch = {
  /** Calls `gone` once, within `everyMs` of its end, never before this has returned. */
  watch(identity: EngineIdentity, gone: () => void): void;
  close(): void;
};

/** One timer for all; none while nobody is watched. An exit is noticed well within a second. */
export function watchExits(everyMs = 400): ExitWatch {
  const watched = new Map<EngineIdentity, () => void>();
  let timer: NodeJS.Timeout | null = null;

  function look(): void {
    for (const [identity, gone] of watched) {
      if (isAlive(identity)) continue;
      watched.delete(identity);
      gone();
    }
    if (watched.size === 0) close();
  }

  function close(): void {
    if (timer !== null) clearInterval(timer);
    timer = null;
  }

  return {
    watch(identity, gone) {
      watched.set(identity, gone);
      timer ??= setInterval(look, everyMs);
    },
    close,
  };
}

/** Of an engine's tree, the process that was launched: it leads the group that it was given. The oldest, should there be several. */
export function leaderOf(tree: readonly ProcessStat[]): ProcessStat | null {
  const leaders = tree.filter(({ pid, pgrp, session }) => pgrp === pid && session === pid);
  return leaders.sort((a, b) => a.startTicks - b.startTicks)[0] ?? null;
}
