/** poolctl and the floor, started alike: so many children of one kind, a socket, a log. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Stamps } from './machine.mjs';

export const poolctl = fileURLToPath(new URL('../../dist/bin/poolctl.js', import.meta.url));

/**
 * @typedef {{ name: string, pid: number, begunAt: number, socket: string, log: string, stamps: Stamps, stop: () => Promise<void>, ended: Promise<unknown> }} Supervisor
 * @typedef {{ directory: string, child: { argv: string[] }, count: number, mode?: string, extra?: string[], pool?: object }} Wish
 *   `extra` stands after the child's name; for poolctl it may have placeholders
 */

/** @param {Wish} wish */
export function startPoolctl({ directory, child, count, mode = 'stamp', extra = [], pool = {} }) {
  const place = own(directory, 'poolctl');
  const stamps = new Stamps(join(place, 'stamps'));
  const never = 1_000_000;
  writeFileSync(
    join(place, 'pools.yaml'),
    JSON.stringify({
      version: 1,
      supervisor: {
        ports: '30000-30999',
        loads: { per_device: 1, total: Math.max(count, 4) },
        device_storm: { limit: never, window: '60s' },
      },
      pools: {
        bench: {
          engine: 'command',
          command: [...child.argv, mode, stamps.file, `\${REPLICA_ID}`, ...extra],
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
    }),
  );
  const state = join(place, 'state');
  const argv = [poolctl, 'up', '--file', join(place, 'pools.yaml'), '--state-dir', state, '--log-format', 'json'];
  return {
    ...begin('poolctl', place, argv, stamps),
    socket: join(state, 'poolctl.sock'),
    state,
    log: join(state, 'logs/bench/r0.log'),
  };
}

/** @param {Wish} wish */
export function startFloor({ directory, child, count, mode = 'stamp', extra = [] }) {
  const place = own(directory, 'floor');
  const stamps = new Stamps(join(place, 'stamps'));
  const socket = join(place, 'floor.sock');
  const log = join(place, 'log');
  const floor = fileURLToPath(new URL('floor.mjs', import.meta.url));
  const argv = [floor, socket, log, String(count), ...child.argv, mode, stamps.file, '%', ...extra];
  return { ...begin('floor', place, argv, stamps), socket, log };
}

let places = 0;

/** A directory that no run before has used. */
function own(directory, name) {
  const place = join(directory, `${name}-${places++}`);
  mkdirSync(place);
  return place;
}

function begin(name, place, argv, stamps) {
  const said = openSync(join(place, 'said'), 'a');
  const begunAt = Number(process.hrtime.bigint()) / 1e6;
  const running = spawn(process.execPath, argv, {
    cwd: place,
    stdio: ['ignore', said, said],
    env: { PATH: process.env.PATH, HOME: place, NODE_ENV: 'production' },
  });
  const ended = once(running, 'exit');
  const stop = async () => {
    running.kill('SIGTERM');
    await ended;
  };
  return { name, pid: running.pid, begunAt, stamps, stop, ended };
}

/** Blocks until every replica of a running poolctl is ready. */
export function waitReady({ state }) {
  const { status, stderr } = spawnSync(
    process.execPath,
    [poolctl, 'wait', 'all', '--for', 'ready', '--timeout', '60s', '--state-dir', state],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`not all engines became ready: ${stderr}`);
}
