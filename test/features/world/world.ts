/** What one scenario knows: its rig, what it has written, what has been told, and what was answered last. */

import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { World } from '@cucumber/cucumber';
import { hold } from '../../rig/contract.js';
import type { FakeNvidiaSmi, Plan } from '../../rig/fake-nvidia-smi.js';
import type { FileServer } from '../../rig/file-server.js';
import { tinyModel } from '../../rig/gguf.js';
import { type Json, type Ran, Rig, type Supervisor } from '../../rig/poolctl.js';
import { type Answer, ask } from './ask.js';
import type { MemoryCgroup } from './cgroup.js';
import { type Ports, portsEach } from './ports.js';
import type { Stranger } from './stranger.js';

/** Long, since a slow machine is no failure; under the steps' own limit, so that what was waited for is told. */
const patienceMs = 45_000;
const lookEveryMs = 25;
const rigDir = fileURLToPath(new URL('../../rig', import.meta.url));

export class PoolctlWorld extends World {
  readonly rig = new Rig();
  ports: Ports | null = null;
  readonly supervisorKeys: string[] = [];
  defaults = '';
  supervisors: Supervisor[] = [];
  ran: Ran | null = null;
  answer: Answer | null = null;
  gpus: { readonly fake: FakeNvidiaSmi; plan: Plan } | null = null;
  readonly strangers: Stranger[] = [];
  /** Processes of nobody that are told to use a GPU. */
  readonly users: ChildProcess[] = [];
  cgroup: MemoryCgroup | null = null;
  /** A server of models. */
  files: FileServer | null = null;
  /** A request of many tokens, and the text that comes of it; null when it is cut off. */
  asked: { readonly tokens: number; readonly text: Promise<string | null> } | null = null;
  /** Child processes that engines were ordered to leave behind. */
  readonly leaked: number[] = [];
  /** What poolctl has said when it was asked everything, by whom. */
  readonly heard: (readonly [string, string])[] = [];
  /** Notes of earlier steps: operation ids, heartbeats. */
  readonly notes = new Map<string, Json>();
  /** How many events of a replica have been taken up by steps. */
  private readonly read = new Map<string, number>();

  /** `{dir}` the scenario's directory, `{port}` its first port (`{port+1}` the next), `{node}`, `{rig}` the fakes, `{long}` more than an argument can be. */
  filled(text: string): string {
    return text
      .replaceAll('{dir}', this.rig.dir)
      .replaceAll('{cgroup.procs}', this.cgroup?.procs ?? '')
      .replaceAll('{files}', this.files?.url ?? '')
      .replaceAll('{digest of the model}', modelDigest)
      .replaceAll('{node}', process.execPath)
      .replaceAll('{rig}', rigDir)
      .replaceAll('{pid}', String(process.pid))
      .replaceAll('{long}', 'x'.repeat(200_000))
      .replace(/\{port(?:\+(\d))?\}/g, (_, more = '0') => String(this.port + Number(more)));
  }

  /** The first of this scenario's ports. */
  get port(): number {
    if (this.ports === null) throw new Error('this scenario has no ports yet');
    return this.ports.first;
  }

  path(name: string): string {
    return join(this.rig.dir, this.filled(name));
  }

  /** pools.yaml of these pools, with this scenario's ports and defaults. */
  writePools(pools: string): void {
    const keys = [`ports: ${this.port}-${this.port + portsEach - 1}`, ...this.supervisorKeys].map((line) => `  ${line}`);
    const defaults = this.defaults === '' ? [] : ['defaults:', indented(this.defaults)];
    this.rig.inventory(
      this.filled(['version: 1', 'supervisor:', ...keys, ...defaults, 'pools:', indented(pools), ''].join('\n')),
    );
  }

  async up(...args: string[]): Promise<Supervisor> {
    const supervisor = await this.rig.up(...args);
    this.supervisors.push(supervisor);
    return supervisor;
  }

  get supervisor(): Supervisor {
    const last = this.supervisors.at(-1);
    if (last === undefined) throw new Error('no supervisor was started');
    return last;
  }

  /** Asks the supervisor over its socket. An answer that is not as openapi.json says fails the step. */
  async ask(method: string, path: string, body?: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const type =
      body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
    const options = { socketPath: join(this.rig.state, 'poolctl.sock'), method, path, headers: { ...type, ...headers } };
    const answer = await ask(options, body);
    hold({ method, path, status: answer.status, headers: answer.headers, text: answer.body });
    return answer;
  }

  /** Tells a demo engine what to do, as soon as it listens. */
  async order(key: string, order: string): Promise<void> {
    const { port } = await this.replica(key);
    const answer = await this.until('an engine that listens', () =>
      ask({ host: '127.0.0.1', port, method: 'POST', path: `/demo/${order}` }).catch((error) => {
        if (error.code === 'ECONNREFUSED') return null;
        throw error;
      }),
    );
    if (answer.status !== 200) throw new Error(`the engine of ${key} would not: ${answer.body}`);
    const { pid } = answer.json();
    if (typeof pid === 'number') this.leaked.push(pid);
  }

  async pool(id: string): Promise<Json> {
    const answer = await this.ask('GET', `/v2/pools/${id}`);
    if (answer.status !== 200) throw new Error(`no pool "${id}": ${answer.body}`);
    return answer.json();
  }

  /** The replica as the API shows it now. */
  async replica(key: string): Promise<Json> {
    const [poolId = '', replicaId] = key.split('/');
    const { replicas } = await this.pool(poolId);
    const found = replicas.find(({ replica_id }: Json) => replica_id === replicaId);
    if (found === undefined) throw new Error(`no replica "${key}"`);
    return found;
  }

  /** Everything that the supervisors have told so far, oldest first. */
  events(): readonly Json[] {
    return this.supervisors.flatMap(({ stderr }) =>
      stderr()
        .split('\n')
        .slice(0, -1)
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Json),
    );
  }

  eventsOf(key: string): readonly Json[] {
    return this.events().filter(({ pool_id, replica_id }) => `${pool_id}/${replica_id}` === key);
  }

  /** The next event of this replica that `is` what is waited for; those before it count as past. */
  nextOf(key: string, what: string, is: (event: Json) => boolean): Promise<Json> {
    return this.until(`${key} ${what}`, () => {
      const events = this.eventsOf(key);
      const past = this.read.get(key) ?? 0;
      const index = events.findIndex((event, at) => at >= past && is(event));
      if (index === -1) return null;
      this.read.set(key, index + 1);
      return events[index];
    });
  }

  /** The pids that this replica has had, oldest first. */
  pidsOf(key: string): readonly number[] {
    return this.eventsOf(key)
      .filter(({ event }) => event === 'replica.starting')
      .map(({ pid }) => pid);
  }

  pidOf(key: string): number {
    const pid = this.pidsOf(key).at(-1);
    if (pid === undefined) throw new Error(`${key} has had no process`);
    return pid;
  }

  logOf(key: string): string {
    return readFileSync(join(this.rig.state, 'logs', `${key}.log`), 'utf8');
  }

  fileOf(kind: 'run' | 'handoff', key: string): string {
    return join(this.rig.state, kind, `${key.replace('/', '.')}.${kind === 'run' ? 'pid' : 'json'}`);
  }

  /** Until `look` gives something. It looks again whenever the supervisor tells something, and every now and then. */
  async until<T>(what: string, look: () => T | null | Promise<T | null>): Promise<T> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const found = await look();
      if (found !== null) return found;
      if (performance.now() > deadline) throw new Error(`waited in vain: ${what}\n${this.told()}`);
      await this.news();
    }
  }

  /** Until `check` throws no more; then its last complaint is the failure. */
  async untilHolds(check: () => void | Promise<void>): Promise<void> {
    let complaint: unknown = null;
    const holds = async (): Promise<true | null> => {
      try {
        await check();
        return true;
      } catch (error) {
        complaint = error;
        return null;
      }
    };
    await this.until('that it holds', holds).catch(() => {
      throw complaint;
    });
  }

  /** All that the supervisors have said, for whoever has to find out why a scenario failed. */
  told(): string {
    return this.supervisors.map(({ stderr }) => stderr()).join('--- the next supervisor\n');
  }

  private news(): Promise<void> {
    const stream = this.supervisors.at(-1)?.child.stderr ?? null;
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        stream?.off('data', done);
        resolve();
      };
      const timer = setTimeout(done, lookEveryMs);
      stream?.once('data', done);
    });
  }
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}

function modelDigest(): string {
  return `sha256:${createHash('sha256').update(tinyModel()).digest('hex')}`;
}
