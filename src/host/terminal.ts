/** Whether the terminal that a process began on is still there, and whom its keys reach. */

import { closeSync, openSync, readFileSync } from 'node:fs';

/** Call at the start; what it returns is asked later. Without a terminal at the start none can be lost. */
export function watchTerminal(): () => boolean {
  const had = hasTerminal();
  return () => had && !hasTerminal();
}

/** Whether the terminal's signals, as of Ctrl-C, come to us and to whom we start: our process group is the one in its foreground. */
export function inForeground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return group !== undefined && group === foreground;
  } catch {
    return false;
  }
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
