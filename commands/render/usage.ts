/** What commander says of a line that it cannot read, as our errors say things: what, why, and the line that was probably meant. */

import type { Command, CommanderError } from 'commander';
import { PoolctlError } from '../../src/errors.js';
import { redactArgv } from '../../src/text/redact.js';
import { shellWords } from '../../src/text/shell-words.js';
import { suggest } from '../../src/text/suggest.js';

/** `names` are all commands there are: the tree has only those that the line names. */
export function usageError(
  { code, message }: Pick<CommanderError, 'code' | 'message'>,
  argv: readonly string[],
  program: Command,
  names: readonly string[],
): PoolctlError {
  const quoted = /'([^']*)'/.exec(message)?.[1] ?? '';
  const isUnknown = code === 'commander.unknownCommand';
  // What stands behind a word that is no command is no command either, whatever it is called.
  const at = commandIn(isUnknown ? argv.slice(0, argv.indexOf(quoted)) : argv, program);
  const name = pathOf(at);
  const help = `${name} --help`;
  const usage = (text: string, hint = help): PoolctlError => new PoolctlError('USAGE', text, { hint });
  switch (code) {
    // It has shown its help, on stderr.
    case 'commander.help':
      return usage(`cannot ${at.name()} alone: it needs one of its commands`);
    case 'commander.unknownCommand': {
      const known = at === program ? names : at.commands.map((each) => each.name());
      return usage(`cannot run "${quoted}": there is no such command`, corrected(argv, quoted, suggest(quoted, known)) ?? help);
    }
    case 'commander.unknownOption': {
      const given = quoted.split('=', 1)[0] ?? quoted;
      const known = at.createHelp().visibleOptions(at);
      const longs = known.flatMap(({ long }) => (long === undefined || long === null ? [] : [long]));
      const meant = given.startsWith('--') ? suggest(given, longs) : null;
      return usage(`cannot use "${given}": ${name} has no such option`, corrected(argv, given, meant) ?? help);
    }
    case 'commander.optionMissingArgument':
      return usage(`cannot use "${quoted}": its value is missing`);
    case 'commander.missingMandatoryOptionValue':
      return usage(`cannot run ${name}: it needs ${quoted}`);
    case 'commander.missingArgument':
      return usage(`cannot run ${name}: it needs a ${quoted}`);
    case 'commander.excessArguments': {
      const [, wanted = '', given = ''] = /Expected (\d+) arguments? but got (\d+)/.exec(message) ?? [];
      return usage(
        `cannot run ${name}: it takes ${wanted === '0' ? 'no' : wanted} argument${wanted === '1' ? '' : 's'}, not ${given}`,
      );
    }
    default:
      return usage(message.replace(/^error: /, '').replace(/\n/g, ' '));
  }
}

/** An error about a value of the line that names no way on: the help does. */
export function withHelp(error: PoolctlError, argv: readonly string[], program: Command): PoolctlError {
  if (error.code !== 'USAGE' || error.more.hint !== undefined) return error;
  return new PoolctlError('USAGE', error.message, { ...error.more, hint: `${pathOf(commandIn(argv, program))} --help` });
}

/** The deepest command that the line names. */
function commandIn(argv: readonly string[], program: Command): Command {
  let at = program;
  for (const word of argv) {
    if (word === '--') break;
    at = at.commands.find((each) => each.name() === word) ?? at;
  }
  return at;
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** The same line with what was meant in place of what was typed; what a command behind two dashes is given is nobody's business here. */
function corrected(argv: readonly string[], given: string, meant: string | null): string | null {
  const at = argv.findIndex((word) => word === given || word.startsWith(`${given}=`));
  if (meant === null || at === -1) return null;
  const end = argv.indexOf('--');
  const line = argv.map((word, n) => (n === at ? `${meant}${word.slice(given.length)}` : word));
  return `poolctl ${shellWords(redactArgv(end === -1 ? line : line.slice(0, end + 1)))}`;
}
