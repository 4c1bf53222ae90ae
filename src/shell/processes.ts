/**
 * The hands on the processes of engines: signals that reach only whom they are meant for, and the proof that nobody is left. A number alone is
 * never trusted: whoever is signalled has the start time that was seen with it, read in the same turn of the event loop.
 */

import type { EngineIdentity } from '../core/facts.js';
import { fresh } from '../host/fresh.js';
import { isAlive, isLiving, type ProcessStat, readStat, type Sweep, sweepProcesses } from '../host/proc.js';
import { type EngineMarks, findTrees } from '../host/tree.js';
import { type Leaves, noLeaves } from './leaves.js';

/** gone: nobody of the group is left to be signalled, or its number belongs to a stranger by now. denied: the kernel refused. */
export type Signalled = 'sent' | 'gone' | 'denied';

export type Processes = {
  /** All processes now. Those who ask in one turn of the event loop share one walk over /proc. */
  sweep(): Promise<Sweep>;
  /** The living processes of an engine's tree, its cgroup's among them, by pid; those who ask in one turn share one walk. */
  survivors(marks: EngineMarks): Promise<readonly ProcessStat[]>;
  /**
   * Whether the kernel says at once that nobody is left in the engine's group and cgroup. False may mean zombies alone; whoever has left the group of
   * an engine without a cgroup is not seen: `survivors` sees him.
   */
  isEmpty(identity: EngineIdentity): boolean;
  /** SIGKILL to the group and to everybody else whom a walk finds. Answers whom it found outside the group. */
  killTree(marks: EngineMarks): Promise<readonly number[]>;
  /** SIGKILL to those of the tree who live now; answers whom it signalled, so empty is the proof that nobody is left. */
  killSurvivors(marks: EngineMarks): Promise<readonly number[]>;
};

/**
 * `self` is the supervisor's own pid: it and its ancestors are never found. `killDescendants` kills a living process and everybody below it, as far
 * as it can; it never rejects.
 */
export function makeProcesses(
  self: number,
  killDescendants: (pid: number) => Promise<void> = async () => {},
  leaves: Leaves = noLeaves,
): Processes {
  const sweep = fresh(sweepProcesses);
  let asked: EngineMarks[] = [];
  const trees = fresh(async () => {
    const engines = asked;
    asked = [];
    return new Map(zip(engines, await findTrees(engines, await sweep(), self)));
  });

  async function survivors(marks: EngineMarks): Promise<readonly ProcessStat[]> {
    asked.push(marks);
    const tree = (await trees()).get(marks) ?? [];
    // Asked last: what was forked while /proc was walked is there too.
    const found = new Set(tree.map(({ pid }) => pid));
    const others = leaves.members(marks.instance).flatMap((pid) => (found.has(pid) || pid === self ? [] : (readStat(pid) ?? [])));
    return [...tree, ...others.filter(isLiving)].sort((a, b) => a.pid - b.pid);
  }

  return {
    sweep,
    survivors,
    isEmpty: (identity) => groupIsEmpty(identity) && leaves.members(identity.instance).length === 0,
    async killSurvivors(marks) {
      const found = await survivors(marks);
      if (found.length > 0) leaves.kill(marks.instance);
      return found.filter((each) => signalProcess(each, 'SIGKILL') !== 'gone').map(({ pid }) => pid);
    },
    async killTree(marks) {
      // Whoever has left the group is found by its parent only while that lives: so look first, then strike all in one turn.
      const strays = (await survivors(marks)).filter(({ pgrp }) => pgrp !== marks.leader?.pid);
      const together = leaves.kill(marks.instance);
      // Those that were forked since the look are found by their parents, as long as the leader lives.
      if (!together && strays.length > 0 && marks.leader !== null && isAlive(marks.leader))
        await killDescendants(marks.leader.pid);
      if (marks.leader !== null) signalGroup(marks.leader, 'SIGKILL');
      for (const each of strays) signalProcess(each, 'SIGKILL');
      return strays.map(({ pid }) => pid);
    },
  };
}

/**
 * How an engine is recognised. `watched` is false where another supervisor launched it. `strays`: what it left behind, beside a successor that was launched at or after
 * `endedTicks`.
 */
export function marksOf(
  { pid, startTicks, instance }: EngineIdentity,
  logPath: string,
  {
    watched = true,
    strays = null,
  }: { readonly watched?: boolean; readonly strays?: { readonly endedTicks: number } | null } = {},
): EngineMarks {
  if (strays !== null) return { leader: null, watched: false, since: startTicks, instance, logPath, logUntil: strays.endedTicks };
  return { leader: { pid, startTicks }, watched, instance, logPath };
}

/**
 * Signals the engine's whole group. `andContinue` sends SIGCONT after it, without which a stopped process does not see the signal. A leader that
 * has gone leaves its number to the group as long as a member lives, so the group is signalled then too; a number with another start time is a
 * stranger's, and nobody is signalled.
 */
export function signalGroup(
  { pid, startTicks }: Pick<EngineIdentity, 'pid' | 'startTicks'>,
  signal: NodeJS.Signals,
  { andContinue = false } = {},
): Signalled {
  const seat = readStat(pid);
  if (seat !== null && seat.startTicks !== startTicks) return 'gone';
  const sent = send(-pid, signal);
  if (andContinue && sent === 'sent') send(-pid, 'SIGCONT');
  return sent;
}

function groupIsEmpty({ pid, startTicks }: { readonly pid: number; readonly startTicks: number }): boolean {
  const seat = readStat(pid);
  if (seat !== null && seat.startTicks !== startTicks) return true;
  try {
    process.kill(-pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** Signals one process if it is still the one that was seen. */
export function signalProcess(seen: ProcessStat, signal: NodeJS.Signals): Signalled {
  return stillThere(seen) ? send(seen.pid, signal) : 'gone';
}

function stillThere({ pid, startTicks }: ProcessStat): boolean {
  const now = readStat(pid);
  return now !== null && now.startTicks === startTicks && isLiving(now);
}

function send(target: number, signal: NodeJS.Signals): Signalled {
  try {
    process.kill(target, signal);
    return 'sent';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH' ? 'gone' : 'denied';
  }
}

function zip<A, B>(left: readonly A[], right: readonly B[]): readonly (readonly [A, B])[] {
  return left.flatMap((each, at) => {
    const other = right[at];
    return other === undefined ? [] : [[each, other] as const];
  });
}
