/** A log and what was rotated out of it. */

import { readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

/**
 * The log first, whether it is there or not; behind it its older files, `.1`, `.2` …, so that the newest comes first. One that is missing hides no
 * other.
 */
export async function withRotated(log: string): Promise<readonly string[]> {
  const names = await readdir(dirname(log)).catch(() => []);
  return [log, ...olderNumbers(log, names).map((n) => `${log}.${n}`)];
}

/** The numbers of its older files among the names of its directory, rising. */
export function olderNumbers(log: string, names: readonly string[]): readonly number[] {
  const start = `${basename(log)}.`;
  return names
    .filter((name) => name.startsWith(start) && /^[1-9]\d{0,8}$/.test(name.slice(start.length)))
    .map((name) => Number(name.slice(start.length)))
    .sort((a, b) => a - b);
}
