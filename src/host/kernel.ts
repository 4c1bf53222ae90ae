/** What the kernel knows of a process that has ended: whether it was killed for want of memory, and whether its GPU failed under it. */

import { closeSync, openSync, readlinkSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { KernelEvidence } from '../core/crash.js';
import { type Dead, descendantsOf, killOf, victimOf, xidOf } from './kernel-evidence.js';
import { askJournalctl, type KernelLine, type KernelLog, openKernelLog } from './kernel-log.js';
import type { Pulse } from './pulse.js';

export type Ended = {
  readonly pid: number;
  readonly code: number | null;
  readonly signal: string | null;
  /** PCI addresses of the devices that it had; null where one is not known. */
  readonly devices: readonly (string | null)[];
};

export type Kernel = {
  /**
   * An engine lives. `leaf` is the directory of the cgroup that nobody but its processes is in; null: where it has none, its control group is looked up at
   * the next sample.
   */
  watch(pid: number, leaf: string | null): void;
  /** It has ended, and is watched no more. */
  leave(pid: number): void;
  /** Of one that has ended, and is watched no more. Never rejects, and resolves at once where the kernel's log can be read directly. */
  evidence(ended: Ended): Promise<readonly KernelEvidence[]>;
  /** Reads what the log says by now, for whoever follows its lines. Never waits; without a log that may be read, nothing. */
  look(): void;
  close(): void;
};

/** Where the kernel says it. Tests put files of their own there. */
export type KernelSources = { readonly proc: string; readonly cgroups: string; readonly log: KernelLog };

export function kernelOf(now: () => number): KernelSources {
  return {
    proc: '/proc',
    cgroups: '/sys/fs/cgroup',
    log: openKernelLog({ path: '/dev/kmsg', journal: askJournalctl, now }),
  };
}

type MemoryGroup = { readonly path: string; readonly unified: boolean };
/** `oom`: how often its own limit was reached; null where it does not count that. `own`: it is a leaf. */
type Group = { readonly file: string; readonly kills: number; readonly oom: number | null; readonly own: boolean };
type Watched = { readonly group: Group | 'unseen' | 'none'; readonly descendants: Dead['descendants'] };

/**
 * While an engine is watched, the machine's counters, the log and who its descendants are, are read at each beat of `pulse` (of five seconds). `ofGpu`
 * is told of each line of a GPU's driver, once.
 */
export function watchKernel(
  { proc, cgroups, log }: KernelSources,
  now: () => number,
  pulse: Pulse,
  ofGpu: (line: KernelLine) => void = () => {},
): Kernel {
  const engines = new Map<number, Watched>();
  /** Whose control group was not looked up yet. */
  const groupless = new Set<number>();
  let samples: { readonly at: number; readonly kills: number }[] = [];
  let stop: (() => void) | null = null;
  const seesKernelsPids = isInitialNamespace(proc);
  log.follow(ofGpu);

  function watch(pid: number, leaf: string | null): void {
    const group = leaf === null ? null : groupAt(join(leaf, 'memory.events'), true);
    engines.set(pid, { ...unseen, group: group ?? unseen.group });
    if (group === null) groupless.add(pid);
    if (stop !== null) return;
    stop = pulse(sample);
    setImmediate(sample);
  }

  function sample(): void {
    if (engines.size === 0) {
      close();
      return;
    }
    const kills = countIn(join(proc, 'vmstat'));
    samples = samples.filter(({ at }) => now() - at <= windowMs);
    if (kills !== null) samples.push({ at: now(), kills });
    log.catchUp();
    findGroups();
    // Some of them, who are the last to be looked at again: a hundred idle engines must cost next to nothing.
    let looks = Math.min(mostLooks, engines.size);
    for (const [pid, { group }] of engines) {
      if (looks-- === 0) break;
      engines.delete(pid);
      engines.set(pid, { group, descendants: descendantsOf(pid, proc) });
    }
  }

  function findGroups(): void {
    if (groupless.size === 0) return;
    const ours = memoryGroup(join(proc, 'self', 'cgroup'));
    for (const pid of groupless) {
      const watched = engines.get(pid);
      if (watched !== undefined) engines.set(pid, { ...watched, group: groupBeside(ours, pid, proc, cgroups) ?? 'none' });
    }
    groupless.clear();
  }

  function close(): void {
    stop?.();
    stop = null;
  }

  /** How the machine's counter rose in the last ten seconds, and by how many; null: it did not, as far as anybody knows. */
  function machineKills(): { readonly rise: number; readonly text: string } | null {
    const before = samples.find(({ at }) => now() - at <= windowMs)?.kills;
    const kills = before === undefined ? null : countIn(join(proc, 'vmstat'));
    if (before === undefined || kills === null || kills <= before) return null;
    return { rise: kills - before, text: `oom_kill of the machine rose from ${before} to ${kills} within 10 s` };
  }

  function leave(pid: number): void {
    engines.delete(pid);
    groupless.delete(pid);
  }

  return {
    watch,
    leave,
    async evidence({ pid, code, signal, devices }) {
      const { group, descendants } = engines.get(pid) ?? unseen;
      leave(pid);
      const dead = { pid, descendants, devices };
      const onDevices = devices.length > 0;
      // Of an engine of an earlier supervisor nobody knows how it ended.
      const killed = signal === 'SIGKILL' || code === 137 || (code === null && signal === null);
      const own = typeof group === 'object' && group.own;
      if (!killed && !onDevices && !own && descendants.size === 0) return [];
      const machine = killed || descendants.size > 0 ? machineKills() : null;
      // A log that is not read directly costs a helper program: without a kill there is nothing to ask it.
      const lines = machine !== null || onDevices ? await log.recent() : [];
      // The kernel names everybody whom it kills. One that it did not name was killed by somebody else; a shell may have died of its child's end.
      const named = signal === 'SIGKILL' && seesKernelsPids ? lines.filter(({ text }) => victimOf(text) !== null).length : 0;
      return [
        // A worker's kill is an engine's end as well, and in a leaf there is nobody else.
        ...((killed || own) && typeof group === 'object' ? groupEvidence(group) : []),
        ...lines.flatMap(({ text }) => killOf(dead, text)),
        ...(killed && machine !== null && named < machine.rise
          ? [{ kind: 'oom', source: 'machine', text: machine.text } as const]
          : []),
        ...(onDevices ? lines.flatMap(({ text }) => xidOf(dead, text, proc)) : []),
      ];
    },
    look: () => log.catchUp(),
    close() {
      close();
      engines.clear();
      groupless.clear();
      log.close();
    },
  };
}

/** At so many engines' descendants each time. */
const mostLooks = 5;
const windowMs = 10_000;
const unseen: Watched = { group: 'unseen', descendants: new Set() };

/** In a container's namespace the kernel's log knows everybody by other pids than we do. */
function isInitialNamespace(proc: string): boolean {
  try {
    return readlinkSync(join(proc, 'self', 'ns', 'pid')) === 'pid:[4026531836]';
  } catch {
    return false;
  }
}

/** Null where it shares the supervisor's, or where that cannot be told. */
function groupBeside(ours: MemoryGroup | null, pid: number, proc: string, cgroups: string): Group | null {
  const own = memoryGroup(join(proc, String(pid), 'cgroup'));
  if (own === null || own.path === ours?.path || own.path.includes('..')) return null;
  const file = own.unified ? join(cgroups, own.path, 'memory.events') : join(cgroups, 'memory', own.path, 'memory.oom_control');
  return groupAt(file, false);
}

function groupAt(file: string, own: boolean): Group | null {
  const kills = countIn(file);
  return kills === null ? null : { file, kills, oom: countIn(file, 'oom'), own };
}

/** The older hierarchy has a line for memory; where it has none, the only group counts. */
function memoryGroup(file: string): MemoryGroup | null {
  const text = bytesOf(file).toString();
  const former = /^\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:(\/.*)$/m.exec(text)?.[1];
  const unified = /^0::(\/.*)$/m.exec(text)?.[1];
  if (former !== undefined) return { path: former, unified: false };
  return unified === undefined ? null : { path: unified, unified: true };
}

/** Where its own limit was not reached, it was killed because the machine, or a group above it, had no memory left. */
function groupEvidence({ file, kills, oom }: Group): readonly KernelEvidence[] {
  const now = countIn(file);
  if (now === null || now <= kills) return [];
  const limited = oom === null || (countIn(file, 'oom') ?? oom) > oom;
  const text = `oom_kill of its control group rose from ${kills} to ${now}`;
  return [{ kind: 'oom', source: limited ? 'cgroup' : 'kernel', text }];
}

/** A number in a file of counters, a name and a number on each line; null where there is none. */
function countIn(file: string, name: 'oom_kill' | 'oom' = 'oom_kill'): number | null {
  const bytes = bytesOf(file);
  const line = `\n${name} `;
  const at = bytes.indexOf(line);
  if (at === -1) return null;
  const count = Number.parseInt(bytes.toString('latin1', at + line.length, at + line.length + mostDigits), 10);
  return Number.isNaN(count) ? null : count;
}

/** A line break and what the file has, of which no text of thousands of bytes is made for one number; no more than that where it cannot be read. */
function bytesOf(file: string): Buffer {
  const bytes = Buffer.allocUnsafe(longestCounters);
  let end = bytes.write('\n');
  try {
    const fd = openSync(file, 'r');
    try {
      // The kernel gives a page at a time.
      for (let read = -1; read !== 0 && end < bytes.length; end += read)
        read = readSync(fd, bytes, end, bytes.length - end, null);
    } finally {
      closeSync(fd);
    }
  } catch {
    // Nobody counts here.
  }
  return bytes.subarray(0, end);
}

const longestCounters = 32 * 1024;
const mostDigits = 20;
