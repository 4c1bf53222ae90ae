/** The live view on a terminal of 80x24: how long its first frame takes over a bare Node, and its CPU time while only clocks move. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { poolctl } from '../fleet.mjs';
import { cpuMs, nowMs, quiet } from '../machine.mjs';

export const rounds = 15;

const engines = 40;

export async function measure({ fleet, rounds: count, windowMs }) {
  const supervisor = fleet.poolctl({ count: engines });
  await supervisor.up();
  await quiet();
  const view = `'${poolctl}' top --state-dir '${supervisor.state}'`;
  const bare = `'${process.execPath}' -e 'process.stdout.write("first\\n")'`;
  const first = { poolctl: [], floor: [] };
  for (let round = -2; round < count; round++) {
    const floor = await untilSeen(bare, 'first\r\n');
    const ours = await untilSeen(view, 'enter');
    if (round < 0) continue;
    first.floor.push(floor);
    first.poolctl.push(ours - floor);
  }
  const busy = [];
  const pidFile = join(fleet.directory, 'view.pid');
  const shown = terminal(`echo $$ > '${pidFile}'; exec ${view}`);
  await shown.sees('bench/r0');
  const pid = Number(readFileSync(pidFile, 'utf8'));
  // What was loaded is compiled and thrown away meanwhile.
  await sleep(10_000);
  for (let window = 0; window < 3; window++) {
    const before = cpuMs(pid);
    await sleep(windowMs);
    busy.push(((cpuMs(pid) - before) * 100) / windowMs);
  }
  await shown.quit();
  await supervisor.stop();
  return [
    { what: 'first frame of top, over bare Node', unit: 'ms', ...first, atMost: 250 },
    { what: `CPU of top, ${engines} replicas`, unit: '% of a core', poolctl: busy, atMost: 3 },
  ];
}

async function untilSeen(command, text) {
  const begun = nowMs();
  const shown = terminal(`exec ${command}`);
  await shown.sees(text);
  const tookMs = nowMs() - begun;
  await shown.quit();
  return tookMs;
}

/** A shell command on a terminal of its own. */
function terminal(command) {
  const child = spawn('script', ['-qec', `stty columns 80 rows 24; ${command}`, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, TERM: 'xterm', SHELL: '/bin/sh', LANG: 'C.UTF-8' },
  });
  const ended = once(child, 'close');
  // A bare Node has ended before it can be told to.
  child.stdin.on('error', () => {});
  let screen = '';
  let look = () => {};
  child.stdout.setEncoding('utf8').on('data', (piece) => {
    screen += piece;
    look();
  });
  return {
    async sees(text) {
      while (!screen.includes(text)) {
        if (child.exitCode !== null) throw new Error(`ended without "${text}": ${screen}`);
        await Promise.race([new Promise((resolve) => (look = resolve)), ended]);
      }
    },
    async quit() {
      child.stdin.write('q');
      child.stdin.end();
      await ended;
    },
  };
}
