/** Supervisors that people use, for a comparison in one run: what is on PATH, else in a folder of ours, else what can be got into it. */

import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as pm2 from './pm2.mjs';
import * as runit from './runit.mjs';
import * as supervisord from './supervisord.mjs';

/** @typedef {{ name: string, version: string, programs: string[], plan: (wish: object) => import('../supervisor.mjs').Plan }} Peer */

/** The parts that compare, with the rounds of each: some eight minutes for all. */
export const compared = { status: 10, respawn: 15, memory: 2, idle: 3, start: 4, stop: 4, flood: 4, survival: 1 };

const directory = fileURLToPath(new URL('../../../.tmp/peers', import.meta.url));

/** @param {(line: string) => void} say hears who is missing, and how to get it @returns {Peer[]} */
export function findPeers(say) {
  return [pm2, supervisord, runit].flatMap((peer) => {
    const programs = find(peer) ?? (got(peer, say) ? find(peer) : null);
    if (programs !== null) return [{ name: peer.name, version: peer.version(programs), programs, plan: peer.plan }];
    const command =
      peer.hint ??
      peer
        .install(directory)
        .map((argv) => argv.join(' '))
        .join(' && ');
    say(`${peer.name} is not here, so it is left out; to get it: ${command}`);
    return [];
  });
}

/** The paths of all that it needs, or null. */
function find({ executables, bin }) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...(bin === undefined ? [] : [join(directory, bin)])];
  const paths = executables.map((name) => folders.map((folder) => join(folder, name)).find(canRun));
  return paths.includes(undefined) ? null : paths;
}

function canRun(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function got({ name, install }, say) {
  if (install === undefined) return false;
  say(`getting ${name} ...`);
  mkdirSync(directory, { recursive: true });
  return install(directory).every(([program, ...args]) => spawnSync(program, args, { stdio: ['ignore', 2, 2] }).status === 0);
}
