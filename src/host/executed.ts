/** What a process was executed as, as the kernel shows it to its owner. */

import { readFile } from 'node:fs/promises';

export type Executed = {
  readonly argv: readonly string[] /** `NAME=value` of the variables that were asked for. */;
  readonly env: readonly string[];
};

/** Null where it is gone, or not ours to look at. Of the environment nothing but these variables is read out. */
export async function executedAs(pid: number, variables: readonly string[], procRoot = '/proc'): Promise<Executed | null> {
  const read = (name: string): Promise<string | null> => readFile(`${procRoot}/${pid}/${name}`, 'utf8').catch(() => null);
  const [cmdline, environ] = await Promise.all([read('cmdline'), read('environ')]);
  if (cmdline === null || cmdline === '') return null;
  const entries = (environ ?? '').split('\0');
  return {
    argv: cmdline.replace(/\0$/, '').split('\0'),
    env: variables.flatMap((name) => entries.find((entry) => entry.startsWith(`${name}=`)) ?? []),
  };
}
