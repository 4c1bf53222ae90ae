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

/**
 * Node's writes to a terminal wait until it has taken them: a Ctrl-S, or a connection that hangs, would stop all that the process does. From now on they wait
 * in memory.
 */
export function neverWait(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  const { _handle: handle } = stream as { readonly _handle?: { setBlocking?(blocking: boolean): unknown } };
  if (stream.isTTY) handle?.setBlocking?.(false);
  return stream;
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
