/** How commands look at the inventory, and at the machine that it is for. */

import { createGpuReader } from '../src/host/gpus.js';
import { lookUpUser } from '../src/host/users.js';
import { type Examination, examine } from '../src/inventory/report.js';
import type { Cli } from './cli.js';

/** `noHost`: nothing is looked at but the file. */
export function readInventory({ env, cwd, home }: Cli, named: string | undefined, noHost: boolean): Promise<Examination> {
  const machine = {
    devices: () => createGpuReader({ env, now: () => performance.now() }).read(),
    userExists: async (name: string) => (await lookUpUser(name)) !== null,
  };
  return examine({ named, env, cwd, home }, noHost ? null : machine);
}
