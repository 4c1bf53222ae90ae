import type { Command } from 'commander';
import type { StatusView } from '../src/api/wire.js';
import type { Check } from '../src/checkup/check.js';
import { doctor as lookAt } from '../src/doctor.js';
import { PoolctlError } from '../src/errors.js';
import { createGpuReader } from '../src/host/gpus.js';
import { lookUpUser } from '../src/host/users.js';
import { examine } from '../src/inventory/report.js';
import { modelName } from '../src/models/model-name.js';
import { palette } from '../src/text/colour.js';
import { type Column, table } from '../src/text/table.js';
import { harmless } from '../src/text/width.js';
import { clientOf } from './ask/supervisor.js';
import { type Cli, type Globals, globalsOf } from './cli.js';
import { machineOf } from './machine.js';

export function doctor(program: Command, cli: Cli): void {
  program
    .command('doctor')
    .description('is the machine right? GPUs, limits, leftovers, ports, directories, engines; exit 3 when something is not')
    .action(async (_: unknown, command: Command) => {
      const globals = globalsOf(command);
      const checks = await lookAround(globals, cli);
      if (globals.json) cli.stdout(`${JSON.stringify({ checks })}\n`);
      else await print(checks, globals, cli);
      if (checks.some(({ ok }) => !ok)) cli.exit(3);
    });
}

async function lookAround(globals: Globals, cli: Cli): Promise<readonly Check[]> {
  const { env, cwd, home, version } = cli;
  const devices = await createGpuReader({ env, now: () => performance.now() }).read();
  const machine = {
    devices: async () => devices,
    modelName: (path: string) => modelName(path),
    userExists: async (name: string) => (await lookUpUser(name)) !== null,
  };
  const { file, inventory, problems } = await examine({ named: globals.file, env, cwd, home }, machine);
  const errors = problems.filter(({ severity }) => severity === 'error');
  // An inventory that somebody named and that is not there is an error, and none at all a beginning.
  const found = globals.file !== undefined || errors.every(({ code }) => code !== 'FILE_NOT_FOUND');
  const { pid, uid } = machineOf(cli);
  const pools = inventory?.pools.length ?? 0;
  return lookAt({
    ...{ version, env, cwd, home, uid, pid, devices, named: globals },
    inventory: { file, found, pools, errors: errors.length, value: inventory },
    status: await statusOf(globals, cli),
  });
}

/** A supervisor that is another user's answers nobody but him. A path that no socket can have is told as what it is, by a check. */
async function statusOf(globals: Globals, cli: Cli): Promise<StatusView | 'foreign' | null> {
  try {
    return await clientOf(cli, globals, 'ask the supervisor').status(AbortSignal.timeout(patienceMs));
  } catch (error) {
    return error instanceof PoolctlError && error.code === 'NO_SUPERVISOR' && /not ours to use/.test(error.message)
      ? 'foreign'
      : null;
  }
}

const patienceMs = 5_000;

const columns: readonly Column[] = [
  { head: 'CHECK', align: 'left' },
  { head: 'OK', align: 'left', min: 3 },
  { head: 'DETAIL', align: 'left' },
];

async function print(checks: readonly Check[], { quiet, color }: Globals, cli: Cli): Promise<void> {
  const colours = await palette(color, cli.env, cli.out);
  const rows = checks.map(({ name, ok, detail }) => [name, ok ? 'yes' : 'no', detail]);
  const lines = table(columns, rows, cli.out.isTTY ? (cli.out.columns ?? 80) : null, (cell, column, row) => {
    if (row === -1) return colours.faint(cell);
    return column === 1 && checks[row]?.ok === false ? colours.bad(cell) : cell;
  });
  cli.stdout(`${lines.join('\n')}\n`);
  const wrong = checks.filter(({ ok }) => !ok);
  for (const { name, hint } of quiet ? [] : checks.filter(({ ok, hint }) => !ok && hint !== null))
    cli.stderr(`${name}: try ${harmless(hint ?? '')}\n`);
  if (!quiet)
    cli.stderr(
      wrong.length === 0 ? `all ${checks.length} checks are well\n` : `${wrong.length} of ${checks.length} checks are not well\n`,
    );
}
