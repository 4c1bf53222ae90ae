/** poolctl, the floor, and peers where they are compared, started alike: so many children of one kind, a socket, a log. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Supervisor, stampsIn } from './supervisor.mjs';

export const poolctl = fileURLToPath(new URL('../../dist/bin/poolctl.js', import.meta.url));
const floor = fileURLToPath(new URL('floor.mjs', import.meta.url));
const get = fileURLToPath(new URL('get.mjs', import.meta.url));

/**
 * @typedef {{ count: number, mode?: string, extra?: string[], pool?: object, settings?: object, within?: string[] }} Wish
 *   `extra` stands after the child's name; for poolctl it may hold placeholders; `settings` are keys of `supervisor`;
 *   `within`: words before the command of poolctl
 */

/** Everything that a run of the benchmarks starts, so that it can also be stopped when the run breaks off. */
export class Fleet {
  #begun = 0;
  #running = new Set();
  #peers;

  /** @param {string} directory @param {{ argv: string[] }} child @param {import('./peers/index.mjs').Peer[]} [peers] */
  constructor(directory, child, peers = []) {
    this.directory = directory;
    this.child = child;
    this.#peers = peers;
  }

  /** @param {Wish} wish */
  poolctl({ count, mode, extra, pool = {}, settings = {}, within = [] }) {
    const place = this.#place('poolctl');
    const command = this.#command(place, `\${REPLICA_ID}`, mode, extra);
    writeFileSync(join(place, 'pools.yaml'), JSON.stringify(inventory(command, count, pool, settings)));
    const state = join(place, 'state');
    return this.#begin('poolctl', place, count, {
      // Executed as its users do: its first line says how Node is to run it.
      argv: [...within, poolctl, 'up', '--file', join(place, 'pools.yaml'), '--state-dir', state, '--log-format', 'json'],
      status: [process.execPath, poolctl, 'status', '--json', '--state-dir', state],
      settle: () => waitReady({ state }),
      socket: join(state, 'poolctl.sock'),
      state,
      log: join(state, 'logs/bench/r0.log'),
    });
  }

  /** @param {Wish} wish */
  floor({ count, mode, extra }) {
    const place = this.#place('floor');
    const socket = join(place, 'floor.sock');
    const log = join(place, 'log');
    return this.#begin('floor', place, count, {
      argv: [process.execPath, floor, socket, log, String(count), ...this.#command(place, '%', mode, extra)],
      status: getting(socket),
      socket,
      log,
    });
  }

  /** One start for each peer, with a wish. */
  get peers() {
    return this.#peers.map((peer) => ({ count, mode, extra }) => {
      const place = this.#place(peer.name);
      const command = (number) => this.#command(place, `r${number}`, mode, extra);
      return this.#begin(peer.name, place, count, peer.plan({ place, count, command, programs: peer.programs, mode }));
    });
  }

  /** All in turn, the floor first. */
  get kinds() {
    return [(wish) => this.floor(wish), (wish) => this.poolctl(wish), ...this.peers];
  }

  /** Nothing measured yet, of each of them. @returns {Record<string, any[]>} */
  none() {
    return Object.fromEntries(['poolctl', 'floor', ...this.#peers.map(({ name }) => name)].map((name) => [name, []]));
  }

  /** Stops what still runs. */
  async stopAll() {
    for (const supervisor of [...this.#running]) await supervisor.stop(3);
  }

  /** A directory that nothing before has used. */
  #place(name) {
    const place = join(this.directory, `${name}-${this.#begun++}`);
    mkdirSync(place);
    return place;
  }

  #command(place, name, mode = 'stamp', extra = []) {
    return [...this.child.argv, mode, stampsIn(place), name, ...extra];
  }

  #begin(name, place, count, plan) {
    const supervisor = new Supervisor(name, place, count, plan, (stopped) => this.#running.delete(stopped));
    this.#running.add(supervisor);
    return supervisor;
  }
}

/** The floor of a client: an empty Node program that asks a supervisor. @param {string} socket @returns {string[]} */
export const getting = (socket) => [process.execPath, get, socket, '/v2/pools'];

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
