#!/usr/bin/env node
/** Gives the command its world, and turns failures into a message and an exit status. */

import { once } from 'node:events';
import { homedir } from 'node:os';
import type { Cli } from '../commands/cli.js';
import { plainLine } from '../commands/plain.js';
import { tellFailure } from '../commands/render/error.js';
import { version } from '../src/version.js';

await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<void> {
  // A reader that went away ends a client quietly, and a supervisor not at all.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const cli = world();
  try {
    const plain = plainLine(argv, cli);
    if (plain !== null) await plain();
    else await (await import('../commands/program.js')).runProgram(argv, cli);
  } catch (error) {
    tellFailure(error, { json: argv.includes('--json'), verbose: argv.includes('-v') || argv.includes('--verbose') }, cli);
  }
}

function world(): Cli {
  const face = (stream: NodeJS.WriteStream) => ({ isTTY: stream.isTTY === true, columns: stream.columns });
  return {
    version,
    env: process.env,
    cwd: process.cwd(),
    home: homedir(),
    out: face(process.stdout),
    err: face(process.stderr),
    stdout: (text) => void process.stdout.write(text),
    async pipe(chunk) {
      if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
    },
    stderr: (text) => void process.stderr.write(text),
    exit: (status) => {
      process.exitCode = status;
    },
    now: () => Date.now(),
    interruption() {
      const interrupted = new AbortController();
      process.once('SIGINT', () => interrupted.abort());
      return interrupted.signal;
    },
  };
}
