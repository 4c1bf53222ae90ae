/** A log and what was rotated out of it. */

import { access } from 'node:fs/promises';

/** The log first, whether it is there or not; behind it `.1`, `.2` … as far as they go, so that the newest comes first. */
export async function withRotated(log: string): Promise<readonly string[]> {
  const files = [log];
  for (let n = 1; await exists(`${log}.${n}`); n += 1) files.push(`${log}.${n}`);
  return files;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
