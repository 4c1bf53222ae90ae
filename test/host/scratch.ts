/** Fixtures of tests with real files and processes: a directory that goes, and children that go with their groups. */

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { readStat } from '../../src/host/proc.js';

export async function scratchDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'poolctl-test-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

export type Running = {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly startTicks: number;
  readonly output: () => string;
};

export type RunWish = { readonly env?: Record<string, string>; readonly log?: number };

/** A shell script as the leader of a group of its own. Resolves when it has printed "ready". Killed with its group at the test's end. */
export async function runScript(script: string, { env = {}, log }: RunWish = {}): Promise<Running> {
  const running = await runProgram(['sh', '-c', script], { env, ...(log === undefined ? {} : { log }) });
  if (/(?:^|; )exec [^;&]*$/.test(script)) await until(() => hasBecomeAnother(running.pid));
  return running;
}

/** A shell says `ready` a moment before it execs, and in that moment a process has no environment. */
export function hasBecomeAnother(pid: number): boolean {
  const comm = readStat(pid)?.comm;
  return comm === undefined || (comm !== 'sh' && readFileSync(`/proc/${pid}/environ`).length > 0);
}

/** Like `runScript`, for any program. With a `log`, stdout and stderr go there and nothing is waited for. */
export async function runProgram([program = '', ...args]: readonly string[], { env = {}, log }: RunWish = {}): Promise<Running> {
  const child = spawn(program, args, {
    detached: true,
    stdio: ['ignore', log ?? 'pipe', log ?? 'pipe'],
    env: { PATH: process.env.PATH, ...env },
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`cannot start ${program}`);
  onTestFinished(() => killGroup(pid));
  const stat = readStat(pid);
  let output = '';
  if (log === undefined) {
    await new Promise<void>((resolve, reject) => {
      child.stdout?.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (output.includes('ready')) resolve();
      });
      let complaint = '';
      child.stderr?.on('data', (chunk: Buffer) => {
        complaint += chunk.toString();
      });
      child.once('close', () => reject(new Error(`ended before it was ready: ${output}${complaint}`)));
    });
  }
  return { child, pid, startTicks: stat?.startTicks ?? 0, output: () => output };
}

export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {}
}

/** The kernel tells nobody when a process is gone: asks until it is so. Fails by the test's own time limit. */
export async function until<T>(look: () => T | null | undefined | false | Promise<T | null | undefined | false>): Promise<T> {
  for (;;) {
    const seen = await look();
    if (seen !== null && seen !== undefined && seen !== false) return seen;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
