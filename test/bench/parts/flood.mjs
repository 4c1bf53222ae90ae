/** 200 MB of engine output until all of it is in the log, against the same program writing to a file of its own. */

import { spawn } from 'node:child_process';
import { closeSync, createReadStream, openSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs, quiet, Stamps } from '../machine.mjs';

export const rounds = 5;

const bytes = 200_000_000;
const pool = { logs: { max_size: '10GiB', keep: 1 } };

export async function measure({ fleet, rounds: count }) {
  const times = fleet.none();
  const missing = fleet.none();
  for (let round = 0; round < count; round++) {
    await quiet();
    times.floor.push(await direct(fleet));
    for (const start of fleet.kinds.slice(1)) {
      await quiet();
      const supervisor = start({ count: 1, mode: 'flood', extra: [String(bytes)], pool });
      const { name, stamps, log } = supervisor;
      times[name].push(await logged(await stamps.atLeast(2), log));
      if (round === 0) missing[name].push(await missingLines(log));
      await supervisor.up();
      await supervisor.stop();
      rmSync(log);
    }
  }
  return [
    { what: '200 MB of output', unit: 'ms', ...times, ratioAtMost: 1.2 },
    { what: 'lines lost of 2000000', unit: 'lines', ...missing, atMost: 0 },
  ];
}

/** Who writes the log itself may be behind what the engine has written; who has not got there within a minute has lost some of it. */
async function logged([begun, ended], log) {
  if (statSync(log).size >= bytes) return ended.at - begun.at;
  for (const late = nowMs() + 60_000; statSync(log).size < bytes; await sleep(2)) {
    if (nowMs() > late) throw new Error(`${log} lacks ${bytes - statSync(log).size} bytes`);
  }
  return nowMs() - begun.at;
}

async function direct({ directory, child }) {
  const file = join(directory, 'direct');
  const stamps = new Stamps(join(directory, 'direct-stamps'));
  const fd = openSync(file, 'a');
  const writer = spawn(child.argv[0], [...child.argv.slice(1), 'flood', stamps.file, 'direct', String(bytes)], {
    stdio: ['ignore', fd, fd],
  });
  closeSync(fd);
  const [begun, ended] = await stamps.atLeast(2);
  writer.kill('SIGKILL');
  for (const path of [file, stamps.file]) rmSync(path);
  return ended.at - begun.at;
}

/** Numbers from 0 that do not stand in the log in order. */
async function missingLines(log) {
  let next = 0;
  for await (const line of createInterface(createReadStream(log))) {
    if (/^\d{10} x{88}$/.test(line) && Number(line.slice(0, 10)) === next) next += 1;
  }
  return bytes / 100 - next;
}
