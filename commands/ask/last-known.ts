/** The status of a supervisor that runs, or what the last one wrote down. */

import { readFile } from 'node:fs/promises';
import type { Client } from '../../src/api/client.js';
import { NoAnswer } from '../../src/api/connection.js';
import type { StatusView } from '../../src/api/wire.js';
import { PoolctlError } from '../../src/errors.js';
import { registryFile } from '../../src/host/paths.js';

export type Known = {
  /** The last known state, marked stale, where there is no answer. */
  readonly view: StatusView;
  /** There is a supervisor, and it does not answer. */
  readonly silent: boolean;
};

/** @throws PoolctlError NO_SUPERVISOR without a supervisor, or its answer, and without anything that was written down. */
export async function lastKnown(client: Pick<Client, 'status'>, stateDir: string): Promise<Known> {
  try {
    return { view: await client.status(), silent: false };
  } catch (error) {
    if (!(error instanceof PoolctlError && error.code === 'NO_SUPERVISOR')) throw error;
    const last = await readFile(registryFile(stateDir), 'utf8').then(statusIn, () => null);
    if (last === null) throw error;
    return { view: { ...last, stale: true }, silent: error instanceof NoAnswer };
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
