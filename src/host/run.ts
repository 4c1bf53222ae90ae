/** Short helper programs, run to their end. Not for engines: those outlive us, and their output is a file. */

import type { Result } from '../core/model.js';

export type RunOptions = {
  readonly timeoutMs: number;
  /** Replaces ours. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Of each stream; the rest is cut off. @default 1 MiB */
  readonly maxBytes?: number;
  /** Ends it. */
  readonly signal?: AbortSignal;
  readonly onStart?: (pid: number) => void;
};

export type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/**
 * Runs a program without a shell and without input. Any exit status is a value; an error is a phrase for people: it was not found, took too
 * long, or died by a signal. Loaded only when it is first needed: most launches need no helper at all.
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  { timeoutMs, env, cwd, maxBytes = 1024 * 1024, signal, onStart }: RunOptions,
): Promise<Result<Ran, string>> {
  const { execa } = await import('execa');
  const child = execa(program, args, {
    stdin: 'ignore',
    reject: false,
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: maxBytes,
    stripFinalNewline: false,
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env, extendEnv: false }),
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  if (child.pid !== undefined) onStart?.(child.pid);
  const run = await child;
  if (run.timedOut) return { ok: false, error: `"${program}" gave no answer in ${timeoutMs / 1000}s` };
  if (run.exitCode === undefined && !run.isMaxBuffer)
    return {
      ok: false,
      error:
        run.signal === undefined
          ? `cannot run "${program}": ${run.code ?? 'unknown error'}`
          : `"${program}" died by ${run.signal}`,
    };
  return { ok: true, value: { code: run.exitCode ?? null, stdout: run.stdout, stderr: run.stderr } };
}
