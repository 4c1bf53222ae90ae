/**
 * One engine process from argv to exit. Engines are spawned here and not by a library, so that the group, the descriptors and the exit are
 * ours: own session and group, stdin from /dev/null, stdout and stderr straight into the log, nothing else inherited.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { ExitEvidence } from '../core/facts.js';
import type { ReplicaKey, Result } from '../core/model.js';
import { readStat } from '../host/proc.js';
import { lastLines, type OpenedLog, openEngineLog } from './engine-log.js';
import type { InTurn } from './loop-turns.js';
import { pidText } from './pid-files.js';
import type { LogLimits } from './rotation.js';
import type { StandingFiles } from './standing-files.js';

export type LaunchOrder = {
  readonly key: ReplicaKey;
  readonly incarnation: number;
  /** launch-chain.ts; may be empty. */
  readonly chain: readonly string[];
  /** The program, absolute, and its arguments. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly logPath: string;
  readonly logs: LogLimits;
  readonly pidFile: string;
};

export type Launched = {
  readonly pid: number;
  readonly startTicks: number;
  /** Where this incarnation's part of the log begins, in bytes. */
  readonly logOffset: number;
  /** Where its log can be read. */
  readonly logPath: string;
};

export type LaunchWorld = {
  /** Keeps its pid file. */
  readonly files: Pick<StandingFiles, 'write' | 'remove'>;
  readonly wallMs: () => number;
  /** For what blocks: making a process, and reading its last words. */
  readonly inTurn: InTurn;
  /** A file of ours could not be kept, or can again (null). */
  readonly onStorage: (what: string, error: string | null) => void;
};

/**
 * Starts an engine. Resolves when it runs and its pid file is on disk; a process that could not be made is an exit with evidence. `onExit` is
 * called once for each process that was made, driven by the kernel's exit and not by the end of its output, and never before the promise has
 * resolved. Never rejects.
 */
export async function launchEngine(
  order: LaunchOrder,
  world: LaunchWorld,
  onExit: (exit: ExitEvidence) => void,
): Promise<Result<Launched, ExitEvidence>> {
  const opened = await world.inTurn(() => open(order, world));
  if (!opened.ok) return neverBegan(opened.error, `cannot open the log "${order.logPath}"`);
  const { log, begun } = opened.value;
  if (!begun.ok) return neverBegan(await begun.error, await blame(await begun.error, order));
  const { ended, pid, startTicks } = begun.value;
  world.files.write(order.pidFile, pidText(pid));
  // One that has ended already is told in the next turn of the event loop, when the caller knows what it has been given.
  const told = new Promise((resolve) => setImmediate(resolve));
  void Promise.all([ended, told]).then(([{ code, signal }]) =>
    world.inTurn(() => {
      world.files.remove(order.pidFile);
      onExit({ code, signal, spawnError: null, lastLines: lastLines(log.path), diagnosis: null });
    }),
  );
  return { ok: true, value: { pid, startTicks, logOffset: log.offset, logPath: log.path } };
}

/** The error is that of the log. */
function open(
  order: LaunchOrder,
  world: LaunchWorld,
): Result<{ readonly log: OpenedLog; readonly begun: ReturnType<typeof begin> }, NodeJS.ErrnoException> {
  let log: OpenedLog;
  try {
    log = openEngineLog(order.logPath, order.key, order.incarnation, new Date(world.wallMs()), order.logs);
  } catch (error) {
    return { ok: false, error: error as NodeJS.ErrnoException };
  }
  world.onStorage(order.logPath, log.problem);
  const begun = begin(order, log);
  closeSync(log.fd);
  return { ok: true, value: { log, begun } };
}

type Ended = { readonly code: number | null; readonly signal: string | null };
type Begun = { readonly ended: Promise<Ended>; readonly pid: number; readonly startTicks: number };

/** The error of a failed spawn comes by an event for some errnos (no such file, no access, too many of something) and is thrown for others. */
function begin({ chain, argv, env, cwd }: LaunchOrder, { fd }: OpenedLog): Result<Begun, Promise<NodeJS.ErrnoException>> {
  const [program = '', ...args] = [...chain, ...argv];
  const before = process.umask(0o077);
  try {
    const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', fd, fd] });
    const failed = new Promise<NodeJS.ErrnoException>((resolve) => child.on('error', resolve));
    if (child.pid === undefined) return { ok: false, error: failed };
    offerToOomKiller(child.pid);
    // It may outlive us: a supervisor that leaves its engines to the next one is not kept by them.
    child.unref();
    // Not reaped before this turn of the event loop has ended, so it can always be read.
    return { ok: true, value: { ended: exitOf(child), pid: child.pid, startTicks: readStat(child.pid)?.startTicks ?? 0 } };
  } catch (error) {
    return { ok: false, error: Promise.resolve(error as NodeJS.ErrnoException) };
  } finally {
    process.umask(before);
  }
}

/** To be called in the turn of the spawn: an engine that dies at once is told only once, and nobody may have been listening later. */
function exitOf(child: ChildProcess): Promise<Ended> {
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
}

/**
 * When memory runs out an engine is to go, not its supervisor. Written at once, so that its children inherit it. It may be gone already, and
 * then there is nothing to score.
 */
function offerToOomKiller(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, oomScoreAdj);
  } catch {}
}

const oomScoreAdj = '300';

function neverBegan(error: NodeJS.ErrnoException, what: string): { readonly ok: false; readonly error: ExitEvidence } {
  return { ok: false, error: exitWithout(error.code ?? 'UNKNOWN', `${what}: ${reasons[error.code ?? ''] ?? error.message}`) };
}

function exitWithout(errno: string, text: string): ExitEvidence {
  return { code: null, signal: null, spawnError: { errno, text }, lastLines: [], diagnosis: null };
}

/** A bad working directory comes as ENOENT of the program. */
async function blame(error: NodeJS.ErrnoException, { chain, argv, cwd }: LaunchOrder): Promise<string> {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'EACCES') {
    const isDirectory = await stat(cwd).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (!isDirectory) return `cannot start in the directory "${cwd}"`;
  }
  return `cannot start "${chain[0] ?? argv[0] ?? ''}"`;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory',
  ENOTDIR: 'it is not a directory',
  EACCES: 'no permission',
  EPERM: 'it is not permitted',
  EMFILE: 'poolctl has too many open files (ulimit -n)',
  ENFILE: 'the machine has too many open files',
  EAGAIN: 'too many processes (ulimit -u, or the limit of the control group)',
  ENOMEM: 'out of memory',
  E2BIG: 'arguments and environment are too long together',
  ENOEXEC: 'it is not a program',
  ENOSPC: 'the disk is full',
  EROFS: 'the file system is read-only',
};
