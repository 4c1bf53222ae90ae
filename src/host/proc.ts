/**
 * What /proc says of processes. `stat` files are read synchronously: they are kernel memory, cost some 10 us each, and a guard must not be
 * parted from the signal that it guards by a turn of the event loop. `environ` may block on a sick process, so it is read off the thread.
 */

import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';

export type ProcessStat = {
  readonly pid: number;
  /** The kernel's name of the program, at most 15 bytes. */
  readonly comm: string;
  /** One letter; Z and X are dead. */
  readonly state: string;
  readonly ppid: number;
  readonly pgrp: number;
  readonly session: number;
  /** Field 22: clock ticks since boot. */
  readonly startTicks: number;
};

/** All processes at one time, the dead ones that nobody has reaped yet among them. */
export type Sweep = ReadonlyMap<number, ProcessStat>;

/** Parses the text of /proc/PID/stat; null where it is none. The name may hold blanks and parentheses: the last `)` ends it. */
export function parseStat(text: string): ProcessStat | null {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 0 || close < open) return null;
  const fields = text.slice(close + 2).split(' ');
  const [state, ppid, pgrp, session] = fields;
  const startTicks = Number(fields[19]);
  const pid = Number(text.slice(0, open));
  if (state === undefined || !Number.isInteger(pid) || !Number.isInteger(startTicks)) return null;
  return {
    pid,
    comm: text.slice(open + 1, close),
    state,
    ppid: Number(ppid),
    pgrp: Number(pgrp),
    session: Number(session),
    startTicks,
  };
}

/** The process with this number now; null where there is none. */
export function readStat(pid: number, buffer = Buffer.allocUnsafe(1024), procRoot = '/proc'): ProcessStat | null {
  try {
    const fd = openSync(`${procRoot}/${pid}/stat`, 'r');
    try {
      return parseStat(buffer.toString('latin1', 0, readSync(fd, buffer, 0, buffer.length, 0)));
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
}

/** Whether a process can still do something. A zombie has run its last instruction, and may lie there as long as its parent likes. */
export function isLiving({ state }: ProcessStat): boolean {
  return state !== 'Z' && state !== 'X' && state !== 'x';
}

/** Whether this very process lives: the number alone may have gone to a stranger. */
export function isAlive({ pid, startTicks }: { readonly pid: number; readonly startTicks: number }): boolean {
  const stat = readStat(pid);
  return stat !== null && stat.startTicks === startTicks && isLiving(stat);
}

/** Reads all of /proc in slices, so that the event loop gets its turn between them. */
export async function sweepProcesses(): Promise<Sweep> {
  const buffer = Buffer.allocUnsafe(1024);
  const found = new Map<number, ProcessStat>();
  let inSlice = 0;
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    if (++inSlice > pidsPerSlice) {
      inSlice = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const stat = readStat(pid, buffer);
    if (stat !== null) found.set(pid, stat);
  }
  return found;
}

/** Now, as processes count their beginning: clock ticks since boot, a hundred a second on Linux. */
export function ticksSinceBoot(): number {
  return Math.floor(Number.parseFloat(readFileSync('/proc/uptime', 'latin1')) * 100);
}

/** The value of one variable in a process's first environment; null where it has none or may not be read. */
export async function environValue(pid: number, name: string, procRoot = '/proc'): Promise<string | null> {
  const text = await readFile(`${procRoot}/${pid}/environ`, 'latin1').catch(() => '');
  const start = `${name}=`;
  const entry = text.split('\0').find((each) => each.startsWith(start));
  return entry === undefined ? null : entry.slice(start.length);
}

/** What a descriptor of a process is, as the kernel writes it ("socket:[812]", a path, a path and " (deleted)"); null where unreadable. */
export function descriptorTarget(pid: number, fd: number | string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return null;
  }
}

/** The open descriptors of a process; null where it is gone or may not be read. */
export function descriptorsOf(pid: number): readonly string[] | null {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch {
    return null;
  }
}

/** `pid 812 (python3)`. */
export function describeProcess(pid: number): string {
  const stat = readStat(pid);
  return stat === null ? `pid ${pid}` : `pid ${pid} (${programOf(stat)})`;
}

/** What a process calls itself. Newer Nodes call their main thread "MainThread": the program's file tells more then. */
export function programOf({ pid, comm }: ProcessStat): string {
  return /mainthread/i.test(comm) ? (programFile(pid) ?? comm) : comm;
}

/** Differs from boot to boot: start times are counted from it. */
export async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

/** What the machine has, and what the kernel could give of it to new programs without swapping; null where it does not say. */
export async function machineMemory(): Promise<{ readonly totalBytes: number | null; readonly availableBytes: number | null }> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const bytesOf = (name: string): number | null => {
    const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1];
    return kib === undefined ? null : Number(kib) * 1024;
  };
  return { totalBytes: bytesOf('MemTotal'), availableBytes: bytesOf('MemAvailable') };
}

/** `availableBytes` alone. */
export async function memoryAvailableBytes(): Promise<number | null> {
  return (await machineMemory()).availableBytes;
}

/** Bytes that a process has read in its life, from files and elsewhere; null where it is gone or may not be read. */
export async function bytesRead(pid: number): Promise<number | null> {
  const text = await readFile(`/proc/${pid}/io`, 'utf8').catch(() => '');
  const passed = /^rchar: (\d+)$/m.exec(text)?.[1];
  const mapped = /^read_bytes: (\d+)$/m.exec(text)?.[1];
  return passed === undefined || mapped === undefined ? null : Number(passed) + Number(mapped);
}

/** Those that its own calls have read, be it from disk or from memory; null as above. */
export async function bytesCalledFor(pid: number): Promise<number | null> {
  const text = await readFile(`/proc/${pid}/io`, 'utf8').catch(() => '');
  const passed = /^rchar: (\d+)$/m.exec(text)?.[1];
  return passed === undefined ? null : Number(passed);
}

/** About 2 ms of reading. */
const pidsPerSlice = 200;

function programFile(pid: number): string | null {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, ''));
  } catch {
    return null;
  }
}
