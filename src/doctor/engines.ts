/** The programs that the inventory's pools run; without an inventory those that would be looked for. */

import type { EngineFacts } from '../checkup/supervision.js';
import type { Inventory, PoolSpec } from '../core/model.js';
import { adapters } from '../engines/index.js';
import type { Env } from '../host/paths.js';
import { findProgram } from '../host/programs.js';
import { runProgram } from '../host/run.js';
import { accessError } from '../host/users.js';

type World = { readonly env: Env; readonly cwd: string };

export async function readEngines(inventory: Inventory | null, world: World): Promise<readonly EngineFacts[]> {
  if (inventory === null) {
    const found = await Promise.all(
      (['llamacpp', 'vllm'] as const).map((engine) =>
        look({ engine, name: adapters[engine].defaultBinary ?? '', pools: [], cwd: world.cwd }, world),
      ),
    );
    return found.filter(({ flaw }) => flaw !== notThere);
  }
  const wanted = new Map<
    string,
    { readonly engine: PoolSpec['engine']; readonly name: string; readonly pools: string[]; readonly cwd: string }
  >();
  for (const spec of inventory.pools) {
    const name = nameOf(spec);
    // What is filled in at the launch only the launch can find.
    if (name === null || name.includes('${')) continue;
    const same = wanted.get(`${spec.engine} ${name}`) ?? { engine: spec.engine, name, pools: [], cwd: spec.workdir ?? world.cwd };
    same.pools.push(spec.poolId);
    wanted.set(`${spec.engine} ${name}`, same);
  }
  return Promise.all([...wanted.values()].map((each) => look(each, world)));
}

const notThere = 'it is not on PATH';

/** Null for the engine that ships. */
function nameOf({ engine, binary, command }: PoolSpec): string | null {
  return binary ?? command?.[0] ?? adapters[engine].defaultBinary;
}

async function look(
  {
    engine,
    name,
    pools,
    cwd,
  }: { readonly engine: PoolSpec['engine']; readonly name: string; readonly pools: readonly string[]; readonly cwd: string },
  { env }: World,
): Promise<EngineFacts> {
  const nothing = { pools, program: name, version: null };
  const path = await findProgram(name, env.PATH, cwd);
  if (path === null) return { ...nothing, flaw: notThere };
  const closed = await accessError(path, 'execute', 'self');
  if (closed !== null) return { ...nothing, flaw: closed.phrase };
  const { versionCommand } = adapters[engine];
  if (versionCommand === null) return { ...nothing, flaw: null };
  const asked = await runProgram(path, versionCommand.args, { timeoutMs: 10_000 });
  if (!asked.ok) return { ...nothing, flaw: asked.error };
  const { code, stdout, stderr } = asked.value;
  const text = `${stdout}\n${stderr}`;
  if (code === 0) return { ...nothing, version: versionCommand.read(text), flaw: null };
  return { ...nothing, flaw: `it ends with status ${code}: ${text.trim().split('\n').at(-1)}` };
}
