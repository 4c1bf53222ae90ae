/** A real `poolctl up` with demo engines that is there for ever: when one has been shut down, the next begins. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const poolctl = fileURLToPath(new URL('../../dist/bin/poolctl.js', import.meta.url));

/** So long may one that was told to end wait for leases. */
const patienceMs = 1_500;

/** One `poolctl up`; `leaving` once it was told to end, whatever it does until then. */
class Run {
  leaving = false;
  hasBegun = false;

  constructor(directory, env) {
    this.child = spawn(process.execPath, [poolctl, 'up', '--log-format', 'json'], {
      cwd: directory,
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.last = [];
    const lines = createInterface(this.child.stderr);
    this.begun = new Promise((resolve, reject) => {
      lines.on('line', (line) => {
        this.last = [...this.last.slice(-19), line];
        if (!line.includes('"supervisor.started"')) return;
        this.hasBegun = true;
        resolve();
      });
      this.child.once('exit', () => reject(new Error(`poolctl has ended before it had begun:\n${this.last.join('\n')}`)));
    });
    this.ended = once(this.child, 'exit').then(([code, signal]) => signal ?? code);
  }

  /** In peace, and soon without; harmless when it was told already. */
  async leave() {
    if (this.leaving) return;
    this.leaving = true;
    while ((await Promise.race([this.ended, sleep(patienceMs, 'late')])) === 'late') this.child.kill('SIGTERM');
  }
}

export class Supervisors {
  /** Those that ended in another way than they were told to, with the last that they said. */
  faults = [];
  count = 0;
  #closing = false;
  #edits = 0;

  /** @param {string} directory of its own @param {number} port where the API is to be */
  constructor(directory, port) {
    this.directory = directory;
    this.port = port;
    this.env = { PATH: process.env.PATH, HOME: directory, POOLCTL_STATE_DIR: join(directory, 'state') };
    this.#write(inventory(port));
    this.#launch();
  }

  /** The one that answers, as soon as there is one. Rejects where none can begin. */
  async present() {
    await this.run.begun;
    return this.run;
  }

  /** Gives `apply` something to find: entries that differ, and files that are none. One that begins is to find a good one. */
  edit() {
    if (!this.run.hasBegun || this.run.leaving) return;
    const texts = [
      inventory(this.port),
      inventory(this.port, '1ms'),
      'version: 1\npools: { chat: { modle: x } }\n',
      'pools: [',
      '',
    ];
    this.#write(texts[this.#edits++ % texts.length]);
  }

  async close() {
    this.#closing = true;
    this.run.child.kill('SIGTERM');
    await this.run.leave();
  }

  #launch() {
    this.count += 1;
    this.run = new Run(this.directory, this.env);
    const { run } = this;
    run.begun.catch(() => {});
    run.ended.then((how) => {
      if (how !== 0 && !(run.leaving && [143, 'SIGTERM'].includes(how)))
        this.faults.push(`poolctl up ended with ${how}:\n${run.last.join('\n')}`);
      this.#write(inventory(this.port));
      if (!this.#closing) this.#launch();
    });
  }

  #write(text) {
    writeFileSync(join(this.directory, 'pools.yaml'), text);
  }
}

function inventory(port, tokenTime = '0') {
  return `version: 1
supervisor: { listen: "127.0.0.1:${port}", ports: 31000-31099, shutdown_deadline: 500ms }
defaults: { drain: { deadline: 500ms }, health: { startup_interval: 20ms, min_uptime: 0s } }
pools:
  chat:
    engine: demo
    model: hf:demo/models/small
    args: [--load-time, "0", --token-time, "${tokenTime}"]
    device_masks: [cpu, cpu]
  idle: { engine: command, command: [sleep, "1000"], device_masks: [cpu], health: { path: none, min_uptime: 0s } }
`;
}
