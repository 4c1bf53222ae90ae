/** The checks before a launch, with everything of this machine that they need: the supervisor's, and those of its rehearsal. */

import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Inventory } from '../core/model.js';
import { engineEnvironment } from '../engines/environment.js';
import { adapters } from '../engines/index.js';
import type { Paths } from '../host/paths.js';
import { findProgram } from '../host/programs.js';
import { readOurselves } from '../host/users.js';
import type { Listeners } from '../shell/listener.js';
import { makePreflight, type Preflight } from '../shell/preflight.js';

export type PreflightNeeds = {
  readonly inventory: Inventory;
  readonly paths: Paths;
  readonly uid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly listeners: Listeners;
  /** The demo engine's script; this very Node runs it. */
  readonly demoScript: string;
  /** A directory of ours could not be made, or could again (null). @default nobody is told */
  readonly onStorage?: (what: string, error: string | null) => void;
};

export async function preflightFor({
  inventory,
  paths,
  uid,
  env,
  listeners,
  demoScript,
  onStorage = () => {},
}: PreflightNeeds): Promise<Preflight> {
  const [setpriv, flock, us] = await Promise.all([
    findProgram('setpriv', env.PATH, paths.stateDir),
    findProgram('flock', env.PATH, paths.stateDir),
    readOurselves(),
  ]);
  return makePreflight({
    workDir: paths.workDir,
    sharedDir: join('/var/tmp', `poolctl-${uid}`),
    uid,
    adapters,
    environmentOf: engineEnvironment,
    supervisorEnv: env,
    stateDir: paths.stateDir,
    inventoryDir: dirname(inventory.file),
    demo: { program: process.execPath, script: demoScript },
    us,
    setpriv,
    flock,
    home: homedir(),
    listeners,
    onStorage,
  });
}
