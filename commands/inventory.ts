/** How commands look at the inventory, and at the machine that it is for. */

import { PoolctlError } from '../src/errors.js';
import { createGpuReader } from '../src/host/gpus.js';
import { lookUpUser } from '../src/host/users.js';
import { checkReport, type Examination, examine, refusal } from '../src/inventory/report.js';
import { modelName } from '../src/models/model-name.js';
import { suggest } from '../src/text/suggest.js';
import type { Cli, Globals } from './cli.js';
import { errorDocument } from './render/error.js';

/** `noHost`: nothing is looked at but the file. */
/** `shown`: what the file is called in what is told of it, where that is not how it is named here. */
export function readInventory(
  { env, cwd, home }: Cli,
  named: string | undefined,
  noHost: boolean,
  shown?: string,
): Promise<Examination> {
  const machine = {
    devices: () => createGpuReader({ env, now: () => performance.now() }).read(),
    modelName: (path: string) => modelName(path),
    userExists: async (name: string) => (await lookUpUser(name)) !== null,
  };
  return examine({ named, env, cwd, home, ...(shown === undefined ? {} : { shown }) }, noHost ? null : machine);
}

export type Usable = {
  readonly inventory: NonNullable<Examination['inventory']>;
  readonly devices: NonNullable<Examination['devices']>;
  /** As the user named it. */
  readonly file: string;
};

function refusalDocument(examined: Examination, verb: string): object {
  const { problems } = checkReport(examined).json;
  const [first] = problems.filter(({ severity }) => severity === 'error');
  const message = `cannot ${verb === 'up' ? 'start' : verb}: ${examined.file}: ${first?.message ?? 'it has errors'}`;
  return { ...errorDocument(new PoolctlError('INVENTORY_INVALID', message, { hint: 'poolctl check' })), problems };
}

/**
 * The inventory to begin with, and the devices that it was held against; null when it has errors, which are told then, and the exit status is set.
 * `verb` is what was typed. @throws PoolctlError POOL_NOT_FOUND where one of `pools` is not in it.
 */
export async function usableInventory(
  cli: Cli,
  { file, json }: Globals,
  pools: readonly string[],
  verb: string,
): Promise<Usable | null> {
  const examined = await readInventory(cli, file, false);
  const { inventory, devices } = examined;
  if (inventory === null || devices === null) {
    cli.stderr(refusal(examined, 'Nothing was started.'));
    if (json) cli.stdout(`${JSON.stringify(refusalDocument(examined, verb))}\n`);
    cli.exit(4);
    return null;
  }
  const known = inventory.pools.map(({ poolId }) => poolId);
  const unknown = pools.find((name) => !known.includes(name));
  if (unknown === undefined) return { inventory, devices, file: examined.file };
  throw new PoolctlError('POOL_NOT_FOUND', `cannot ${verb === 'up' ? 'start' : verb} "${unknown}": there is no such pool`, {
    hint:
      known.length === 0
        ? 'add it to the inventory'
        : `poolctl ${verb} ${suggest(unknown, known) ?? known[0]}        (pools: ${known.join(', ')})`,
  });
}
