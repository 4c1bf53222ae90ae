/** 200 MB of engine output in the log, against the same program writing to a file of its own. */

import { spawn } from 'node:child_process';
import { closeSync, createReadStream, openSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { quiet, Stamps } from '../machine.mjs';

export const rounds = 5;

const bytes = 200_000_000;
const pool = { logs: { max_size: '10GiB', keep: 1 } };

export async function measure({ fleet, rounds: count }) {
  const times = { poolctl: [], floor: [] };
  let missing = 0;
  for (let round = 0; round < count; round++) {
    await quiet();
    times.floor.push(await direct(fleet));
    await quiet();
    const supervisor = fleet.poolctl({ count: 1, mode: 'flood', extra: [String(bytes)], pool });
    times.poolctl.push(between(await supervisor.stamps.atLeast(2)));
    if (round === 0) missing = await missingLines(supervisor.log);
    else if (statSync(supervisor.log).size < bytes) missing += 1;
    await supervisor.stop();
    rmSync(supervisor.log);
  }
  return [
    { what: '200 MB of output', unit: 'ms', ...times, ratioAtMost: 1.2 },
    { what: 'lines lost of 2000000', unit: 'lines', poolctl: [missing], atMost: 0 },
  ];
}

async function direct({ directory, child }) {
  const file = join(directory, 'direct');
  const stamps = new Stamps(join(directory, 'direct-stamps'));
  const fd = openSync(file, 'a');
  const writer = spawn(child.argv[0], [...child.argv.slice(1), 'flood', stamps.file, 'direct', String(bytes)], {
    stdio: ['ignore', fd, fd],
  });
  closeSync(fd);
  const took = between(await stamps.atLeast(2));
  writer.kill('SIGKILL');
  for (const path of [file, stamps.file]) rmSync(path);
  return took;
}

const between = ([begun, ended]) => ended.at - begun.at;

/** Numbers from 0 that do not stand in the log in order. */
async function missingLines(log) {
  let next = 0;
  for await (const line of createInterface(createReadStream(log))) {
    if (/^\d{10} x{88}$/.test(line) && Number(line.slice(0, 10)) === next) next += 1;
  }
  return bytes / 100 - next;
}
