/** A cgroup that may have none below it: a supervisor in it holds its engines together by their process groups, as where nothing is delegated to it. */

import { mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Null where none can be made: then nothing is delegated to us either.
 * @returns {{ within: string[], remove: () => void } | null} `within`: the words before a command that is to run in it
 */
export function childlessCgroup() {
  const [, path] = /^0::(\/.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8')) ?? [];
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').matchAll(/^\S+ \S+ \S+ \/ (\S+) .* - cgroup2 /gm);
  for (const [, mount] of path === undefined ? [] : mounts) {
    try {
      const dir = mkdtempSync(join(mount, path, 'poolctl-bench-'));
      writeFileSync(join(dir, 'cgroup.max.descendants'), '0');
      return {
        within: ['/bin/sh', '-c', 'echo 0 >"$0" && exec "$@"', join(dir, 'cgroup.procs')],
        remove: () => rmdirSync(dir),
      };
    } catch {
      // Read-only, or somebody else's.
    }
  }
  return null;
}
