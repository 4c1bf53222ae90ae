/** A file of the user's, written whole or not at all. */

import { constants } from 'node:fs';
import { copyFile, link, open, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Writes it beside its place and puts it there in one step: nobody ever reads half of it. 'there': something has the name already, and is left as it
 * is. With `over` it is replaced; of a link what it leads to. Rejects where it cannot be written, and then leaves nothing behind.
 */
export async function writeWhole(path: string, text: string, { over = false } = {}): Promise<'written' | 'there'> {
  const place = over ? await realpath(path).catch(() => path) : path;
  const temporary = join(dirname(place), `.${basename(place)}.${process.pid}.new`);
  const file = await open(temporary, 'wx', 0o644);
  try {
    await file.writeFile(text).finally(() => file.close());
    if (over) await rename(temporary, place);
    else await put(temporary, place);
    return 'written';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return 'there';
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Unlike a rename this fails where the name is taken, be it since a moment ago. Some file systems know no links: there it is not done in one step. */
function put(temporary: string, place: string): Promise<void> {
  return link(temporary, place).catch((error: NodeJS.ErrnoException) => {
    if (error.code === undefined || !linkless.has(error.code)) throw error;
    return copyFile(temporary, place, constants.COPYFILE_EXCL);
  });
}

const linkless: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);
