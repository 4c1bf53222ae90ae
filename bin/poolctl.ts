#!/usr/bin/env -S node --max-semi-space-size=1
/**
 * Gives the command its world. Bundled whole, apart from everything that `commands/program.ts` brings: see scripts/build.mjs. A young generation
 * of 1 MiB is enough for both a client and a supervisor, and saves the latter a fifth of its memory: V8 would let it grow to 16 MiB in the start
 * of a hundred engines, and never gives that back.
 */

import { once } from 'node:events';
import { homedir } from 'node:os';
import { isatty } from 'node:tty';
import type { Cli, Face } from '../commands/cli.js';
import { plainLine } from '../commands/plain.js';
import { version } from '../src/version.js';

/**
 * In which a program is read, and a supervisor launches some hundred engines: so long the heap grows by small steps, since what only a start needs
 * would stay with a program that then lives for months.
 */
const startMs = 5_000;

await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<void> {
  const cli = world();
  if (argv[0] === 'complete') return (await import('../commands/complete.js')).complete(argv.slice(1), cli);
  const plain = plainLine(argv, cli);
  if (plain !== null) return plain();
  const { setFlagsFromString } = await import('node:v8');
  // Compiling without optimizing is not worth its memory here: what is hot is optimized, and the rest is not run often.
  setFlagsFromString('--no-sparkplug');
  setFlagsFromString('--optimize-for-size');
  setTimeout(() => setFlagsFromString('--no-optimize-for-size'), startMs).unref();
  return (await import('../commands/program.js')).runProgram(argv, cli);
}

function world(): Cli {
  // Each stream is made when it is first used: that takes longer than the whole of what a client has to say.
  let lost: NodeJS.ErrnoException | null = null;
  const out = lazy(() =>
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      // A reader that went away knows that; a disk that is full must not look like an answer.
      if (lost === null && error.code !== 'EPIPE' && error.code !== 'EIO') {
        process.exitCode = 1;
        err().write(`error: cannot write the answer to stdout: ${error.message}  [WRITE_FAILED]\n`);
      }
      lost ??= error;
    }),
  );
  const err = lazy(() => deaf(process.stderr));
  return {
    version,
    env: process.env,
    cwd: process.cwd(),
    home: homedir(),
    out: face(1, out),
    err: face(2, err),
    input: { isTTY: isatty(0), pieces: () => process.stdin },
    stdout: (text) => void out().write(text),
    async pipe(chunk) {
      // It says by an event why it could not be written.
      if (lost === null && !out().write(chunk)) await once(out(), 'drain').catch(() => undefined);
      if (lost !== null) process.exit();
    },
    stderr: (text) => void err().write(text),
    exit: (status, unreadMs) => {
      if (lost === null || lost.code === 'EPIPE') process.exitCode = status;
      if (unreadMs !== undefined) setTimeout(() => process.exit(), unreadMs).unref();
    },
    now: () => Date.now(),
    terminal: () => ({
      input: process.stdin,
      output: out(),
      signals: process,
      kill: (signal) => process.kill(process.pid, signal),
    }),
    interruption() {
      const interrupted = new AbortController();
      process.once('SIGINT', () => interrupted.abort());
      return interrupted.signal;
    },
  };
}

function face(fd: number, stream: () => NodeJS.WriteStream): Face {
  const isTTY = isatty(fd);
  return {
    isTTY,
    get columns() {
      return isTTY ? stream().columns : undefined;
    },
  };
}

/** A reader that went away ends a client quietly, and a supervisor not at all. */
function deaf(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  return stream.on('error', () => undefined);
}

function lazy<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
