/**
 * What a command file is given, and the options that stand everywhere. A command file exports one function of its own name,
 * `status(program, cli)`, that adds itself to commander's tree; the options of `addGlobalOptions` are added to it afterwards.
 */

import type { Command } from 'commander';
import { PoolctlError } from '../src/errors.js';
import type { ColourWish } from '../src/text/colour.js';
import type { Terminal } from '../src/tui/seat.js';

/** One of the two output streams, as far as a command may know it. */
export type Face = { readonly isTTY: boolean; readonly columns: number | undefined };

/** The world of a command: everything ambient that it may touch. `bin/poolctl.ts` makes the real one, tests make a smaller one. */
export type Cli = {
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly home: string;
  readonly out: Face;
  readonly err: Face;
  /** What is piped in. `pieces` may be asked for once; each piece is of any length. */
  readonly input: { readonly isTTY: boolean; pieces(): AsyncIterable<Uint8Array> };
  /** The answer. Written as it stands. */
  stdout(text: string): void;
  /** Writes bytes of a stream to stdout and resolves when the reader can take more. */
  pipe(chunk: Uint8Array | string): Promise<void>;
  /** All talk. Written as it stands. */
  stderr(text: string): void;
  /** Sets the exit status; the command still returns. The last call counts. Readers are waited for, but for those who have not read it all `unreadMs` later. */
  exit(status: number, unreadMs?: number): void;
  /** Epoch milliseconds. */
  now(): number;
  /** The terminal itself, for the live view. Only where `out` and `input` are one. */
  terminal(): Terminal;
  /** Aborted by Ctrl-C. Asking for it means that the command ends by itself when it is: without asking, Ctrl-C kills the program. */
  interruption(): AbortSignal;
};

export type Globals = {
  readonly file?: string;
  readonly socket?: string;
  readonly stateDir?: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly color: ColourWish;
};

type Flag = {
  readonly short?: string;
  readonly long: string;
  readonly argument?: string;
  readonly help: string;
  /** Under which name, and for a switch with which value, it stands among what was given. */
  readonly key: string;
  readonly value?: boolean;
};

/** Alone on the line they are read without commander. */
export const versionFlags = ['-V', '--version'] as const;

export const globalFlags: readonly Flag[] = [
  {
    short: '-f',
    long: '--file',
    argument: '<path>',
    help: 'the inventory (default: $POOLCTL_FILE, ./pools.yaml)',
    key: 'file',
  },
  {
    short: '-s',
    long: '--socket',
    argument: '<path>',
    help: "the supervisor's socket (default: $POOLCTL_SOCKET)",
    key: 'socket',
  },
  { long: '--state-dir', argument: '<path>', help: 'the state directory (default: $POOLCTL_STATE_DIR)', key: 'stateDir' },
  { long: '--json', help: 'answer in JSON', key: 'json', value: true },
  { short: '-q', long: '--quiet', help: 'say nothing but the answer and errors', key: 'quiet', value: true },
  { short: '-v', long: '--verbose', help: 'say more', key: 'verbose', value: true },
  { long: '--color', argument: '<when>', help: 'auto, always or never', key: 'color' },
  { long: '--no-color', help: 'no colour', key: 'color', value: false },
];

/** Adds the options that stand everywhere, under a heading of their own. A short name that the command has taken stays the command's. */
export function addGlobalOptions(command: Command): void {
  command.optionsGroup('Options everywhere:');
  for (const { short, long, argument, help } of globalFlags) {
    const taken = short !== undefined && command.options.some((option) => option.short === short);
    const names = short === undefined || taken ? long : `${short}, ${long}`;
    command.option(argument === undefined ? names : `${names} ${argument}`, help);
  }
}

/** The options that stand everywhere, wherever on the line they were given; the command's own place wins. */
export function globalsOf(command: Command): Globals {
  const given: Record<string, unknown> = {};
  for (let level: Command | null = command; level !== null; level = level.parent) {
    for (const [key, value] of Object.entries(level.opts())) {
      const chosen = level.getOptionValueSource(key) !== 'default';
      if (chosen && !(key in given)) given[key] = value;
    }
  }
  return asGlobals(given);
}

/** The value of an option. An empty one is a variable that the shell does not know: the directory that one is in just now is not meant. Throws USAGE. */
export function filled(value: string, option: string): string {
  if (value !== '') return value;
  throw new PoolctlError('USAGE', `cannot use ${option} "": it is empty`, { hint: 'is a variable of the shell unset?' });
}

/** Checks the values of options that stand everywhere. Throws USAGE. */
export function asGlobals(given: Readonly<Record<string, unknown>>): Globals {
  const text = (key: string, option: string): string | undefined => {
    const value = given[key];
    return typeof value === 'string' ? filled(value, option) : undefined;
  };
  const [file, socket, stateDir] = [text('file', '--file'), text('socket', '--socket'), text('stateDir', '--state-dir')];
  return {
    ...(file === undefined ? {} : { file }),
    ...(socket === undefined ? {} : { socket }),
    ...(stateDir === undefined ? {} : { stateDir }),
    json: given.json === true,
    quiet: given.quiet === true,
    verbose: given.verbose === true,
    color: colourWish(given.color),
  };
}

function colourWish(given: unknown): ColourWish {
  if (given === undefined || given === true) return 'auto';
  if (given === false) return 'never';
  if (given === 'auto' || given === 'always' || given === 'never') return given;
  throw new PoolctlError('USAGE', `cannot use colour "${String(given)}": it must be auto, always or never`);
}
