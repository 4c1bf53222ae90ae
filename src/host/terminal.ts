/** Whether the terminal that a process began on is still there. */

import { closeSync, openSync } from 'node:fs';

/** Call at the start; what it returns is asked later. Without a terminal at the start none can be lost. */
export function watchTerminal(): () => boolean {
  const had = hasTerminal();
  return () => had && !hasTerminal();
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
