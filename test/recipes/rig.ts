/** A directory with a `poolctl` on its PATH, as the recipes expect it. */

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { program, Rig } from '../rig/poolctl.js';

export const recipe = (name: string): string => fileURLToPath(new URL(`../../recipes/${name}`, import.meta.url));

export function rigWithProgram(inventory: string): Rig {
  const rig = new Rig();
  const bin = join(rig.dir, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'poolctl'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
  writeFileSync(join(bin, 'node'), `#!/bin/sh\nexec '${process.execPath}' "$@"\n`);
  for (const name of ['poolctl', 'node']) chmodSync(join(bin, name), 0o755);
  rig.env.PATH = `${bin}:${process.env.PATH}`;
  rig.inventory(inventory);
  return rig;
}
