/** Whether anything was made, renamed or removed in directories, told by one stat each: what lies in them need not be looked at while nothing was. */

import { statSync } from 'node:fs';

/**
 * Answers, of these directories, whether nobody has touched them since the call before the last one, and that was asked of the same ones. By then
 * the clock of their file system has gone on: what was done in the same tick as one look is not hidden from the next. To be called seconds apart.
 */
export function makeUntouched(): (directories: readonly string[]) => boolean {
  let last: string | null = null;
  let twice = false;
  return (directories) => {
    const seen = directories.map(stamp).join();
    const again = seen === last;
    const untouched = again && twice;
    twice = again;
    last = seen;
    return untouched;
  };
}

function stamp(directory: string): string {
  try {
    const found = statSync(directory, { throwIfNoEntry: false });
    return found === undefined ? 'gone' : `${found.dev}:${found.ino}:${found.mtimeMs}`;
  } catch (error) {
    return `${(error as NodeJS.ErrnoException).code}`;
  }
}
