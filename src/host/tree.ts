/**
 * Who belongs to an engine. Its group, its descendants, whoever carries its instance in the environment, and whoever has its log open as
 * stdout or stderr: each of these misses some (setsid leaves the group, a wiped environment loses the instance, a redirection the log).
 */

import { readlinkSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { descriptorTarget, environValue, isLiving, type ProcessStat, type Sweep } from './proc.js';

export type EngineMarks = {
  /** Null when the process was never seen: the launch was written down, its pid was not. */
  readonly leader: { readonly pid: number; readonly startTicks: number } | null;
  /**
   * True while we have watched the leader since we spawned it: then its group is its own even after it has gone. From a record of former
   * days a group without its leader proves nothing by its number alone.
   */
  readonly watched: boolean;
  readonly instance: string;
  /** Nobody who started before this (in ticks) is one of them. @default the leader's start, else 0 */
  readonly since?: number;
  /** Null: the log is no mark. */
  readonly logPath: string | null;
  /** The log is a mark of those alone who started before this (in ticks): a successor writes to it later. @default whoever has it open */
  readonly logUntil?: number;
};

/**
 * The living processes of each engine, by pid, in the order of `engines`. Never the supervisor itself (`self`) or one of its ancestors.
 * A process whose environment may not be read is recognised by the other marks.
 */
export async function findTrees(
  engines: readonly EngineMarks[],
  sweep: Sweep,
  self: number,
): Promise<readonly (readonly ProcessStat[])[]> {
  const index = await indexProcesses(sweep, self, Math.min(...engines.map(sinceOf)));
  return Promise.all(engines.map((engine) => findTree(engine, sweep, index)));
}

/** The living processes that have a log below `dir` open as stdout or stderr, by the log's path as it is written with `dir`. */
export function writersUnder(dir: string, sweep: Sweep): Promise<ReadonlyMap<string, readonly ProcessStat[]>> {
  return groupedUnder(dir, sweep, outputsOf);
}

/** The living processes that work in a directory below `dir`, by its path as it is written with `dir`. */
export function workersUnder(dir: string, sweep: Sweep): Promise<ReadonlyMap<string, readonly ProcessStat[]>> {
  return groupedUnder(dir, sweep, ({ pid }) => workplacesOf(pid));
}

async function groupedUnder(
  dir: string,
  sweep: Sweep,
  placesOf: (each: ProcessStat) => readonly string[],
): Promise<ReadonlyMap<string, readonly ProcessStat[]>> {
  const root = `${await realpath(dir).catch(() => dir)}/`;
  const byPlace = grouped([...sweep.values()].filter(isLiving), placesOf);
  return new Map(
    [...byPlace].flatMap(([path, found]) => (path.startsWith(root) ? [[join(dir, path.slice(root.length)), found]] : [])),
  );
}

type Index = {
  readonly byInstance: ReadonlyMap<string, readonly ProcessStat[]>;
  /** By what descriptor 1 or 2 is, without " (deleted)" and the number of a rotated file. */
  readonly byOutput: ReadonlyMap<string, readonly ProcessStat[]>;
  readonly byGroup: ReadonlyMap<number, readonly ProcessStat[]>;
  readonly byParent: ReadonlyMap<number, readonly ProcessStat[]>;
};

async function findTree(engine: EngineMarks, sweep: Sweep, index: Index): Promise<readonly ProcessStat[]> {
  const { leader, watched, instance, logPath, logUntil = Number.POSITIVE_INFINITY } = engine;
  const since = sinceOf(engine);
  const found = new Set<ProcessStat>();
  const add = (processes: readonly ProcessStat[] | undefined): void => {
    for (const each of processes ?? []) if (each.startTicks >= since) found.add(each);
  };
  add(index.byInstance.get(instance));
  if (logPath !== null) add(index.byOutput.get(await trueName(logPath))?.filter(({ startTicks }) => startTicks < logUntil));
  if (leader !== null) {
    const seat = sweep.get(leader.pid);
    const groupIsTheirs =
      seat === undefined ? watched || [...found].some(({ pgrp }) => pgrp === leader.pid) : seat.startTicks === leader.startTicks;
    if (groupIsTheirs) add(index.byGroup.get(leader.pid));
  }
  for (const each of found) add(index.byParent.get(each.pid));
  return [...found].sort((a, b) => a.pid - b.pid);
}

async function indexProcesses(sweep: Sweep, self: number, since: number): Promise<Index> {
  const barred = ancestry(self, sweep);
  const candidates = [...sweep.values()].filter((each) => each.startTicks >= since && isLiving(each) && !barred.has(each.pid));
  const instances = await Promise.all(candidates.map(instanceOf));
  return {
    byInstance: grouped(candidates, (_, at) => (instances[at] == null ? [] : [instances[at]])),
    byOutput: grouped(candidates, outputsOf),
    byGroup: grouped(candidates, ({ pgrp }) => [pgrp]),
    byParent: grouped(candidates, ({ ppid }) => [ppid]),
  };
}

/** A process in state D is not asked for its environment: the read would hang with it. */
function instanceOf({ pid, state }: ProcessStat): Promise<string | null> {
  return state === 'D' ? Promise.resolve(null) : environValue(pid, 'POOLCTL_INSTANCE');
}

function outputsOf({ pid }: ProcessStat): readonly string[] {
  const outputs = [1, 2].map((fd) => descriptorTarget(pid, fd)).filter((target) => target?.startsWith('/') === true);
  return [...new Set(outputs.map((target) => (target ?? '').replace(/ \(deleted\)$/, '').replace(/\.log\.\d+$/, '.log')))];
}

function workplacesOf(pid: number): readonly string[] {
  try {
    return [readlinkSync(`/proc/${pid}/cwd`).replace(/ \(deleted\)$/, '')];
  } catch {
    return [];
  }
}

/** A tree is not older than its leader; where that is unknown, all are looked at. */
function sinceOf({ since, leader }: EngineMarks): number {
  return since ?? leader?.startTicks ?? 0;
}

/** The kernel names files by their true directory. */
async function trueName(path: string): Promise<string> {
  const dir = await realpath(dirname(path)).catch(() => dirname(path));
  return join(dir, basename(path));
}

function ancestry(pid: number, sweep: Sweep): ReadonlySet<number> {
  const line = new Set<number>([1]);
  for (let each = sweep.get(pid); each !== undefined && !line.has(each.pid); each = sweep.get(each.ppid)) line.add(each.pid);
  return line;
}

function grouped<K>(
  processes: readonly ProcessStat[],
  keysOf: (each: ProcessStat, at: number) => readonly K[],
): ReadonlyMap<K, readonly ProcessStat[]> {
  const groups = new Map<K, ProcessStat[]>();
  for (const [at, each] of processes.entries()) {
    for (const key of keysOf(each, at)) {
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [each]);
      else group.push(each);
    }
  }
  return groups;
}
