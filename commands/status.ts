import type { Command } from 'commander';
import type { ReplicaView } from '../src/api/wire.js';
import { clientOf } from './ask/supervisor.js';
import { type Cli, globalsOf } from './cli.js';

export function status(program: Command, cli: Cli): void {
  program
    .command('status')
    .description('what runs, and why what does not run does not; exit 3 unless all wanted replicas are ready')
    .action(async (_: unknown, command: Command) => {
      const globals = globalsOf(command);
      const view = await clientOf(cli, globals, 'show the status').status();
      const replicas = view.pools.flatMap(({ pool_id, replicas: places }) => places.map((replica) => ({ pool_id, replica })));
      if (globals.json) cli.stdout(`${JSON.stringify(view)}\n`);
      else cli.stdout(table([heads, ...replicas.map(({ pool_id, replica }) => cells(pool_id, replica))]));
      const wanted = replicas.filter(({ replica }) => replica.goal === 'up');
      const missing = wanted.filter(({ replica }) => !replica.ready);
      if (missing.length === 0) return;
      cli.stderr(`${missing.length} of ${wanted.length} wanted replicas are not ready\n`);
      cli.exit(3);
    });
}

const heads = ['REPLICA', 'STATE', 'MASK', 'URL', 'LEASES', 'RUN', 'RST', 'WHY'] as const;

/** No cell is empty, so that awk can count them. */
function cells(poolId: string, replica: ReplicaView): readonly string[] {
  const shown = (value: number | string | null): string => (value === null || value === '' ? '-' : String(value));
  const { replica_id, state, device_mask, url, ready, active_leases, slots_total, inflight, restart_count, why } = replica;
  const leases = ready ? `${active_leases}/${shown(slots_total)}` : '-';
  return [`${poolId}/${replica_id}`, state, device_mask, shown(url), leases, shown(inflight), String(restart_count), shown(why)];
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
