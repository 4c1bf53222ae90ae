/**
 * Command lines that are read without commander, since loading it costs `status` a tenth of its time: no words at all, `--version`, and `status`
 * with nothing but selectors and the options that stand everywhere. Any other line is left to commander, with its help and its errors.
 */

import { PoolctlError } from '../src/errors.js';
import { clientOf } from './ask/supervisor.js';
import { asGlobals, type Cli, globalFlags, versionFlags } from './cli.js';
import { tellFailure, toldTo } from './render/error.js';
import { showStatus } from './status/show.js';

/** What is to be done, failures and all; null where the line is not plain. */
export function plainLine(argv: readonly string[], cli: Cli): (() => Promise<void>) | null {
  const run = plainRun(argv, cli);
  return run === null ? null : () => run().catch((error) => tellFailure(error, toldTo(argv), cli));
}

function plainRun(argv: readonly string[], cli: Cli): (() => Promise<void>) | null {
  if (argv.length === 0) return () => alone(cli);
  if (argv.length === 1 && versionFlags.some((flag) => flag === argv[0])) return async () => cli.stdout(`${cli.version}\n`);
  const line = readPlain(argv);
  if (line === null || line.words[0] !== 'status') return null;
  return async () => showStatus(line.words.slice(1), asGlobals(line.given), cli);
}

function readPlain(
  argv: readonly string[],
): { readonly words: readonly string[]; readonly given: Record<string, unknown> } | null {
  const words: string[] = [];
  const given: Record<string, unknown> = {};
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? '';
    if (!word.startsWith('-')) {
      words.push(word);
      continue;
    }
    const flag = globalFlags.find(({ short, long }) => word === short || word === long);
    if (flag === undefined) return null;
    if (flag.argument === undefined) given[flag.key] = flag.value;
    else {
      const value = argv[at + 1];
      if (value === undefined || value.startsWith('-')) return null;
      given[flag.key] = value;
      at += 1;
    }
  }
  return { words, given };
}

/** `poolctl` and no more: how things stand; where nothing runs, how to begin. */
async function alone(cli: Cli): Promise<void> {
  const globals = asGlobals({});
  try {
    await clientOf(cli, globals, 'show the status').status();
  } catch (error) {
    if (!(error instanceof PoolctlError && error.code === 'NO_SUPERVISOR')) throw error;
    return cli.stdout(beginning);
  }
  await showStatus([], globals, cli);
}

const beginning = `poolctl keeps LLM inference engines alive, one on every device mask. No supervisor is running.
  poolctl init       look for GPUs, engines and models, and write pools.yaml
  poolctl check      is pools.yaml right?
  poolctl up         run the supervisor, in the foreground
  poolctl status     what runs, and why what does not run does not
  poolctl doctor     is the machine right?
All commands: poolctl --help
The manual: poolctl help TOPIC
`;
