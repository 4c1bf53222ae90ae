/** One running supervisor of a benchmark, whichever it is: its processes, its engines, its end. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandLine, family, nowMs, Stamps } from './machine.mjs';

/**
 * @typedef {object} Plan how one supervisor is run
 * @property {string[]} argv begins it
 * @property {string} log of its first engine
 * @property {string[]} status asks it for the state of all engines
 * @property {object} [env] besides the few variables that all have
 * @property {string} [pidFile] has the supervisor's pid, where `argv` is a client that ends once all is started
 * @property {NodeJS.Signals} [signal] ends it with all engines, SIGTERM unless said otherwise
 * @property {string[]} [end] a command that does so in place of a signal
 * @property {() => void} [settle] blocks until it, too, holds its engines for started
 * @property {string} [socket] its API
 * @property {string} [state] its state directory
 */

export class Supervisor {
  #plan;
  #place;
  #count;
  #running;
  #ended;
  #stopped;
  /** What a kill has left behind of it: pid and command line. */
  #relicts = new Map();
  #killed = false;

  /** @param {string} name @param {string} place a directory of its own @param {number} count of engines @param {Plan} plan @param {() => void} stopped */
  constructor(name, place, count, plan, stopped) {
    this.name = name;
    this.stamps = new Stamps(stampsIn(place));
    this.log = plan.log;
    this.status = plan.status;
    this.socket = plan.socket;
    this.state = plan.state;
    this.env = { PATH: process.env.PATH, HOME: place, NODE_ENV: 'production', ...plan.env };
    this.#plan = plan;
    this.#place = place;
    this.#count = count;
    this.#stopped = stopped;
    this.begin();
  }

  /** Also once more, after a kill, in the same place. */
  begin() {
    this.begunAt = nowMs();
    this.#running = this.#run(this.#plan.argv);
    this.#ended = once(this.#running, 'exit');
  }

  get pid() {
    return this.#plan.pidFile === undefined ? this.#running.pid : Number(readFileSync(this.#plan.pidFile, 'utf8'));
  }

  /** Resolves when it has begun all its engines, with their stamps. */
  async up() {
    if (this.#plan.pidFile !== undefined) await this.#ended;
    const stamps = await this.stamps.atLeast(this.#count);
    this.#plan.settle?.();
    return stamps;
  }

  /** Its own processes, itself first, without the engines. */
  pids() {
    const engines = new Set(this.stamps.read().map(({ pid }) => pid));
    return family(this.pid).filter((pid) => !engines.has(pid));
  }

  /** Those that live, of whichever supervisor in this place. @returns {{ name: string, pid: number }[]} */
  engines() {
    return this.stamps.read().filter(({ pid }) => commandLine(pid).includes(this.stamps.file));
  }

  /** SIGKILL to it, or to all its own processes. @returns {number[]} who got it */
  kill(all) {
    const pids = this.pids();
    for (const pid of pids) this.#relicts.set(pid, commandLine(pid));
    const killed = all ? pids : pids.slice(0, 1);
    for (const pid of killed) process.kill(pid, 'SIGKILL');
    this.#killed = true;
    return killed;
  }

  /** It and its engines; a third SIGTERM makes poolctl kill what it has. */
  async stop(signals = 1) {
    const { end, signal = 'SIGTERM' } = this.#plan;
    if (end !== undefined) await once(this.#run(end), 'exit');
    else for (let times = 0; times < signals; times++) this.#running.kill(signal);
    await this.#ended;
    if (this.#killed) this.#sweep();
    this.#stopped(this);
  }

  /** Nobody else ends what a killed supervisor has left. */
  #sweep() {
    for (const [pid, line] of this.#relicts) if (commandLine(pid) === line) killed(pid);
    for (const { pid } of this.engines()) killed(pid);
  }

  #run([program, ...args]) {
    const said = openSync(join(this.#place, 'said'), 'a');
    const running = spawn(program, args, { cwd: this.#place, stdio: ['ignore', said, said], env: this.env });
    closeSync(said);
    return running;
  }
}

/** The file that the engines of a place append their stamps to. */
export const stampsIn = (place) => join(place, 'stamps');

/** SIGKILL to a process that may be about to go by itself. */
function killed(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
