import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Client } from '../src/api/client.js';
import type { ApplyView, OperationView } from '../src/api/wire.js';
import { exitStatus, PoolctlError } from '../src/errors.js';
import { refusal } from '../src/inventory/report.js';
import { watchDrains } from './ask/drains.js';
import { untilEnded } from './ask/operation.js';
import { replicasOf } from './ask/selectors.js';
import { clientOf } from './ask/supervisor.js';
import { type Cli, type Globals, globalsOf } from './cli.js';
import { readInventory } from './inventory.js';
import { appliedText, planLines } from './render/apply.js';
import { errorDocument, errorText } from './render/error.js';

export function apply(program: Command, cli: Cli): void {
  program
    .command('apply')
    .description('read pools.yaml anew, and carry out what has changed in it')
    .option('--dry-run', 'only say what that would change')
    .action(async ({ dryRun = false }: { dryRun?: boolean }, command: Command) => {
      const globals = globalsOf(command);
      const client = clientOf(cli, globals, 'apply the inventory');
      const { inventory: file } = (await client.status()).supervisor;
      if (globals.file !== undefined && resolve(cli.cwd, globals.file) !== file) throw otherFile(globals.file, file);
      const interrupted = cli.interruption();
      const view = await client.apply(dryRun).catch(async (error: unknown) => {
        if (!(error instanceof PoolctlError) || error.code !== 'INVENTORY_INVALID') throw error;
        await refused(error, file, globals, cli);
        return null;
      });
      if (view === null) return;
      if (!globals.json && !globals.quiet) cli.stdout(planLines(view));
      if (!globals.json) for (const note of view.notes ?? []) cli.stderr(`note: ${note}\n`);
      const operation = await ended(client, view, interrupted, globals, cli);
      if (interrupted.aborted) {
        cli.stderr('stopped waiting; the apply goes on. Follow it: poolctl status\n');
        return cli.exit(130);
      }
      if (globals.json) cli.stdout(`${JSON.stringify(operation === null ? view : { ...view, operation })}\n`);
      if (operation?.error !== undefined) return failed(operation, globals.verbose, cli);
      if (globals.json || globals.quiet) return;
      if (operation === null) return cli.stdout('Nothing was changed.\n');
      cli.stdout(appliedText(operation, await awaited(client, view)));
    });
}

function otherFile(named: string, file: string): PoolctlError {
  return new PoolctlError('USAGE', `cannot apply "${named}": the supervisor has another file`, {
    why: `it was started with ${file}, and reads that again`,
    hint: 'change that one; or poolctl down, and poolctl up with the other',
  });
}

/** Null where there is nothing to wait for. */
async function ended(
  client: Client,
  { operation_id, plan }: ApplyView,
  interrupted: AbortSignal,
  globals: Globals,
  cli: Cli,
): Promise<OperationView | null> {
  if (operation_id === undefined) return null;
  const begun = await client.operation(operation_id, 0);
  if (begun.state !== 'running') return begun;
  const drained = plan.filter(({ action }) => action === 'restart' || action === 'stop');
  const targets = drained.map(({ pool_id }) => ({ poolId: pool_id, replicaId: null }));
  const drains = await watchDrains(client, targets, interrupted, globals, cli);
  return untilEnded(client, begun, () => Number.POSITIVE_INFINITY, interrupted).finally(() => drains.close());
}

/** Whoever is new is not waited for: the operation is about what ran before. None where the supervisor has gone meanwhile: it was applied all the same. */
async function awaited(client: Client, { plan }: ApplyView): Promise<readonly string[]> {
  const touched = plan.filter(({ action }) => action === 'start' || action === 'restart');
  const targets = touched.map(({ pool_id }) => ({ poolId: pool_id, replicaId: null }));
  if (targets.length === 0) return [];
  const view = await client.status().catch((error: unknown) => {
    if (error instanceof PoolctlError) return null;
    throw error;
  });
  if (view === null) return [];
  return replicasOf(view, targets)
    .filter(({ replica }) => replica.goal === 'up' && !replica.ready)
    .map(({ pool, replica }) => `${pool.pool_id}/${replica.replica_id}`);
}

function failed({ outcome, error }: OperationView, verbose: boolean, cli: Cli): void {
  if (error === undefined) return;
  const { code, message, why, hint } = error;
  const told = new PoolctlError(code as 'RELOAD_FAILED', message, {
    ...(why === undefined ? {} : { why }),
    ...(hint === undefined ? {} : { hint }),
    ...(outcome === 'rollback_failed' ? { exit: 1 } : {}),
  });
  cli.stderr(errorText(told, verbose));
  cli.exit(exitStatus(told));
}

type Reported = {
  readonly severity: string;
  readonly line: number | null;
  readonly column: number | null;
  readonly code: string;
};

/**
 * The same errors as `check` shows them, with the lines from the file itself. The supervisor has other eyes than this command, its own environment and
 * devices: where it finds other errors, they are told as it tells them.
 */
async function refused(error: PoolctlError, file: string, { json, verbose }: Globals, cli: Cli): Promise<void> {
  cli.exit(4);
  const { problems = [] } = (error.more.beside ?? {}) as { readonly problems?: readonly Reported[] };
  if (json) {
    cli.stdout(`${JSON.stringify({ ...errorDocument(error), problems })}\n`);
    return;
  }
  const shown = file.startsWith(`${cli.cwd}/`) ? file.slice(cli.cwd.length + 1) : file;
  const here = await readInventory(cli, file, false, shown);
  const told = problems.map((problem) => ({ ...problem, file: shown }));
  const own = here.problems.map(placeOf);
  const excerptOf = (problem: Reported) => here.problems[own.indexOf(placeOf(problem))]?.excerpt ?? null;
  const errors = told.map((problem) => ({ ...problem, excerpt: excerptOf(problem) })) as unknown as typeof here.problems;
  cli.stderr(
    errors.length === 0
      ? `${errorText(error, verbose)}Nothing was changed.\n`
      : refusal({ inventory: null, file: shown, problems: errors }, 'Nothing was changed.'),
  );
}

const placeOf = ({ severity, line, column, code }: Reported): string => [severity, line, column, code].join(' ');
