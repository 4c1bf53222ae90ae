/** `<state>/run/<pool>.<replica>.pid`: a number and a newline, there only while the process is. */

import { rmSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export type PidFiles = {
  /** Resolves when it is on disk. A failure is told to `onFailure` and rejects nothing: an engine runs without its pid file. */
  write(path: string, pid: number): Promise<void>;
  remove(path: string): Promise<void>;
};

/** Writes and removals of one file happen in the order that they were asked for, so a late removal never takes a successor's file. */
export function makePidFiles(onFailure: (text: string) => void): PidFiles {
  const underWay = new Map<string, Promise<void>>();

  const tell = (path: string, error: Error): void => onFailure(`cannot keep the pid file "${path}": ${error.message}`);

  function after(path: string, deed: () => Promise<void>): Promise<void> {
    const done: Promise<void> = (underWay.get(path) ?? Promise.resolve())
      .then(deed)
      .catch((error: Error) => tell(path, error))
      .then(() => {
        if (underWay.get(path) === done) underWay.delete(path);
      });
    underWay.set(path, done);
    return done;
  }

  return {
    write: (path, pid) => after(path, () => writeInDir(path, `${pid}\n`)),
    remove(path) {
      if (underWay.has(path)) return after(path, () => rm(path, { force: true }));
      // At once: whoever is told of the exit finds no file that says otherwise.
      try {
        rmSync(path, { force: true });
      } catch (error) {
        tell(path, error as Error);
      }
      return Promise.resolve();
    },
  };
}

/** Removes the files that a supervisor left when it was killed. */
export async function removePidFiles(runDir: string): Promise<void> {
  const names = await readdir(runDir).catch(() => []);
  await Promise.all(names.filter((name) => name.endsWith('.pid')).map((name) => rm(join(runDir, name), { force: true })));
}

async function writeInDir(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(path, text, { mode: 0o600 });
  }
}
