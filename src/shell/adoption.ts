/**
 * Engines that an earlier supervisor launched: found again, and watched from now on. They are no children of ours, so the kernel tells us neither
 * that they end nor how: a slow look at /proc does.
 */

import type { EngineIdentity } from '../core/facts.js';
import { isAlive, type ProcessStat } from '../host/proc.js';

export type ExitWatch = {
  /** Calls `gone` once, within a fraction of a second of its end, never before this has returned. */
  watch(identity: EngineIdentity, gone: () => void): void;
  /** It was told to end: from now on it is looked at often, and so are the others. */
  expect(identity: EngineIdentity): void;
  close(): void;
};

/** An exit that nobody asked for is noticed within a second; one that is waited for, at once. */
const lookEveryMs = { unexpected: 400, expected: 20 } as const;

type Watched = { readonly identity: EngineIdentity; readonly gone: () => void; expected: boolean };

/** One timer for all; none while nobody is watched. */
export function watchExits(): ExitWatch {
  const watched = new Map<string, Watched>();
  let timer: NodeJS.Timeout | null = null;

  function look(): void {
    timer = null;
    for (const [instance, { identity, gone }] of watched) {
      if (isAlive(identity)) continue;
      watched.delete(instance);
      gone();
    }
    arm();
  }

  function arm(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (watched.size === 0) return;
    const soon = [...watched.values()].some(({ expected }) => expected);
    timer = setTimeout(look, soon ? lookEveryMs.expected : lookEveryMs.unexpected);
  }

  return {
    watch(identity, gone) {
      watched.set(identity.instance, { identity, gone, expected: false });
      if (timer === null) arm();
    },
    expect({ instance }) {
      const found = watched.get(instance);
      if (found === undefined || found.expected) return;
      found.expected = true;
      arm();
    },
    close() {
      watched.clear();
      arm();
    },
  };
}

/** Of an engine's tree, the process that was launched: it leads the group that it was given. The oldest, should there be several. */
export function leaderOf(tree: readonly ProcessStat[]): ProcessStat | null {
  const leaders = tree.filter(({ pid, pgrp, session }) => pgrp === pid && session === pid);
  return leaders.sort((a, b) => a.startTicks - b.startTicks)[0] ?? null;
}
