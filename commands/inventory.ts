/** How commands read the inventory: where it is looked for, what the machine has, and what is wrong with it. */

import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { createGpuReader } from '../src/host/gpus.js';
import { type Loaded, loadInventory } from '../src/inventory/load.js';
import { problemOfFile } from '../src/inventory/problem.js';
import type { Cli } from './cli.js';

export type Read = Loaded & { readonly shownFile: string };

/** `--file`, `$POOLCTL_FILE`, `./pools.yaml`, `$XDG_CONFIG_HOME/poolctl/pools.yaml`. Looks at the machine unless `noHost`. */
export async function readInventory({ env, cwd, home }: Cli, named: string | undefined, noHost: boolean): Promise<Read> {
  const config = join(env.XDG_CONFIG_HOME ?? join(home, '.config'), 'poolctl', 'pools.yaml');
  const said = named ?? env.POOLCTL_FILE;
  const candidates = said === undefined ? ['pools.yaml', config] : [said];
  for (const shownFile of candidates) {
    const file = resolve(cwd, shownFile);
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => error);
    if (typeof text === 'string') {
      const devices = noHost ? null : await createGpuReader({ env, now: () => performance.now() }).read();
      return {
        shownFile,
        ...loadInventory({ shownFile, file, text, devices, env, knownUser: null, directory: dirname(file), home }),
      };
    }
    if (said !== undefined || text.code !== 'ENOENT') return { shownFile, ...unreadable(shownFile, text) };
  }
  return {
    shownFile: 'pools.yaml',
    inventory: null,
    problems: [
      problemOfFile(
        'pools.yaml',
        `cannot find an inventory: neither ./pools.yaml nor ${config} is there`,
        'name one with --file',
      ),
    ],
  };
}

function unreadable(shownFile: string, { code, message }: NodeJS.ErrnoException): Loaded {
  const why = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'no permission to read it' : message;
  return { inventory: null, problems: [problemOfFile(shownFile, `cannot read the inventory: ${why}`, null)] };
}
