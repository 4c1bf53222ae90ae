/** The status of a supervisor that runs, or what the last one wrote down. */

import { readFile } from 'node:fs/promises';
import type { Client } from '../../src/api/client.js';
import type { StatusView } from '../../src/api/wire.js';
import { PoolctlError } from '../../src/errors.js';
import { registryFile } from '../../src/host/paths.js';

/** Without a supervisor: the last known state, marked stale. @throws PoolctlError NO_SUPERVISOR where there is none of that either. */
export async function lastKnown(client: Pick<Client, 'status'>, stateDir: string): Promise<StatusView> {
  try {
    return await client.status();
  } catch (error) {
    if (!(error instanceof PoolctlError && error.code === 'NO_SUPERVISOR')) throw error;
    const last = await readFile(registryFile(stateDir), 'utf8').then(statusIn, () => null);
    if (last === null) throw error;
    return { ...last, stale: true };
  }
}

/** What a registry says of the state; null where it says nothing. */
export function statusIn(registry: string): StatusView | null {
  try {
    return (JSON.parse(registry) as { readonly status?: StatusView } | null)?.status ?? null;
  } catch {
    return null;
  }
}
