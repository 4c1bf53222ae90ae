/** Reads, judges and tells: what `check`, `up` and `plan` share. */

import { dirname } from 'node:path';
import type { DevicesObservation } from '../core/facts.js';
import { type Loaded, loadInventory } from './load.js';
import type { Problem } from './problem.js';
import { readInventory, type Search } from './read.js';
import { counted, renderProblems } from './render.js';

/** `file` is as the user named it; `devices` what the machine was seen to have, null where it was not looked at. */
export type Examination = Loaded & { readonly file: string; readonly devices: DevicesObservation | null };

export type Machine = {
  readonly devices: () => Promise<DevicesObservation>;
  readonly userExists: (name: string) => Promise<boolean>;
  /** The name that a GGUF file gives its model; null where it gives none that can be used. */
  readonly modelName: (path: string) => Promise<string | null>;
};

/** Never rejects for what stands in a file. Without a machine (`--no-host`) nothing is looked at but the file. */
export async function examine(search: Search, machine: Machine | null): Promise<Examination> {
  const found = await readInventory(search);
  if (!found.ok) return { inventory: null, problems: [found.error], file: found.error.file, devices: null };
  const file = found.value;
  const known = { env: search.env, directory: dirname(file.path), home: search.home };
  if (machine === null) {
    const loaded = loadInventory(file, { ...known, devices: null, knownUser: null, nameInModel: null });
    return { ...loaded, file: file.shown, devices: null };
  }
  const devices = await machine.devices();
  // Users and models are asked about one by one and asynchronously, so the first reading collects their names.
  const users = new Map<string, boolean>();
  const models = new Map<string, string | null>();
  const first = loadInventory(file, {
    ...known,
    devices,
    knownUser: (name) => {
      users.set(name, true);
      return true;
    },
    nameInModel: (path) => {
      models.set(path, null);
      return null;
    },
  });
  for (const name of users.keys()) users.set(name, await machine.userExists(name));
  await Promise.all([...models.keys()].map(async (path) => models.set(path, await machine.modelName(path))));
  const isDone = [...users.values()].every(Boolean) && [...models.values()].every((name) => name === null);
  if (isDone) return { ...first, file: file.shown, devices };
  const knownUser = (name: string): boolean => users.get(name) ?? false;
  const second = loadInventory(file, { ...known, devices, knownUser, nameInModel: (path) => models.get(path) ?? null });
  return { ...second, file: file.shown, devices };
}

export type ReportedProblem = Omit<Problem, 'excerpt'>;

export type CheckReport = {
  readonly exit: 0 | 4;
  readonly text: string;
  readonly json: { readonly ok: boolean; readonly problems: readonly ReportedProblem[] };
};

/** The answer of `check`. */
export function checkReport({ inventory, problems, file }: Omit<Examination, 'devices'>): CheckReport {
  const json = { ok: inventory !== null, problems: problems.map(({ excerpt: _, ...reported }) => reported) };
  if (inventory === null) return { exit: 4, text: renderProblems(problems, file, null), json };
  const replicas = inventory.pools.reduce((sum, { masks }) => sum + masks.length, 0);
  const fine = `${counted(inventory.pools.length, 'pool')}, ${counted(replicas, 'replica')}, no problems in ${file}\n`;
  return { exit: 0, text: problems.length === 0 ? fine : renderProblems(problems, file, null), json };
}

/** What `up` ("Nothing was started.") and `apply` ("Nothing was changed.") say of an inventory that they refuse: the errors. */
export function refusal({ problems, file }: Omit<Examination, 'devices'>, tail: string): string {
  const errors = problems.filter(({ severity }) => severity === 'error');
  return renderProblems(errors, file, tail);
}
