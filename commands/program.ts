/** Command lines as commander reads them: help, did-you-mean, every command. Loaded only where `plain.ts` does not know the line. */

import { Command, CommanderError } from 'commander';
import { PoolctlError } from '../src/errors.js';
import { addGlobalOptions, type Cli } from './cli.js';
import { commands } from './index.js';
import { tellFailure, toldTo } from './render/error.js';

/** Runs the command that `argv` names, having loaded no other but for `help`. Failures are told, and set the exit status. */
export async function runProgram(argv: readonly string[], cli: Cli): Promise<void> {
  const named = argv.filter((word) => Object.hasOwn(commands, word));
  try {
    const program = await buildProgram(named.length === 0 || named.includes('help') ? Object.keys(commands) : named, cli);
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    tellFailure(error instanceof CommanderError ? asUsage(error, named[0]) : error, toldTo(argv), cli);
  }
}

/** The tree with these commands in it. */
export async function buildProgram(names: readonly string[], cli: Cli): Promise<Command> {
  const program = new Command('poolctl')
    .description('keeps LLM inference engines alive, one on every device mask')
    .version(cli.version, '-V, --version');
  program
    .configureOutput({ writeOut: (text) => cli.stdout(text), writeErr: (text) => cli.stderr(text), outputError: () => undefined })
    .exitOverride()
    // `poolctl -f FILE logs` names a file, `poolctl logs -f` follows.
    .enablePositionalOptions();
  addGlobalOptions(program);
  for (const name of names) (await commands[name]?.())?.(program, cli);
  settle(program);
  return program;
}

/** What stands everywhere stands in every command below, however deep. */
function settle(parent: Command): void {
  for (const command of parent.commands) {
    addGlobalOptions(command.copyInheritedSettings(parent));
    settle(command);
  }
}

function asUsage({ code, message }: CommanderError, command: string | undefined): PoolctlError {
  const hint = command === undefined ? 'poolctl --help' : `poolctl ${command} --help`;
  // It has shown its help, on stderr.
  if (code === 'commander.help')
    return new PoolctlError('USAGE', `cannot ${command} alone: it needs one of its commands`, { hint });
  return new PoolctlError('USAGE', message.replace(/^error: /, '').replace(/\n/g, ' '), { hint });
}
