/** A vendor's tool that tells of its devices: a program that hangs, fails and lies, and none of that may reach the caller. */

import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Instant } from '../core/model.js';

export type ToolOptions = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => Instant;
  readonly timeoutMs: number;
  /** What a call is ended with when its time is up. */
  readonly killSignal: NodeJS.Signals;
  /** Ends the call that is out, as if its time were up. */
  readonly end: AbortSignal;
};

export type Failure = { readonly failure: string };
export type Ended = { readonly stdout: string; readonly text: string; readonly code: number | null };

/** Runs a program to its end, in at most `withinMs` (by default all of the tool's time). Never rejects. */
export type Tool = (program: string, args: readonly string[], withinMs?: number) => Promise<Ended | Failure>;

type Hung = {
  readonly name: string;
  readonly pid: number | undefined;
  readonly since: Instant;
  readonly killedAt: Instant;
  /** What was told of it when its time was up. */
  readonly failure: string;
};

const endWithinMs = 1_000;

/** One process at a time: one that outlives its time is killed, told as a failure, and stands in the way of the next until it has ended. */
export function createTool({ env, now, timeoutMs, killSignal, end }: ToolOptions): Tool {
  let hung: Hung | null = null;

  return async (program, args, withinMs = timeoutMs) => {
    const name = basename(program);
    if (hung !== null) return { failure: toldOf(hung, now()) };
    const since = now();
    // Only here: a machine without the tool never pays for loading it.
    const { execa } = await import('execa');
    const child = execa(program, args, {
      env: { ...env, LC_ALL: 'C' },
      extendEnv: false,
      stdin: 'ignore',
      reject: false,
      maxBuffer: 1024 * 1024,
    });
    const outcome = await withinTime(child, withinMs, end);
    if (outcome !== null) {
      const { stdout, stderr, exitCode, signal, code, shortMessage } = outcome;
      if (code !== undefined) return { failure: `${name} failed: ${shortMessage}` };
      if (signal !== undefined) return { failure: `${name} failed: it was ended by ${signal}` };
      return { stdout, text: `${stdout}\n${stderr}`, code: exitCode ?? null };
    }
    const failure = `${name} timed out after ${withinMs / 1000}s`;
    const mine = { name, pid: child.pid, since, killedAt: now(), failure };
    hung = mine;
    child.once('exit', () => {
      if (hung === mine) hung = null;
    });
    child.kill(killSignal);
    // Nothing of a process that may never end may keep ours from ending.
    child.stdout?.destroy();
    child.stderr?.destroy();
    child.unref();
    return { failure };
  };
}

function toldOf({ name, pid, since, killedAt, failure }: Hung, at: Instant): string {
  // The end of a process takes a moment, on a busy machine too.
  if (at - killedAt < endWithinMs) return failure;
  return `${name} (pid ${pid}) has hung for ${Math.round((at - since) / 1000)}s and does not die`;
}

/** The first of these programs that is there, in their order; null where none is. */
export async function findOnPath(names: readonly string[], path: string | undefined): Promise<string | null> {
  const directories = (path ?? '').split(':').filter((entry) => entry !== '');
  for (const candidate of names.flatMap((name) => directories.map((directory) => join(directory, name)))) {
    const isThere = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return candidate;
  }
  return null;
}

async function withinTime<T>(work: PromiseLike<T>, timeoutMs: number, end: AbortSignal): Promise<T | null> {
  let giveUp: () => void = () => {};
  const late = new Promise<null>((resolve) => {
    giveUp = () => resolve(null);
  });
  const timer = setTimeout(giveUp, timeoutMs);
  end.addEventListener('abort', giveUp);
  try {
    return end.aborted ? null : await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    end.removeEventListener('abort', giveUp);
  }
}
