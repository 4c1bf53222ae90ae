/** Command lines as commander reads them: help, did-you-mean, every command. Loaded only where `plain.ts` does not know the line. */

import { Command, CommanderError } from 'commander';
import { PoolctlError } from '../src/errors.js';
import { addGlobalOptions, type Cli, versionFlags } from './cli.js';
import { commands } from './index.js';
import { tellFailure, toldTo } from './render/error.js';
import { usageError, withHelp } from './render/usage.js';

/** Runs the command that `argv` names, having loaded no other but for `help`. Failures are told, and set the exit status. */
export async function runProgram(argv: readonly string[], cli: Cli): Promise<void> {
  const names = Object.keys(commands);
  const named = argv.filter((word) => Object.hasOwn(commands, word));
  const program = await buildProgram(named.length === 0 || named.includes('help') ? names : named, cli);
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    const told =
      error instanceof CommanderError
        ? usageError(error, argv, program, names)
        : error instanceof PoolctlError
          ? withHelp(error, argv, program)
          : error;
    tellFailure(told, toldTo(argv), cli);
  }
}

/** The tree with these commands in it. */
export async function buildProgram(names: readonly string[], cli: Cli): Promise<Command> {
  const program = new Command('poolctl')
    .description('keeps LLM inference engines alive, one on every device mask')
    .version(cli.version, versionFlags.join(', '));
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
