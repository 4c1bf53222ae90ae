/** The supervisor that is put to the test: begun, killed, stopped and begun again, and asked as any client asks it. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, send } from '../orchestrator/poolctl.js';
import type { Chronicle } from './chronicle.js';
import type { Gpus } from './gpus.js';
import type { Place } from './place.js';

/** A supervisor answers within this time of its begin, and to every request; the machine may be busy. */
const patienceMs = 20_000;

export type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export class Supervisor {
  /** Counts supervisors. */
  generation = 0;
  /** How long it has been held in all, so that deadlines can be moved by it. */
  heldMs = 0;
  private child: ChildProcess | null = null;
  private readonly commands = new Set<ChildProcess>();
  private turn: Promise<void> = Promise.resolve();
  private expectedToEnd = false;
  private steadySince = Number.POSITIVE_INFINITY;

  constructor(
    private readonly program: string,
    private readonly place: Place,
    private readonly env: Readonly<Record<string, string | undefined>>,
    private readonly chronicle: Chronicle,
    private readonly gpus: Gpus,
  ) {}

  get pid(): number | null {
    return this.child?.pid ?? null;
  }

  /** For how long it has been at work without a break; 0: it is not. */
  steadyMs(): number {
    return Math.max(0, performance.now() - this.steadySince);
  }

  /** What is done to the supervisor itself is done one after another. */
  async inTurn(deed: () => Promise<void>): Promise<void> {
    const done = this.turn.then(deed);
    this.turn = done.catch(() => {});
    await done;
  }

  /** Ends it, and all commands that still run. */
  async end(): Promise<void> {
    for (const command of this.commands) command.kill('SIGKILL');
    await this.kill();
  }

  /** Resolves once it answers. */
  async up(): Promise<void> {
    await this.gpus.present();
    this.generation += 1;
    const said = openSync(join(this.place.dir, `up-${this.generation}.log`), 'w');
    const child = this.spawn(['up', '--log-format', 'json'], ['ignore', 'ignore', said]);
    closeSync(said);
    this.child = child;
    this.expectedToEnd = false;
    child.once('exit', (code, signal) => this.ended(child, code, signal));
    const deadline = performance.now() + patienceMs;
    while ((await this.ask('GET', '/health'))?.status !== 200) {
      if (this.child !== child || this.chronicle.broken.aborted) return;
      if (performance.now() > deadline)
        return this.chronicle.violate(`the supervisor does not answer ${patienceMs / 1000} s after its begin`);
      await sleep(20);
    }
    this.steadySince = performance.now();
    this.chronicle.line(`supervisor ${this.generation} is up, pid ${child.pid}`);
  }

  /** kill -9. Resolves when the kernel has it gone. */
  async kill(): Promise<void> {
    const { child } = this;
    if (child === null) return;
    this.steadySince = Number.POSITIVE_INFINITY;
    this.expectedToEnd = true;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Stopped by the kernel for so long, as on a machine that stalls. */
  async hold(ms: number): Promise<void> {
    const { child } = this;
    if (child === null) return;
    this.steadySince = Number.POSITIVE_INFINITY;
    const from = performance.now();
    child.kill('SIGSTOP');
    await sleep(ms);
    child.kill('SIGCONT');
    this.heldMs += performance.now() - from;
    if (this.child === child) this.steadySince = performance.now();
  }

  /** `poolctl down`, and the supervisor's own end after it. */
  async down(...flags: readonly string[]): Promise<Ran> {
    const { child } = this;
    this.steadySince = Number.POSITIVE_INFINITY;
    this.expectedToEnd = true;
    const gone = child === null ? null : once(child, 'exit');
    const ran = await this.run('down', ...flags);
    if (ran.code === 0 || ran.code === 5) await gone;
    return ran;
  }

  /** Null where no whole answer came: the supervisor is not there, or went away meanwhile. One that is at work must answer. */
  async ask(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer | null> {
    const { generation, heldMs } = this;
    const wasSteady = this.steadyMs() > 0;
    const signal = AbortSignal.timeout(patienceMs);
    try {
      const to = { socketPath: this.place.socket, method, path, signal, ...(headers === undefined ? {} : { headers }) };
      return await send(to, body);
    } catch (error) {
      const isTheSame = generation === this.generation && heldMs === this.heldMs && wasSteady && this.steadyMs() > 0;
      if (isTheSame && !this.chronicle.broken.aborted)
        this.chronicle.violate(`the supervisor is at work and does not answer ${method} ${path}: ${(error as Error).message}`);
      return null;
    }
  }

  /** A command, to its end. */
  async run(...args: readonly string[]): Promise<Ran> {
    const child = this.spawn(args, ['ignore', 'pipe', 'pipe']);
    this.commands.add(child);
    const leave = (): void => void child.kill('SIGKILL');
    this.chronicle.broken.addEventListener('abort', leave);
    let [stdout, stderr] = ['', ''];
    child.stdout?.on('data', (text) => {
      stdout += String(text);
    });
    child.stderr?.on('data', (text) => {
      stderr += String(text);
    });
    const [code] = (await once(child, 'close')) as [number | null];
    this.commands.delete(child);
    this.chronicle.broken.removeEventListener('abort', leave);
    return { code, stdout, stderr };
  }

  private spawn(args: readonly string[], stdio: ('ignore' | 'pipe' | number)[]): ChildProcess {
    const where = ['--file', this.place.inventory, '--state-dir', this.place.state];
    return spawn(process.execPath, [this.program, ...args, ...where], { cwd: this.place.dir, env: this.env, stdio });
  }

  private ended(child: ChildProcess, code: number | null, signal: string | null): void {
    if (this.child === child) {
      this.child = null;
      this.steadySince = Number.POSITIVE_INFINITY;
    }
    this.chronicle.line(`supervisor pid ${child.pid} has ended (${signal ?? code})`);
    if (this.expectedToEnd) return;
    const said = readFileSync(join(this.place.dir, `up-${this.generation}.log`), 'utf8')
      .trimEnd()
      .split('\n')
      .slice(-12)
      .join('\n');
    this.chronicle.violate(`the supervisor has ended and nobody asked it to (${signal ?? code}); its last words:\n${said}`);
  }
}
