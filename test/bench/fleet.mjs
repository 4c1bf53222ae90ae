/** poolctl and the floor, started alike: so many children of one kind, a socket, a log. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nowMs, Stamps } from './machine.mjs';

export const poolctl = fileURLToPath(new URL('../../dist/bin/poolctl.js', import.meta.url));
const floor = fileURLToPath(new URL('floor.mjs', import.meta.url));

/**
 * @typedef {{ name: 'poolctl' | 'floor', pid: number, begunAt: number, socket: string, log: string, stamps: Stamps, stop: () => Promise<void> }} Supervisor
 *   `log` is that of the first child
 * @typedef {{ count: number, mode?: string, extra?: string[], pool?: object, settings?: object, within?: string[] }} Wish
 *   `extra` stands after the child's name; for poolctl it may hold placeholders; `settings` are keys of `supervisor`;
 *   `within`: words before the command of poolctl
 */

/** Everything that a run of the benchmarks starts, so that it can also be stopped when the run breaks off. */
export class Fleet {
  #begun = 0;
  #running = new Set();

  /** @param {string} directory @param {{ argv: string[] }} child */
  constructor(directory, child) {
    this.directory = directory;
    this.child = child;
  }

  /** @param {Wish} wish @returns {Supervisor & { state: string }} */
  poolctl({ count, mode = 'stamp', extra = [], pool = {}, settings = {}, within = [] }) {
    const place = this.#place('poolctl');
    const stamps = new Stamps(join(place, 'stamps'));
    const command = [...this.child.argv, mode, stamps.file, `\${REPLICA_ID}`, ...extra];
    writeFileSync(join(place, 'pools.yaml'), JSON.stringify(inventory(command, count, pool, settings)));
    const state = join(place, 'state');
    // Executed as its users do: its first line says how Node is to run it.
    const argv = [...within, poolctl, 'up', '--file', join(place, 'pools.yaml'), '--state-dir', state, '--log-format', 'json'];
    return {
      ...this.#begin('poolctl', place, argv, stamps),
      socket: join(state, 'poolctl.sock'),
      state,
      log: join(state, 'logs/bench/r0.log'),
    };
  }

  /** @param {Wish} wish @returns {Supervisor} */
  floor({ count, mode = 'stamp', extra = [] }) {
    const place = this.#place('floor');
    const stamps = new Stamps(join(place, 'stamps'));
    const socket = join(place, 'floor.sock');
    const log = join(place, 'log');
    const argv = [process.execPath, floor, socket, log, String(count), ...this.child.argv, mode, stamps.file, '%', ...extra];
    return { ...this.#begin('floor', place, argv, stamps), socket, log };
  }

  /** Both in turn, the floor first. */
  get kinds() {
    return [(wish) => this.floor(wish), (wish) => this.poolctl(wish)];
  }

  /** Stops what still runs; a third SIGTERM makes poolctl kill what it has. */
  async stopAll() {
    for (const stop of [...this.#running]) await stop(3);
  }

  /** A directory that nothing before has used. */
  #place(name) {
    const place = join(this.directory, `${name}-${this.#begun++}`);
    mkdirSync(place);
    return place;
  }

  #begin(name, place, argv, stamps) {
    const said = openSync(join(place, 'said'), 'a');
    const env = { PATH: process.env.PATH, HOME: place, NODE_ENV: 'production' };
    const begunAt = nowMs();
    const running = spawn(argv[0], argv.slice(1), { cwd: place, stdio: ['ignore', said, said], env });
    const ended = once(running, 'exit');
    const stop = async (signals = 1) => {
      for (let times = 0; times < signals; times++) running.kill('SIGTERM');
      await ended;
    };
    this.#running.add(stop);
    ended.then(() => this.#running.delete(stop));
    return { name, pid: running.pid, begunAt, stamps, stop: () => stop() };
  }
}

/** No waits and no limits: what is left is the supervisor's own time. */
function inventory(command, count, pool, settings) {
  const never = 1_000_000;
  return {
    version: 1,
    supervisor: {
      ports: '30000-30999',
      loads: { per_device: 1, total: Math.max(count, 4) },
      device_storm: { limit: never, window: '60s' },
      ...settings,
    },
    pools: {
      bench: {
        engine: 'command',
        command,
        device_masks: Array(count).fill('cpu'),
        health: { path: 'none', min_uptime: '100ms' },
        restart: {
          policy: 'always',
          backoff: { initial: '0ms', min: '0ms' },
          breaker: { threshold: never, cuda_threshold: never },
          storm: { limit: never, window: '60s', warn_at: never, trip: { count: never, window: '30s' } },
        },
        ...pool,
      },
    },
  };
}

/** Blocks until every replica of a running poolctl is ready. */
export function waitReady({ state }) {
  const argv = [poolctl, 'wait', 'all', '--for', 'ready', '--timeout', '60s', '--state-dir', state];
  const { status, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`not all engines became ready: ${stderr}`);
}
