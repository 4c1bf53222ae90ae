#!/usr/bin/env node
/** Finds the command, gives it its world, and turns failures into a message and an exit status. */

import { once } from 'node:events';
import { homedir } from 'node:os';
import { Command, CommanderError } from 'commander';
import { addGlobalOptions, type Cli } from '../commands/cli.js';
import { commands } from '../commands/index.js';
import { tellFailure } from '../commands/render/error.js';
import { PoolctlError } from '../src/errors.js';
import { version } from '../src/version.js';

await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<void> {
  // A reader that went away ends a client quietly, and a supervisor not at all.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const cli = world();
  const program = new Command('poolctl')
    .description('keeps LLM inference engines alive, one on every device mask')
    .version(version, '-V, --version');
  program.configureOutput({ outputError: () => undefined }).exitOverride();
  addGlobalOptions(program);
  const named = argv.find((word) => word in commands);
  for (const name of named === undefined ? Object.keys(commands) : [named]) (await commands[name]?.())?.(program, cli);
  for (const command of program.commands) addGlobalOptions(command.copyInheritedSettings(program));
  try {
    if (argv.length === 0) cli.stdout(program.helpInformation());
    else await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    const json = argv.includes('--json');
    tellFailure(error instanceof CommanderError ? asUsage(error) : error, { json, verbose: argv.includes('-v') }, cli);
  }
}

function asUsage({ message }: CommanderError): PoolctlError {
  return new PoolctlError('USAGE', message.replace(/^error: /, '').replace(/\n/g, ' '), { hint: 'poolctl --help' });
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
