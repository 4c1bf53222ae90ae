import type { Command } from 'commander';
import type { ApplyView, OperationView } from '../src/api/wire.js';
import { exitStatus, PoolctlError } from '../src/errors.js';
import { refusal } from '../src/inventory/report.js';
import { untilEnded } from './ask/operation.js';
import { clientOf } from './ask/supervisor.js';
import { type Cli, type Globals, globalsOf } from './cli.js';
import { readInventory } from './inventory.js';
import { planLines } from './render/apply.js';
import { errorDocument, errorText } from './render/error.js';

export function apply(program: Command, cli: Cli): void {
  program
    .command('apply')
    .description('read pools.yaml anew, and carry out what has changed in it')
    .option('--dry-run', 'only say what that would change')
    .action(async ({ dryRun = false }: { dryRun?: boolean }, command: Command) => {
      const globals = globalsOf(command);
      const client = clientOf(cli, globals, 'apply the inventory');
      const { supervisor } = await client.status();
      const interrupted = cli.interruption();
      const view = await client.apply(dryRun).catch(async (error: unknown) => {
        if (!(error instanceof PoolctlError) || error.code !== 'INVENTORY_INVALID') throw error;
        await refused(error, supervisor.inventory, globals, cli);
        return null;
      });
      if (view === null) return;
      if (!globals.json && !globals.quiet) cli.stdout(planLines(view));
      if (view.notes !== undefined && !globals.json) for (const note of view.notes) cli.stderr(`note: ${note}\n`);
      const { operation_id } = view;
      if (operation_id === undefined) return ended(view, null, dryRun, globals, cli);
      const begun = await client.operation(operation_id, 0);
      const operation = await untilEnded(client, begun, () => Number.POSITIVE_INFINITY, interrupted);
      if (interrupted.aborted) {
        cli.stderr('stopped waiting; the apply goes on. Follow it: poolctl status\n');
        return cli.exit(130);
      }
      ended(view, operation, dryRun, globals, cli);
    });
}

function ended(
  view: ApplyView,
  operation: OperationView | null,
  dryRun: boolean,
  { json, quiet, verbose }: Globals,
  cli: Cli,
): void {
  const { error } = operation ?? {};
  if (json) cli.stdout(`${JSON.stringify(operation === null ? view : { ...view, operation })}\n`);
  if (error !== undefined) {
    const { code, message, why, hint } = error;
    const told = new PoolctlError(code as 'RELOAD_FAILED', message, {
      ...(why === undefined ? {} : { why }),
      ...(hint === undefined ? {} : { hint }),
    });
    if (!json) cli.stderr(errorText(told, verbose));
    cli.exit(exitStatus(told));
    return;
  }
  if (json || quiet) return;
  cli.stdout(dryRun || !view.changed ? 'Nothing was changed.\n' : `Applied.${cutOf(operation)}\n`);
}

function cutOf(operation: OperationView | null): string {
  const cut = operation?.cut ?? 0;
  return cut === 0 ? '' : ` ${cut} lease${cut === 1 ? '' : 's'} cut.`;
}

/** The same errors as `check` shows them, from the file itself; what only the supervisor can see is told in its words. */
async function refused(error: PoolctlError, file: string, { json, verbose }: Globals, cli: Cli): Promise<void> {
  cli.exit(4);
  if (json) {
    cli.stdout(`${JSON.stringify({ ...errorDocument(error), ...error.more.beside })}\n`);
    return;
  }
  const shown = file.startsWith(`${cli.cwd}/`) ? file.slice(cli.cwd.length + 1) : file;
  const here = await readInventory(cli, file, false, shown);
  cli.stderr(
    here.inventory === null ? refusal(here, 'Nothing was changed.') : `${errorText(error, verbose)}Nothing was changed.\n`,
  );
}
