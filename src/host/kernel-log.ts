/**
 * The kernel's own log, as far as it tells of processes that were killed for want of memory and of GPUs. Where this user may not read it, the journal
 * is asked for it; where that has nothing for us either, this is found out once.
 */

import { closeSync, constants, openSync, readSync } from 'node:fs';
import { fresh } from './fresh.js';
import { runProgram } from './run.js';

export type KernelLine = {
  /** When it was read, at most some seconds after it was written; in ms, monotonic. */
  readonly at: number;
  readonly text: string;
};

export type KernelLog = {
  /** Reads what has come since, a bounded number of records; never waits, and starts nobody. */
  catchUp(): void;
  /** The lines of the last ten seconds that tell of kills or Xids, oldest first. Never rejects. */
  recent(): Promise<readonly KernelLine[]>;
  /** Told of each line of a GPU's driver, whatever it says, when it is read; of the journal's, when that is asked. One listener. */
  follow(listener: (line: KernelLine) => void): void;
  close(): void;
};

export type KernelLogWish = {
  /** /dev/kmsg. A file with lines like its records does as well. */
  readonly path: string;
  /** Asks the journal; null: do not. */
  readonly journal: (() => Promise<string | null>) | null;
  readonly now: () => number;
};

/** What is in it already is passed over. Never throws. */
export function openKernelLog({ path, journal, now }: KernelLogWish): KernelLog {
  let fd = openOrNull(path);
  const buffer = Buffer.allocUnsafe(fd === null ? 0 : longestRecord);
  let lines: KernelLine[] = [];
  let journalTells = journal !== null;
  let passedOver = false;
  let heard: (line: KernelLine) => void = () => {};
  let journalBefore: ReadonlySet<string> = new Set();
  const askJournal = fresh(async () => (await journal?.()) ?? null);

  const log: KernelLog = {
    catchUp() {
      if (fd === null || !passedOver) return;
      for (let records = 0; records < mostRecords; records += 1) {
        const text = nextRecords(fd, buffer);
        if (text === null) break;
        for (const line of messagesOf(text)) take({ at: now(), text: line });
      }
      lines = lines.slice(-mostLines);
    },
    async recent() {
      if (fd !== null) {
        log.catchUp();
        return lines.filter(({ at }) => now() - at <= recentMs);
      }
      if (!journalTells) return [];
      const text = await askJournal();
      journalTells = text !== null;
      const told = (text ?? '').split('\n').filter(concernsUs);
      const found = told.map((line): KernelLine => ({ at: now(), text: line.slice(0, longestText) }));
      hearJournal(found);
      return found.filter((line) => isTelling(line.text));
    },
    follow(listener) {
      heard = listener;
    },
    close() {
      if (fd !== null) closeSync(fd);
      fd = null;
    },
  };
  if (fd !== null) setImmediate(passOver);
  return log;

  function take(line: KernelLine): void {
    if (isTelling(line.text)) lines.push(line);
    if (isOfGpu(line.text)) heard(line);
  }

  /** Who asks twice in ten seconds is told some lines twice. */
  function hearJournal(found: readonly KernelLine[]): void {
    for (const line of found) if (isOfGpu(line.text) && !journalBefore.has(line.text)) heard(line);
    journalBefore = new Set(found.map(({ text }) => text));
  }

  /** A ring of megabytes may wait there, which nobody at the start has time for. */
  function passOver(): void {
    for (let records = 0; records < recordsInRow; records += 1) {
      if (fd !== null && nextRecords(fd, buffer) !== null) continue;
      passedOver = true;
      return;
    }
    setImmediate(passOver);
  }
}

/** What the journal has of the kernel in the last ten seconds; null where it shows this user nothing of the kernel, or is not there. */
export async function askJournalctl(): Promise<string | null> {
  const sinceBoot = await runProgram('journalctl', ['-k', '-q', '-n', '1', '-o', 'cat', '--no-pager'], { timeoutMs: journalMs });
  if (!sinceBoot.ok || sinceBoot.value.stdout.trim() === '') return null;
  const recent = await runProgram('journalctl', ['-k', '-q', '-n', '500', '-o', 'cat', '--no-pager', '--since', '-10s'], {
    timeoutMs: journalMs,
  });
  return recent.ok ? recent.value.stdout : '';
}

const longestRecord = 8 * 1024;
const longestText = 500;
const mostRecords = 2_000;
const recordsInRow = 200;
const mostLines = 100;
const recentMs = 10_000;
const journalMs = 1_000;

/** A device gives one record at a time. EPIPE: some were overwritten before they were read, and the next read goes on behind them. */
function nextRecords(fd: number, buffer: Buffer): string | null {
  // That there is none is the usual answer, and an error: its stack would take longer than all else here.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return nextOf(fd, buffer);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function nextOf(fd: number, buffer: Buffer): string | null {
  for (let tries = 0; tries < 3; tries += 1) {
    try {
      const bytes = readSync(fd, buffer, 0, buffer.length, null);
      return bytes === 0 ? null : buffer.toString('utf8', 0, bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') return null;
    }
  }
  return null;
}

/** "6,1234,5678901,-;message", and lines that begin with a blank and say more of it. */
function messagesOf(records: string): readonly string[] {
  if (!concernsUs(records)) return [];
  return records.split('\n').flatMap((line) => {
    const message = /^\d+,\d+,\d+,[^;]*;(.*)$/.exec(line)?.[1];
    return message !== undefined && concernsUs(message) ? [message.slice(0, longestText)] : [];
  });
}

function concernsUs(text: string): boolean {
  return isTelling(text) || isOfGpu(text);
}

function isTelling(text: string): boolean {
  return text.includes('Killed process ') || text.includes('NVRM: Xid ');
}

function isOfGpu(text: string): boolean {
  return text.includes('NVRM: ') || text.includes('amdgpu ');
}

function openOrNull(path: string): number | null {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return null;
  }
}
