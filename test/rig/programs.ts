/** Programs of a few lines on a PATH of their own. */

import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Makes `dir` a PATH with the helpers that poolctl and these scripts run, and nothing else of this machine: no GPU's tool, and no engine. */
export function bareMachine(dir: string): string {
  mkdirSync(dir, { recursive: true });
  const places = (process.env.PATH ?? '').split(':');
  for (const name of ['setpriv', 'flock', 'ps', 'grep', 'sleep', 'sh', 'stty']) {
    const path = places.map((place) => join(place, name)).find((each) => existsSync(each));
    if (path !== undefined) symlinkSync(path, join(dir, name));
  }
  return dir;
}

/** A shell script of that name in `dir`, which is made. */
export function script(dir: string, name: string, body: string): string {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, name);
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** Tells its version and the GPUs that it sees, as llama-server does; it serves nothing. */
export function fakeLlamaServer(dir: string, sees: readonly string[] = []): string {
  const list = ['Available devices:', ...sees.map((name) => `  ${name}: a GPU (24576 MiB, 24000 MiB free)`)].join('\\n');
  return script(
    dir,
    'llama-server',
    `case "$1" in
  --version) echo 'version: 6710 (c392e509)' >&2 ;;
  --list-devices) printf '${list}\\n' ;;
  *) exit 3 ;;
esac`,
  );
}
