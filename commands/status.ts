import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { ReplicaView, StatusView } from '../src/api/wire.js';
import { PoolctlError } from '../src/errors.js';
import { narrow, resolveTargets } from './ask/selectors.js';
import { clientOf, stateDirFor } from './ask/supervisor.js';
import { type Cli, type Globals, globalsOf } from './cli.js';

export function status(program: Command, cli: Cli): void {
  program
    .command('status [selector...]')
    .description('what runs, and why what does not run does not; exit 3 unless all wanted replicas are ready')
    .action(async (selectors: string[], _: unknown, command: Command) => {
      const globals = globalsOf(command);
      const known = await look(cli, globals);
      const view = selectors.length === 0 ? known : narrow(known, resolveTargets(selectors, known.pools, 'status'));
      const replicas = view.pools.flatMap(({ pool_id, replicas: places }) => places.map((replica) => ({ pool_id, replica })));
      if (globals.json) cli.stdout(`${JSON.stringify(view)}\n`);
      else if (replicas.length === 0) cli.stdout('no pools in pools.yaml\n');
      else cli.stdout(table([heads, ...replicas.map(({ pool_id, replica }) => cells(pool_id, replica, view.stale))]));
      if (view.stale) {
        cli.stderr(
          `stale: no supervisor is running; this is what pid ${view.supervisor.pid}, started ${view.supervisor.started_at}, wrote last\n`,
        );
        return cli.exit(6);
      }
      const wanted = replicas.filter(({ replica }) => replica.goal === 'up');
      const missing = wanted.filter(({ replica }) => !replica.ready);
      const [first] = missing;
      if (first === undefined) return;
      cli.stderr(
        `${missing.length} of ${wanted.length} wanted replicas are not ready. Next: poolctl logs ${first.pool_id}/${first.replica.replica_id}\n`,
      );
      cli.exit(3);
    });
}

/** Without a supervisor: the last known state, marked stale; without that either, NO_SUPERVISOR. */
async function look(cli: Cli, globals: Globals): Promise<StatusView> {
  try {
    return await clientOf(cli, globals, 'show the status').status();
  } catch (error) {
    if (!(error instanceof PoolctlError && error.code === 'NO_SUPERVISOR')) throw error;
    const last = await readFile(join(stateDirFor(cli, globals), 'state.json'), 'utf8').then(
      (text) => (JSON.parse(text) as { readonly status?: StatusView }).status,
      () => undefined,
    );
    if (last === undefined) throw error;
    return { ...last, stale: true };
  }
}

const heads = ['REPLICA', 'STATE', 'MASK', 'URL', 'LEASES', 'RUN', 'RST', 'WHY'] as const;

/** No cell is empty, so that awk can count them. */
function cells(poolId: string, replica: ReplicaView, stale: boolean): readonly string[] {
  const shown = (value: number | string | null): string => (value === null || value === '' ? '-' : String(value));
  const { replica_id, state, device_mask, url, ready, active_leases, slots_total, inflight, restart_count, why } = replica;
  const leases = ready ? `${active_leases}/${shown(slots_total)}` : '-';
  return [
    `${poolId}/${replica_id}`,
    stale ? `${state}?` : state,
    device_mask,
    shown(url),
    leases,
    shown(inflight),
    String(restart_count),
    shown(why),
  ];
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = heads.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
