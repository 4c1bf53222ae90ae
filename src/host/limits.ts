/** What this process, and whom it starts, may have of the machine at most. */

import { readFile } from 'node:fs/promises';

/** Null: unlimited, or not told. */
export type Limit = { readonly soft: number | null; readonly hard: number | null };
export type Limits = { readonly openFiles: Limit; readonly processes: Limit; readonly lockedBytes: Limit };

/** Node has raised its own soft limit of open files to the hard one. */
export async function readLimits(): Promise<Limits> {
  return parseLimits(await readFile('/proc/self/limits', 'latin1').catch(() => ''));
}

export function parseLimits(text: string): Limits {
  const limit = (name: string): Limit => {
    const [, soft, hard] = new RegExp(`^${name}\\s+(\\S+)\\s+(\\S+)`, 'm').exec(text) ?? [];
    return { soft: count(soft), hard: count(hard) };
  };
  return { openFiles: limit('Max open files'), processes: limit('Max processes'), lockedBytes: limit('Max locked memory') };
}

function count(text: string | undefined): number | null {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}
