/** Programs by name: looked up as execvp does, so that what will be executed is known before anything is forked. */

import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';

/**
 * The absolute path of a program: of the first executable file of that name on `searchPath`, or, for a name with a slash, of that file under `cwd`
 * whether or not it is there. Null when the search finds none.
 */
export async function findProgram(name: string, searchPath: string | undefined, cwd: string): Promise<string | null> {
  if (name.includes('/')) return isAbsolute(name) ? name : resolve(cwd, name);
  for (const dir of (searchPath ?? defaultPath).split(':')) {
    const candidate = join(dir === '' ? cwd : resolve(cwd, dir), name);
    if (await isProgram(candidate)) return candidate;
  }
  return null;
}

/** What execvp uses when there is no PATH. */
const defaultPath = '/usr/local/bin:/bin:/usr/bin';

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
