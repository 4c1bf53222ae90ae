/** What exactly would be executed for a launch: program, arguments, environment, directory. Looks programs up, and changes nothing. */

import type { Launch } from '../core/messages.js';
import type { EngineAdapter, Resolved } from '../engines/adapter.js';
import { partsOf } from '../host/paths.js';
import { findProgram } from '../host/programs.js';
import type { EngineUser } from '../host/users.js';
import { defaultWorkdir, type WorkPlace } from './workdir.js';

export type DraftWorld = WorkPlace & {
  readonly adapters: Readonly<Record<Launch['spec']['engine'], EngineAdapter>>;
  readonly environmentOf: (launch: Launch, supervisorEnv: Env, resolved: Resolved) => Readonly<Record<string, string>>;
  readonly supervisorEnv: Env;
  readonly stateDir: string;
  readonly inventoryDir: string;
  /** What runs the engine that ships with poolctl, and its script. */
  readonly demo: { readonly program: string; readonly script: string };
};

type Env = Readonly<Record<string, string | undefined>>;

export type Draft = {
  readonly resolved: Resolved;
  /** The program first: absolute, or as it was named where it was not found. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** The name that was searched for in vain; null when there is a path, be it of a file or not. */
  readonly missing: string | null;
};

/** `model`: its local path, or the reference where the engine takes that. */
export async function draftLaunch(
  launch: Launch,
  model: string | null,
  user: EngineUser | null,
  world: DraftWorld,
): Promise<Draft> {
  const { spec } = launch;
  const adapter = world.adapters[spec.engine];
  const ships = spec.engine === 'demo' && spec.binary === null;
  const base: Resolved = {
    program: null,
    model,
    stateDir: world.stateDir,
    inventoryDir: world.inventoryDir,
    ...(ships ? { demoScript: world.demo.script } : {}),
  };
  const { poolId, replicaId } = partsOf(launch.key);
  const cwd = spec.workdir ?? defaultWorkdir(world, poolId, replicaId, user);
  const env = world.environmentOf(launch, world.supervisorEnv, base);
  const name = ships ? world.demo.program : (spec.binary ?? adapter.defaultBinary ?? adapter.argv(launch, base)[0] ?? '');
  const found = await findProgram(name, env.PATH, cwd);
  const resolved = { ...base, program: found ?? name };
  return { resolved, argv: adapter.argv(launch, resolved), env, cwd, missing: found === null ? name : null };
}
