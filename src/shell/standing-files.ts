/**
 * Small files that say how things are now: who serves, and under which number. Written and removed at once, since they are a few hundred bytes and
 * what is told after them is then true by order. What did not work is kept in mind, and so is what ought to lie there.
 */

import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export type StandingFiles = {
  /** Readers see the old file or the whole new one (0600). Never throws. */
  write(path: string, text: string): void;
  /** Never throws. */
  remove(path: string): void;
  /** Tries again what has failed, and writes again what somebody took away. Never throws. */
  mend(): void;
};

/** `onStorage` hears after each attempt why a file could not be written or removed, or null. */
export function standingFiles(onStorage: (path: string, error: string | null) => void): StandingFiles {
  /** What is to lie there; null where the file has to go and did not. */
  const wanted = new Map<string, string | null>();
  const failed = new Set<string>();

  function attempt(path: string, verb: 'write' | 'remove', deed: () => void): boolean {
    try {
      deed();
      failed.delete(path);
      onStorage(path, null);
      return true;
    } catch (error) {
      failed.add(path);
      onStorage(path, `cannot ${verb} "${path}": ${(error as Error).message}`);
      return false;
    }
  }

  function write(path: string, text: string): void {
    wanted.set(path, text);
    attempt(path, 'write', () => writeWhole(path, text));
  }

  function remove(path: string): void {
    wanted.set(path, null);
    if (attempt(path, 'remove', () => removeIfThere(path))) wanted.delete(path);
  }

  return {
    write,
    remove,
    mend() {
      for (const [path, text] of [...wanted]) {
        if (text === null) remove(path);
        else if (failed.has(path) || !existsSync(path)) write(path, text);
      }
    },
  };
}

/** Where its directory has become a file, it is gone as well. */
function removeIfThere(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTDIR') throw error;
  }
}

function writeWhole(path: string, text: string): void {
  const temporary = `${path}.tmp`;
  try {
    writeFileSync(temporary, text, { mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(temporary, text, { mode: 0o600 });
  }
  renameSync(temporary, path);
}
