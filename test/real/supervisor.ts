/** A real `poolctl up` in a directory of its own, told apart from everything else on the machine, and the commands that ask it. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { EventLine, OperationView, ReplicaView, StatusView } from '../../src/api/wire.js';

const program = fileURLToPath(new URL('../../dist/bin/poolctl.js', import.meta.url));

export type Answered = { readonly status: number; readonly body: unknown };
export type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export class Supervisor {
  readonly #child: ChildProcess;
  readonly #events: EventLine[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #ended: Promise<number | null>;
  #said = '';

  private constructor(readonly directory: string) {
    this.#child = spawn(
      process.execPath,
      [program, 'up', '--file', join(directory, 'pools.yaml'), '--log-format', 'json', ...this.#place()],
      {
        cwd: directory,
        stdio: ['ignore', 'ignore', 'pipe'],
        env: environment(directory),
      },
    );
    this.#ended = once(this.#child, 'exit').then(([code]) => code as number | null);
    if (this.#child.stderr !== null) createInterface(this.#child.stderr).on('line', (line) => this.#take(line));
    this.#child.on('exit', () => this.#tell());
  }

  /** `make` writes models and the like into the directory and gives the inventory. Resolves when the supervisor answers. */
  static async begin(make: (directory: string) => unknown): Promise<Supervisor> {
    const directory = mkdtempSync(join(tmpdir(), 'poolctl-real-'));
    // JSON is YAML.
    writeFileSync(join(directory, 'pools.yaml'), JSON.stringify(make(directory)));
    return Supervisor.#begun(directory);
  }

  /** Killed at once, and another one in its place. */
  async replaced(): Promise<Supervisor> {
    this.#child.kill('SIGKILL');
    await this.#ended;
    return Supervisor.#begun(this.directory);
  }

  static async #begun(directory: string): Promise<Supervisor> {
    const supervisor = new Supervisor(directory);
    await supervisor.event('supervisor.started');
    return supervisor;
  }

  /** How many events have been told so far: what comes later than a mark is news. */
  get mark(): number {
    return this.#events.length;
  }

  /** The first event that fits, told already (since `mark`) or still to come. Rejects with all that was said when the supervisor has ended. */
  async event(
    name: string,
    of: { readonly replica?: string; readonly since?: number; readonly fits?: (event: EventLine) => boolean } = {},
  ): Promise<EventLine> {
    const { replica, since = 0, fits = () => true } = of;
    const isIt = (event: EventLine) =>
      event.event === name &&
      (replica === undefined || `${String(event.pool_id)}/${String(event.replica_id)}` === replica) &&
      fits(event);
    for (;;) {
      const found = this.#events.slice(since).find(isIt);
      if (found !== undefined) return found;
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`no ${name} of ${replica ?? 'anyone'}: up has ended\n${this.#said}`);
      await new Promise<void>((resolve) => {
        const listener = () => {
          this.#listeners.delete(listener);
          resolve();
        };
        this.#listeners.add(listener);
      });
    }
  }

  /** Runs a command beside the supervisor; its exit status is an answer, never a rejection. */
  poolctl(...args: string[]): Promise<Ran> {
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        [program, ...args, ...this.#place()],
        { cwd: this.directory, env: environment(this.directory) },
        (error, stdout, stderr) => {
          resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : null, stdout, stderr });
        },
      );
    });
  }

  /** Begun when it resolves; `ended` tells how it went. */
  async drain(poolId: string, deadlineMs: number): Promise<{ readonly ended: Promise<OperationView> }> {
    const { operation_id: id } = await this.#ask('POST', `/v2/pools/${poolId}/drain`, { deadline_ms: deadlineMs });
    return { ended: this.#ask('GET', `/v2/operations/${id}?wait_ms=60000`) };
  }

  /** Over when it resolves. */
  reload(poolId: string, model: string): Promise<Answered> {
    return this.call('POST', `/v2/pools/${poolId}/reload`, { new_model_ref: model });
  }

  async #ask(method: string, path: string, body?: unknown): Promise<OperationView> {
    const answer = await this.call(method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body as OperationView;
  }

  async call(method: string, path: string, body?: unknown): Promise<Answered> {
    const headers = { 'content-type': 'application/json' };
    const asked = request({ socketPath: join(this.directory, 'state/poolctl.sock'), agent: false, method, path, headers });
    asked.end(body === undefined ? undefined : JSON.stringify(body));
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    const said = await text(answer);
    return { status: answer.statusCode ?? 0, body: said === '' ? null : (JSON.parse(said) as unknown) };
  }

  async status(): Promise<StatusView> {
    const { stdout, stderr } = await this.poolctl('status', '--json');
    if (stdout === '') throw new Error(`status said nothing: ${stderr}`);
    return JSON.parse(stdout) as StatusView;
  }

  async replica(key: string): Promise<ReplicaView> {
    const [poolId, replicaId] = key.split('/');
    const { pools } = await this.status();
    const found = pools.find((pool) => pool.pool_id === poolId)?.replicas.find((replica) => replica.replica_id === replicaId);
    if (found === undefined) throw new Error(`status does not name "${key}"`);
    return found;
  }

  /** The files that exist only while something runs, relative to the state directory. */
  leftFiles(): string[] {
    const state = join(this.directory, 'state');
    const inDirectory = (name: string) =>
      existsSync(join(state, name)) ? readdirSync(join(state, name)).map((file) => `${name}/${file}`) : [];
    return [
      ...inDirectory('run'),
      ...inDirectory('handoff'),
      ...(existsSync(join(state, 'poolctl.sock')) ? ['poolctl.sock'] : []),
    ];
  }

  hasHandoff(key: string): boolean {
    return existsSync(join(this.directory, 'state', 'handoff', `${key.replace('/', '.')}.json`));
  }

  get ended(): Promise<number | null> {
    return this.#ended;
  }

  /** Ends it however it stands: a third SIGTERM kills what still runs. */
  async dispose(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      for (let times = 0; times < 3; times++) this.#child.kill('SIGTERM');
      await this.#ended;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  #place(): string[] {
    return ['--state-dir', join(this.directory, 'state')];
  }

  #take(line: string): void {
    this.#said += `${line}\n`;
    if (line.startsWith('{')) this.#events.push(JSON.parse(line) as EventLine);
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

function environment(home: string): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, HOME: home };
}
