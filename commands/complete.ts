/**
 * `poolctl complete SHELL -- WORD ...`, which the scripts of `poolctl completion` run at each press of Tab: what could stand in the place of the
 * last word, a line each. It is no command of the tree, which would have to be loaded first, and it never fails: whoever presses Tab is in the
 * middle of a line.
 */

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { StatusView } from '../src/api/wire.js';
import { lastKnown } from './ask/last-known.js';
import { clientOf, stateDirFor } from './ask/supervisor.js';
import { asGlobals, type Cli, type Globals } from './cli.js';
import { complete as completeLine, type Given, type Live } from './completion/line.js';
import { replaced, wordsFrom } from './completion/shells.js';

/** Nobody waits longer for a name that may not come. */
const patienceMs = 200;

export async function complete([shell = '', , ...words]: readonly string[], cli: Cli): Promise<void> {
  try {
    const whole = wordsFrom(shell, words);
    const found = await completeLine(whole, liveNames(cli));
    const typed = whole.at(-1) ?? '';
    const told = found.candidates.map(
      ({ word, about }) => `${replaced(shell, word, typed)}${about === undefined ? '' : `\t${about}`}\n`,
    );
    cli.stdout([...told, ...(found.shell === null ? [] : [`:${found.shell}\n`])].join(''));
  } catch {
    // No word is the answer.
  }
}

function liveNames(cli: Cli): Live {
  return {
    pools: async (given, replicas) => {
      const status = await statusOf(globalsFor(given), cli).catch(() => null);
      return (status?.pools ?? []).flatMap(({ pool_id, replicas: all }) => [
        pool_id,
        ...(replicas ? all.map(({ replica_id }) => `${pool_id}/${replica_id}`) : []),
      ]);
    },
    planned: async (given) => {
      const file = given.file ?? (cli.env.POOLCTL_FILE || 'pools.yaml');
      return readFile(resolve(cli.cwd, file), 'utf8').then(poolsIn, () => []);
    },
    leases: async (given) => {
      const client = clientOf(cli, globalsFor(given), 'complete');
      const leases = await client.leases(null, AbortSignal.timeout(patienceMs)).catch(() => []);
      return leases.map(({ lease_id }) => lease_id);
    },
  };
}

/** Of a supervisor that runs; else what the last one wrote down, for `logs` and `up` need none. */
async function statusOf(globals: Globals, cli: Cli): Promise<StatusView> {
  const client = clientOf(cli, globals, 'complete');
  return (await lastKnown({ status: () => client.status(AbortSignal.timeout(patienceMs)) }, stateDirFor(cli, globals))).view;
}

/**
 * The pools that an inventory has as people write it, each on a line of its own. It is not read as YAML, which would take longer than Tab may: what is
 * written otherwise is not proposed.
 */
export function poolsIn(text: string): readonly string[] {
  const [, below = ''] = /^pools:[ \t]*(?:#.*)?\r?\n((?:[ \t].*(?:\r?\n|$)|[ \t]*(?:#.*)?\r?\n)*)/m.exec(text) ?? [];
  const [, indent = ''] = /^([ \t]+)[^\s#]/m.exec(below) ?? [];
  const key = new RegExp(`^${indent}([a-z0-9][a-z0-9-]{0,62}):(?=\\s|$)`, 'gm');
  return indent === '' ? [] : [...below.matchAll(key)].map(([, id = '']) => id);
}

function globalsFor(given: Given): Globals {
  return asGlobals(given);
}
