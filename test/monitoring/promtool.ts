/** Prometheus's own checker, where the machine has it. */

import { spawnSync } from 'node:child_process';

export type Checked = { readonly status: number | null; readonly said: string };

/** Null where there is none: then what needs it is skipped, and the title says so at the end of `npm test`. */
export const promtool = spawnSync('promtool', ['--version']).error === undefined ? runPromtool : null;

export const unlessThere = promtool === null ? 'NOT CHECKED, promtool is not installed (Debian: prometheus)' : 'promtool';

function runPromtool(args: readonly string[], input = ''): Checked {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' });
  return { status, said: `${stdout}${stderr}` };
}
