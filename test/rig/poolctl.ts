/** The real program, as its user runs it: a directory of its own, a pools.yaml, `poolctl up` as a child, commands beside it. */

import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { seatOf } from '../../src/host/cgroups.js';
import { homeName, put, removeTree } from '../../src/shell/leaves.js';
import { holdPrinted } from './contract.js';

export const program = fileURLToPath(new URL('../../dist/bin/poolctl.js', import.meta.url));

export type Ran = { readonly status: number | null; readonly stdout: string; readonly stderr: string };
export type Supervisor = { readonly child: ChildProcess; readonly ended: Promise<number | null>; stderr(): string };

export class Rig {
  readonly dir = mkdtempSync(join(tmpdir(), 'poolctl-rig-'));
  readonly state = join(this.dir, 'state');
  /** What is run from now on. */
  program = program;
  /** Of the supervisor and of every command. */
  readonly env: Record<string, string | undefined> = {
    PATH: process.env.PATH,
    HOME: this.dir,
    POOLCTL_STATE_DIR: this.state,
  };
  /** Words before the command of a supervisor. */
  within: readonly string[] = [];
  private readonly stray = openSync('/etc/passwd', 'r');
  private readonly supervisors: Supervisor[] = [];

  inventory(text: string): void {
    writeFileSync(join(this.dir, 'pools.yaml'), text);
  }

  /** Runs a command to its end. JSON that is not as openapi.json says fails the test. */
  async run(...args: string[]): Promise<Ran> {
    const child = this.spawn(args);
    const [stdout, stderr] = [collect(child, 'stdout'), collect(child, 'stderr')];
    const [status] = (await once(child, 'close')) as [number | null];
    holdPrinted(args, stdout());
    return { status, stdout: stdout(), stderr: stderr() };
  }

  /** The JSON answer of a command. */
  async json(...args: string[]): Promise<Json> {
    return JSON.parse((await this.run(...args, '--json')).stdout) as Json;
  }

  /** Starts the supervisor; resolves once it listens. */
  async up(...args: string[]): Promise<Supervisor> {
    const child = this.spawn(['up', ...args], this.within);
    const stderr = collect(child, 'stderr');
    const ended = once(child, 'close').then(([status]) => status as number | null);
    const supervisor = { child, ended, stderr };
    this.supervisors.push(supervisor);
    await new Promise<void>((resolve, reject) => {
      child.stderr?.on('data', () => stderr().includes('supervisor.started') && resolve());
      child.once('close', () => reject(new Error(`up has ended: ${stderr()}`)));
    });
    return supervisor;
  }

  /** With descriptors beyond the usual three, as a careless script leaves them open: engines must not get them. */
  spawn(args: readonly string[], within: readonly string[] = []): ChildProcess {
    const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', ...Array<'ignore'>(22).fill('ignore'), 'inherit'];
    stdio[25] = this.stray;
    const [first = '', ...rest] = [...within, process.execPath, this.program, ...args];
    return spawn(first, rest, { cwd: this.dir, env: this.env, stdio });
  }

  /** Ends what still runs, engines included, and removes the directory. */
  async end(): Promise<void> {
    await Promise.all(this.supervisors.map(endSupervisor));
    for (const pid of this.processes()) endProcess(pid);
    closeSync(this.stray);
    await this.leaveNoCgroup();
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }

  /** A supervisor that was killed leaves those of its engines, who may be dying yet. */
  private async leaveNoCgroup(): Promise<void> {
    const seat = seatOf('self');
    if (!seat.ok) return;
    const home = join(seat.value.dir, homeName(this.state));
    put(join(home, 'cgroup.kill'), '1');
    // The kernel tells nobody when they are gone.
    while (!removeTree(home)) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** Everything that lives by this rig: what has its directory in its environment, or works in it. */
  processes(): readonly number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => pid !== process.pid && this.owns(pid));
  }

  private owns(pid: number): boolean {
    try {
      return (
        readFileSync(`/proc/${pid}/environ`, 'latin1').includes(this.dir) || readlinkSync(`/proc/${pid}/cwd`).startsWith(this.dir)
      );
    } catch {
      // It has ended, or is not ours to look at.
      return false;
    }
  }
}

// biome-ignore lint/suspicious/noExplicitAny: answers are held against literals
export type Json = any;

/** The third signal spares nobody; those that come too close together count as one. */
async function endSupervisor({ child, ended }: Supervisor): Promise<void> {
  const again = setInterval(() => child.kill('SIGTERM'), 50);
  child.kill('SIGTERM');
  await ended;
  clearInterval(again);
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

function collect(child: ChildProcess, stream: 'stdout' | 'stderr'): () => string {
  let text = '';
  child[stream]?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
}
