/** This process and what ships beside it, as the supervisor and its rehearsal need them. */

import { fileURLToPath } from 'node:url';
import type { Cli } from './cli.js';

export function machineOf({ env }: Cli) {
  return {
    pid: process.pid,
    uid: process.getuid?.() ?? 0,
    // A copy: what is read for every launch is not asked of the C library each time.
    env: { ...env },
    demoScript: shipped('demo/engine.js'),
    treeKillScript: shipped('helpers/tree-kill.js'),
  };
}

/** As the bundle lies, with this in dist/chunks. */
function shipped(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}
