/** What the benchmarks ask of the machine: a place to work, a quiet moment, the child program, and figures of a process. */

import { execFileSync, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readdirSync, readFileSync, watch } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** A fresh directory, on tmpfs where there is one. */
export function workDirectory() {
  const base = ['/dev/shm', tmpdir()].find((path) => canWrite(path)) ?? tmpdir();
  return mkdtempSync(join(base, 'poolctl-bench-'));
}

function canWrite(path) {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** argv of the child program: C, static where libc allows; else the one in Node. */
export function childProgram(directory) {
  const source = fileURLToPath(new URL('child.c', import.meta.url));
  const program = join(directory, 'child');
  for (const flags of [['-static'], []]) {
    try {
      execFileSync('cc', ['-O2', ...flags, '-o', program, source], { stdio: 'ignore' });
      return { argv: [program], about: `C${flags.length > 0 ? ', static' : ''}` };
    } catch {
      // The next way.
    }
  }
  return {
    argv: [process.execPath, fileURLToPath(new URL('child.mjs', import.meta.url))],
    about: 'Node: there is no cc, and ratios are nearer to 1 than they should be',
  };
}

const patience = { longest: 60, shortest: 4, now: 60 };
const waits = { all: 0, quiet: 0 };

/**
 * Resolves once the machine has been less than 12 % busy for half a second; after 30 s of noise false, and the figures are worth less.
 * Who was noisy for so long will be so for longer: the next waits are shorter, until one finds quiet.
 */
export async function quiet() {
  waits.all += 1;
  for (let tries = 0; tries < patience.now; tries++) {
    const before = cpuTimes();
    await sleep(500);
    const after = cpuTimes();
    if ((after.busy - before.busy) / (after.all - before.all) >= 0.12) continue;
    patience.now = patience.longest;
    waits.quiet += 1;
    return true;
  }
  patience.now = Math.max(patience.shortest, Math.floor(patience.now / 2));
  return false;
}

/** How many of all waits for quiet have found it. */
export const quietWaits = () => ({ ...waits });

function cpuTimes() {
  const times = cpus().map((cpu) => cpu.times);
  const all = times.reduce((sum, each) => sum + each.user + each.nice + each.sys + each.irq + each.idle, 0);
  return { all, busy: all - times.reduce((sum, each) => sum + each.idle, 0) };
}

/** Resident bytes of so many processes: `rss` counts a page for each that has it, `pss` divides it among all of the machine that have it. */
export function residentBytes(pids) {
  const sum = { rss: 0, pss: 0 };
  for (const pid of pids) {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    sum.rss += Number(/^Rss:\s+(\d+) kB$/m.exec(rollup)[1]) * 1024;
    sum.pss += Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)[1]) * 1024;
  }
  return sum;
}

/** Milliseconds on a CPU since their start, over all threads. */
export function cpuMs(...pids) {
  const threads = pids.flatMap((pid) =>
    readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}/schedstat`),
  );
  return threads.reduce((sum, thread) => sum + Number(readFileSync(thread, 'utf8').split(' ')[0]) / 1e6, 0);
}

/** Arguments with a NUL after each; empty where there is no such process, or only its remains. */
export function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** A process and its descendants, itself first. */
export function family(pid) {
  const everybody = processes();
  const all = [pid];
  for (const each of all) all.push(...everybody.filter(({ parent }) => parent === each).map((child) => child.pid));
  return all;
}

function processes() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const [, parent] = /\) \S (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'));
        return [{ pid: Number(pid), parent: Number(parent) }];
      } catch {
        return [];
      }
    });
}

/** The stamps that children append to a file. */
export class Stamps {
  constructor(file) {
    this.file = file;
  }

  /** @returns {{ name: string, pid: number, at: number }[]} `at` in ms of process.hrtime, in the order of the file */
  read() {
    let text = '';
    try {
      text = readFileSync(this.file, 'utf8');
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split(' '))
      .map(([name, pid, ns]) => ({ name, pid: Number(pid), at: Number(BigInt(ns)) / 1e6 }));
  }

  /** Resolves with all stamps when there are so many; rejects after a minute. */
  async atLeast(count) {
    const late = AbortSignal.timeout(60_000);
    for (;;) {
      const changed = this.#changed(late);
      const stamps = this.read();
      if (stamps.length >= count) return stamps;
      await changed;
      if (late.aborted) throw new Error(`${stamps.length} of ${count} children ran within a minute (${this.file})`);
    }
  }

  /** The next change of the directory, or 200 ms: a file that is not there yet cannot be watched. */
  #changed(late) {
    return new Promise((resolve) => {
      const watcher = watch(join(this.file, '..'), done);
      const timer = setTimeout(done, 200);
      late.addEventListener('abort', done);
      function done() {
        watcher.close();
        clearTimeout(timer);
        late.removeEventListener('abort', done);
        resolve();
      }
    });
  }
}

/** Watches processes: `begun` resolves when it does, `gone` with the time (ms of hrtime) when the last of them has exited. */
export function watchExits(child, pids) {
  const watcher = spawn(child.argv[0], [...child.argv.slice(1), 'gone', ...pids.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface(watcher.stdout)[Symbol.asyncIterator]();
  const begun = lines.next();
  return { begun, gone: begun.then(() => lines.next()).then(({ value }) => Number(BigInt(value)) / 1e6) };
}

/** Milliseconds of the clock that the stamps have. */
export const nowMs = () => Number(process.hrtime.bigint()) / 1e6;
