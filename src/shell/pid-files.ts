/** `<state>/run/<pool>.<replica>.pid`: a number and a newline, there only while the process is. */

import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

export function pidText(pid: number): string {
  return `${pid}\n`;
}

/** Removes the files that a supervisor left when it was killed. */
export async function removePidFiles(runDir: string): Promise<void> {
  const names = await readdir(runDir).catch(() => []);
  await Promise.all(names.filter((name) => /\.pid(\.tmp)?$/.test(name)).map((name) => rm(join(runDir, name), { force: true })));
}
